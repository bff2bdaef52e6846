"""Memory that was freed goes back to the system, and what stays is not searched for cycles.

glibc keeps what a large request has freed for the next one: after four prompts of ten megabytes a
server stays at twice its size for good.  So its heaps are trimmed once the process has grown.

Libraries and models are 400,000 objects, and Python's search for cycles among them holds up every
thread for 0.3 s of the processor, again and again under load.  So they are left out of it.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fireside.server.sweep import Sweep

GROWN: Final = 1.05
LONGEST: Final = 63  # rounds of a pause
STATM: Final = Path("/proc/self/statm")


class Heap(Sweep):
    """A `Service`.  is_loaded: whether all is there that stays until the server ends.

    A round of trimming that gains nothing is followed by a longer pause, twice as long each time.
    Where there is no glibc, nothing is trimmed.
    """

    def __init__(self, is_loaded: Callable[[], bool]) -> None:
        super().__init__(self.tend, seconds=5)
        self._is_loaded = is_loaded
        self._frozen = False
        self._trim = _malloc_trim()
        self._least = self._after = 0
        self._pause = self._skipped = 0

    async def stop(self) -> None:
        await super().stop()
        if self._frozen:
            gc.unfreeze()

    def tend(self) -> None:
        """In any thread."""
        if not self._frozen and self._is_loaded():
            gc.collect()
            gc.freeze()
            self._frozen = True
        self.trim()

    def trim(self) -> None:
        if self._trim is None:
            return
        before = _resident()
        if before > GROWN * self._after:
            self._pause = 0
        self._skipped += 1
        if before <= GROWN * self._least or self._skipped <= self._pause:
            return
        # Python looks for cycles among old objects only when there are many new ones, and a few
        # that hold ten megabytes each are not many.
        gc.collect()
        self._trim(0)
        self._after = _resident()
        self._least = min(self._least or self._after, self._after)
        gained = before > GROWN * self._after
        self._pause = 0 if gained else min(LONGEST, 2 * self._pause + 1)
        self._skipped = 0


def _malloc_trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux") or not STATM.exists():
        return None
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


def _resident() -> int:
    """Pages in memory."""
    return int(STATM.read_text().split()[1])
