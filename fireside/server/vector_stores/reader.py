"""The work beside the requests: queued files are read, those of different owners side by side."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fireside.knowledge.collections import Collections
from fireside.knowledge.ingest import Ingest
from fireside.server.errors import log

LOOKS_EVERY = 30.0
"""Seconds; a file of this process wakes it at once, one of another waits so long."""
MOST_OWNERS = 3
"""Whose files are read at the same time: each may take 1 GiB and a core for minutes."""


class Reader:
    """A `Service`.  What it was reading when it was stopped is queued again."""

    def __init__(self, ingest: Ingest, collections: Collections) -> None:
        self._ingest = ingest
        self._collections = collections
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._wakes = [asyncio.Event() for _ in range(MOST_OWNERS)]

        def wake() -> None:
            loop.call_soon_threadsafe(self._wake)

        self._collections.wake = wake
        await asyncio.to_thread(self._ingest.start)
        self._threads = ThreadPoolExecutor(MOST_OWNERS, "fireside-read")
        self._tasks = [asyncio.create_task(self._work(each)) for each in self._wakes]

    async def stop(self) -> None:
        self._collections.wake = lambda: None
        self._ingest.stop()
        if self._tasks:
            self._wake()
            await asyncio.gather(*self._tasks)
            self._threads.shutdown()

    def _wake(self) -> None:
        for each in self._wakes:
            each.set()

    async def _work(self, wake: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        again = False
        while not self._ingest.stopping:
            wake.clear()
            try:
                if again:
                    await loop.run_in_executor(self._threads, self._ingest.recover)
                did = await loop.run_in_executor(self._threads, self._ingest.step)
                again = False
            except Exception:  # the disk, say, or a lock: it may be better in a while
                log.exception("reading files of vector stores failed; it is tried again")
                did, again = False, True
            if not did and not self._ingest.stopping:
                try:
                    await asyncio.wait_for(wake.wait(), LOOKS_EVERY)
                except TimeoutError:
                    continue
