"""How often something may happen: so often a second, and twice as often for a moment."""

from __future__ import annotations

import asyncio
import time


class Pace:
    def __init__(self, a_second: float) -> None:
        self._a_second = a_second
        self._left = 2 * a_second
        self._seen = time.monotonic()

    def charge(self, times: int) -> None:
        """Count something for so many times more."""
        self._left -= times

    async def next(self) -> None:
        """Wait until it may happen once more."""
        now = time.monotonic()
        self._left = min(2 * self._a_second, self._left + (now - self._seen) * self._a_second) - 1
        self._seen = now
        if self._left < 0:
            await asyncio.sleep(-self._left / self._a_second)
