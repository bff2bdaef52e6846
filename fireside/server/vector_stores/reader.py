"""The work beside the requests: queued files are read, one after the other, in one thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fireside.knowledge.collections import Collections
from fireside.knowledge.ingest import Ingest
from fireside.server.errors import log

LOOKS_EVERY = 30.0
"""Seconds; a file of this process wakes it at once, one of another waits so long."""


class Reader:
    """A `Service`.  What it was reading when it was stopped is queued again."""

    def __init__(self, ingest: Ingest, collections: Collections) -> None:
        self._ingest = ingest
        self._collections = collections
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(self._wake.set)

        self._collections.wake = wake
        await asyncio.to_thread(self._ingest.start)
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        self._collections.wake = lambda: None
        self._ingest.stop()
        if self._task is not None:
            self._wake.set()
            await self._task

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        again = False
        with ThreadPoolExecutor(1, "fireside-read") as thread:
            while not self._ingest.stopping:
                self._wake.clear()
                try:
                    if again:
                        await loop.run_in_executor(thread, self._ingest.recover)
                    did = await loop.run_in_executor(thread, self._ingest.step)
                    again = False
                except Exception:  # the disk, say, or a lock: it may be better in a while
                    log.exception("reading files of vector stores failed; it is tried again")
                    did, again = False, True
                if not did and not self._ingest.stopping:
                    try:
                        await asyncio.wait_for(self._wake.wait(), LOOKS_EVERY)
                    except TimeoutError:
                        continue
