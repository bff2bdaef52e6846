"""What this machine can spare for a model: memory, bandwidth, cores.

Measured, not looked up: a container sees its host's figures unless its own limit is read.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import psutil

PROBE_BYTES: Final = 64 << 20  # beyond any cache of a common machine, quick to copy
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


def copy_bandwidth() -> float:
    """GB/s of a plain copy on all cores, read and write counted; takes some 0.1 s."""
    workers = cores()
    size = PROBE_BYTES // workers
    pairs = [(np.ones(size, np.uint8), np.ones(size, np.uint8)) for _ in range(workers)]
    best = float("inf")
    with ThreadPoolExecutor(workers) as pool:
        for _ in range(4):
            start = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(*pair), pairs))
            best = min(best, time.perf_counter() - start)
    return 2 * size * workers / best / 1e9
