"""What a piece of work costs, told apart from what else runs: other threads, other children."""

from __future__ import annotations

import os
import subprocess
import tempfile
import tracemalloc
from collections.abc import Callable, Sequence

import psutil

TRIES = 3


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
