"""How many threads the arithmetic uses, now: as many cores as nobody else is using.

OpenMP waits at the end of every operation for its slowest thread, spinning.  If another process
holds one of our cores, that thread is not even running, and a token takes ten times as long
(llama.cpp keeps 2–15 % of its speed then).  One thread fewer, and there is nothing to wait for.
So the load of everybody else is read from the system's own accounting a few times a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch

SECONDS_BETWEEN = 0.2
# Cores' worth of foreign work at which we give up a core, and at which we take it back.
GIVE_UP, TAKE_BACK = 0.5, 0.25

_beside_lock = threading.Lock()
_beside_seconds = 0.0


@contextmanager
def beside() -> Iterator[None]:
    """What this thread computes meanwhile is foreign work to the engine, which leaves it a core.

    For work of one thread in our own process (embeddings), which the system's accounting cannot
    tell from the engine's.
    """
    global _beside_seconds
    start = time.thread_time()
    try:
        yield
    finally:
        with _beside_lock:
            _beside_seconds += time.thread_time() - start


class Threads:
    """Call `adjust` from the thread that computes: OpenMP keeps its count per thread.

    stale: seconds after which a measurement says nothing about now; infinite for one who computes
    without a pause.  Of two such in a row the second counts: it was no pause but a slow step.
    """

    def __init__(self, most: int, *, stale: float = 10 * SECONDS_BETWEEN) -> None:
        self.most = most
        self._stale = stale
        self.now = most
        self._next = 0.0
        self._is_after_pause = False
        self._foreign_before = self._foreign()
        self._set: int | None = None

    def adjust(self) -> None:
        """Look at the machine if it is time to, and set the number of threads."""
        moment = time.monotonic()
        if self._set is None:
            self._apply(self.most)
        if moment < self._next:
            return
        foreign = self._foreign()
        seconds, work = (
            now - then for now, then in zip(foreign, self._foreign_before, strict=True)
        )
        self._next, self._foreign_before = moment + SECONDS_BETWEEN, foreign
        self._is_after_pause = seconds >= self._stale and not self._is_after_pause
        if seconds > 0 and not self._is_after_pause:
            self._apply(self._wanted(work / seconds))

    def _wanted(self, busy: float) -> int:
        free = (psutil.cpu_count() or self.most) - busy
        if self.now > free + GIVE_UP:
            return max(1, int(free + GIVE_UP))
        if self.now + 1 <= free + TAKE_BACK:
            return min(self.most, int(free + TAKE_BACK))
        return self.now

    def _apply(self, count: int) -> None:
        if count != self._set:
            torch.set_num_threads(count)
            self._set = self.now = count

    @staticmethod
    def _foreign() -> tuple[float, float]:
        """(wall clock, CPU seconds that everybody but this process's engine has used)."""
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        ours = time.process_time() - _beside_seconds
        return time.monotonic(), sum(times) - idle - guest - ours
