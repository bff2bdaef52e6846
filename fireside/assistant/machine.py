"""What this machine can spare for a model: memory, bandwidth, cores.

Measured, not looked up: a container sees its host's figures unless its own limit is read.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import psutil

PROBE_BYTES: Final = 64 << 20  # beyond any cache of a common machine
SLICE_BYTES: Final = 2 << 20  # copied in a fraction of what a scheduler gives at once
PROBE_SECONDS: Final = 0.25
MORE_CORES: Final = 1.2
"""What all cores copy of one core's, at the least: 20 of 17 GB/s on two of a Xeon."""
LIMITS: Final = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> tuple[str, frozenset[str]]:
    """Its name and its flags, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        fields: dict[str, str] = {}
        for line in info.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
        flags = fields.get("flags", fields.get("Features", ""))
        return fields.get("model name", platform.machine()), frozenset(flags.split())
    if sys.platform == "darwin":
        name = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"],
            capture_output=True,
            text=True,
            check=False,
        )
        return name.stdout.strip() or platform.machine(), frozenset()
    return platform.processor() or platform.machine(), frozenset()


def memory_total() -> int:
    """Bytes of memory, or of the container's share."""
    limits = [limit for limit, _ in _container_limits()]
    return min([psutil.virtual_memory().total, *limits])


def memory_available() -> int:
    """Bytes that a new model could take without anything being swapped out."""
    spare = [limit - used for limit, used in _container_limits()]
    return max(0, min([psutil.virtual_memory().available, *spare]))


def _container_limits() -> list[tuple[int, int]]:
    found = []
    for limit, used in LIMITS:
        try:
            found.append((int(limit.read_text()), int(used.read_text())))
        except (OSError, ValueError):  # no such control group, or "max"
            continue
    return found


def bandwidth() -> float:
    """GB/s of a plain copy, read and write counted, on all cores; takes half a second.

    Two measurements, of which the higher counts.  All cores at once are right on a quiet machine,
    and a fifth of that at a load of 12.  One core's best is what it was: of a hundred
    copies of a quarter of a millisecond some are never interrupted (16 to 17.5 GB/s in 12 tries
    at a load of 13, where all cores gave 3.4 instead of 20).
    """
    alone = _best_copy([_pair(PROBE_BYTES)], SLICE_BYTES)
    if cores() == 1:
        return alone
    size = PROBE_BYTES // cores()
    together = _best_copy([_pair(size) for _ in range(cores())], size)
    return max(MORE_CORES * alone, together)


Pair = tuple[np.ndarray, np.ndarray]


def _pair(size: int) -> Pair:
    return np.ones(size, np.uint8), np.ones(size, np.uint8)


def _best_copy(pairs: list[Pair], step: int) -> float:
    """The best of many copies of `step` bytes, one in a thread for each pair."""
    size = len(pairs[0][0])
    best, end = float("inf"), time.perf_counter() + PROBE_SECONDS
    place = 0

    def copy(pair: Pair) -> None:
        source, target = pair
        np.copyto(target[place : place + step], source[place : place + step])

    with ThreadPoolExecutor(len(pairs)) as pool:
        while (start := time.perf_counter()) < end:
            if len(pairs) == 1:
                copy(pairs[0])
            else:
                list(pool.map(copy, pairs))
            best = min(best, time.perf_counter() - start)
            place = place + step if place + 2 * step <= size else 0
    return 2 * step * len(pairs) / best / 1e9
