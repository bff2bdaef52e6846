"""What this machine has for the arithmetic: processors, a GPU, free memory.

Torch is asked only where a GPU's driver is there: importing it takes longer than a model's start.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import psutil

from fireside.errors import BadRequest

DRIVERS = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1",)
AMD = Path("/dev/kfd")


def core_count(threads: int = 0) -> int:
    """`threads`, or one per physical core that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    physical = psutil.cpu_count(logical=False) or allowed or 1
    return threads or min(physical, allowed or 1)


def choose_device(wanted: str) -> str:
    """`cpu` or `cuda`, of a setting that may be `auto`.

    Raises:
        BadRequest: CUDA is asked for and not there.
    """
    if wanted != "cpu" and _has_driver() and _torch_sees_gpu():
        return "cuda"
    if wanted == "cuda":
        raise BadRequest(
            "FIRESIDE_DEVICE is cuda, but this PyTorch sees no CUDA device: use cpu or auto.",
            param="device",
        )
    return "cpu"


def free_memory(device: str) -> int:
    """Bytes."""
    if device == "cpu":
        return int(psutil.virtual_memory().available)
    import torch

    return int(torch.cuda.mem_get_info(device)[0])


def _has_driver() -> bool:
    """Whether there may be a GPU; without a driver torch sees none."""
    for name in DRIVERS:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return AMD.exists()


def _torch_sees_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
