"""Memory that was freed goes back to the system.

glibc keeps what a large request has freed for the next one: after four prompts of ten megabytes a
server stays at twice its size for good.  So its heaps are trimmed once the process has grown.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

GROWN: Final = 1.05
LONGEST: Final = 63  # rounds of a pause
STATM: Final = Path("/proc/self/statm")


class Heap:
    """`trim`, now and then, in any thread; it does nothing where there is no glibc.

    A round that gains nothing is followed by a longer pause, twice as long each time.
    """

    def __init__(self) -> None:
        self._trim = _malloc_trim()
        self._least = self._after = 0
        self._pause = self._skipped = 0

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
