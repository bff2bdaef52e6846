"""How many requests of batches run at once: a few, and one while anybody outside waits.

One always may, so that a batch ends on a server that is never quiet.
"""

from __future__ import annotations

import asyncio

from fireside.server.foreground import Foreground


class Slots:
    """Shared by all batches, which take them in turn."""

    def __init__(self, foreground: Foreground, most: int) -> None:
        self._foreground = foreground
        self._most = most
        self._running = 0
        self._freed = asyncio.Event()

    async def take(self) -> None:
        while self._running >= (1 if self._foreground.running else self._most):
            self._freed.clear()
            await self._freed.wait()
        self._running += 1

    def give_back(self, _: object = None) -> None:
        self._running -= 1
        self._freed.set()
