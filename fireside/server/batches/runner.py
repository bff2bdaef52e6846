"""The service that works batches off: the oldest of each owner, a few owners at once.

One process of a home does it, the one that holds the lock; the others only serve the routes.  It
starts where the last one stopped or was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from fireside.errors import FiresideError
from fireside.server.batches import rows
from fireside.server.batches.slots import Slots
from fireside.server.batches.work import Work
from fireside.server.errors import log
from fireside.server.foreground import Foreground
from fireside.server.inside import Inside
from fireside.storage.files import Files

AT_ONCE: Final = 4
LOOK_EVERY: Final = 2.0
AFTER_FAILURE: Final = 60.0


class BatchRunner:
    """A `Service`.  lines: requests that run at once while nobody else asks."""

    def __init__(
        self, folder: Path, files: Files, inside: Inside, foreground: Foreground, lines: int
    ) -> None:
        self.files, self.objects = files, files.objects
        self._folder, self._inside = folder, inside
        self._slots = Slots(foreground, lines)
        self._lock = FileLock(folder / ".lock", blocking=False, thread_local=False, mode=0o600)
        self._works: dict[str, tuple[Work, asyncio.Task[None]]] = {}
        self._not_before: dict[str, float] = {}
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._turn())

    async def stop(self) -> None:
        """Lines that run are dropped; they are asked anew by the next start."""
        tasks = [task for _, task in self._works.values()]
        if self._task is not None:
            tasks.append(self._task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._lock.release)

    def wake(self) -> None:
        """There is something new to do."""
        self._wanted.set()

    def cancel(self, batch_id: str) -> None:
        """Its row says `cancelling` already."""
        if batch_id in self._works:
            self._works[batch_id][0].cancel()
        self.wake()

    async def _turn(self) -> None:
        while True:
            self._wanted.clear()
            try:
                if await asyncio.to_thread(self._is_ours):
                    await self._begin()
            except Exception as error:
                _say("looking for batches failed", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), LOOK_EVERY)

    def _is_ours(self) -> bool:
        if self._lock.is_locked:
            return True
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock.acquire()
        except Timeout:
            return False
        return True

    async def _begin(self) -> None:
        active = await asyncio.to_thread(
            self.objects.listed, rows.KIND, owner=None, statuses=rows.ACTIVE, order="asc",
            limit=10_000,
        )  # fmt: skip
        busy = {work.batch.owner for work, _ in self._works.values()}
        for batch in active.items:
            if len(self._works) >= AT_ONCE:
                return
            waits = self._not_before.get(batch.id, 0) > time.monotonic()
            if batch.owner in busy or waits:
                continue
            busy.add(batch.owner)
            work = Work(batch, self._folder, self.files, self._inside, self._slots)
            task = asyncio.create_task(self._watched(work))
            self._works[batch.id] = work, task

    async def _watched(self, work: Work) -> None:
        batch_id = work.batch.id
        try:
            await work.run()
            self._not_before.pop(batch_id, None)
        except Exception as error:
            _say(f"{batch_id} stopped; it is tried again in {AFTER_FAILURE:.0f} s", error)
            self._not_before[batch_id] = time.monotonic() + AFTER_FAILURE
        finally:
            del self._works[batch_id]
            self.wake()


def _say(what: str, error: BaseException) -> None:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, FiresideError):
        log.error("batches: %s: %s", what, error.message)
    else:
        log.error("batches: %s", what, exc_info=error)
