"""Memory that was freed goes back to the system.

glibc keeps what a large request has freed for the next one: after four prompts of ten megabytes a
server stays at twice its size for good.  So its heaps are trimmed once the process has grown.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

GROWN: Final = 1.05
STATM: Final = Path("/proc/self/statm")


class Heap:
    """`trim`, now and then, in any thread; it does nothing where there is no glibc."""

    def __init__(self) -> None:
        self._trim = _malloc_trim()
        self._after = 0

    def trim(self) -> None:
        if self._trim is not None and _resident() > GROWN * self._after:
            self._trim(0)
            self._after = _resident()


def _malloc_trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux") or not STATM.exists():
        return None
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


def _resident() -> int:
    """Pages in memory."""
    return int(STATM.read_text().split()[1])
