"""Work that comes round: what has expired is deleted, in a thread, every so often.

A round that fails is logged and the next one is tried; it never ends the server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from fireside.server.errors import log


class Sweep:
    """A `Service` that calls `round_` at its start and every `seconds` after."""

    def __init__(self, round_: Callable[[], object], *, seconds: float = 60.0) -> None:
        self._round = round_
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._turn())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _turn(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._round)
            except Exception:
                log.exception("sweeping failed; it is tried again in %.0f s", self._seconds)
            await asyncio.sleep(self._seconds)
