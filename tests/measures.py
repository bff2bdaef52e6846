"""What a piece of work costs, told apart from what else runs: other threads, other children."""

from __future__ import annotations

import gc
import os
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence

import psutil

TRIES = 3
LOOP = 100_000
LOOP_SECONDS = 0.010  # of it, on the machine for which the tests' bounds are written


def least_peak(work: Callable[[], object]) -> int:
    """The most bytes that Python held at once, in the try where other threads added least."""
    peaks = []
    for _ in range(TRIES):
        tracemalloc.start()
        try:
            work()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return min(peaks)


def seconds(work: Callable[[], object], tries: int = 1) -> float:
    """Processor time of this thread, the least of `tries`, as the machine of the bounds would take.

    A loop of known work is timed before and after: a slower processor, or one that others share,
    is slower at both.  The collector of cycles is off: its time grows with the process.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return min(_seconds(work) for _ in range(tries))
    finally:
        if collects:
            gc.enable()


def _seconds(work: Callable[[], object]) -> float:
    before = _thread_time(_loop)
    taken = _thread_time(work)
    return taken * LOOP_SECONDS / max(before, _thread_time(_loop), LOOP_SECONDS)


def _thread_time(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


def _loop() -> int:
    total = 0
    for number in range(LOOP):
        total = (total * 31 + number) & 0xFFFF
    return total


def spent_by(command: Sequence[str]) -> tuple[str, float]:
    """What a program prints, and its seconds of the processor; by the clock, a busy machine would
    count."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        printed = out.read().decode()
    assert process.returncode == 0, printed
    return printed, usage.ru_utime + usage.ru_stime


def command_of(process: psutil.Process) -> str:
    """Its command line; nothing of one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
