"""A tensor that is split over ranks, and the whole one, each made from the other.

FSDP2 keeps of every parameter, gradient and moment only this rank's rows, as a `DTensor`.  What
works number by number (AdamW, clipping, EMA) never notices.  What needs a matrix whole (Muon, a
file that others read) asks here.  A plain tensor goes through untouched.  This file refuses to
start processes.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor


def is_split(x: Tensor) -> bool:
    """Asked without DTensor's import: half a second that one process alone need not wait."""
    return hasattr(x, "full_tensor")


def whole(x: Tensor) -> Tensor:
    """All of it, on every rank.  Every rank must ask, in the same order."""
    split: Any = x
    found: Tensor = split.full_tensor() if is_split(x) else x
    return found


def split_like(x: Tensor, model: Tensor) -> Tensor:
    """Of `x`, which every rank has whole, the part that `model` has here."""
    if not is_split(model):
        return x
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(model, DTensor)
    # src_data_rank=None: each rank cuts its own copy, and nothing is sent.
    return distribute_tensor(x, model.device_mesh, model.placements, src_data_rank=None)
