"""What torchrun tells a process about itself: its number, and of how many.

Read before torch is imported, by those that print.  Refuses to start anything.
"""

from __future__ import annotations

import os


def size() -> int:
    """Of all processes that train together; 1 where nobody has said."""
    return _number("WORLD_SIZE", 1)


def rank() -> int:
    return _number("RANK", 0)


def local_rank() -> int:
    """Among those on this machine: which of its GPUs is ours."""
    return _number("LOCAL_RANK", 0)


def local_size() -> int:
    return _number("LOCAL_WORLD_SIZE", 1)


def _number(name: str, otherwise: int) -> int:
    said = os.environ.get(name, "")
    return int(said) if said.isdigit() else otherwise
