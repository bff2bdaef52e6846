"""What happens when a loss or a gradient is inf or NaN: stop, and keep the evidence.

The weights have not been touched yet when this is found, so the last checkpoint and the run are
sound; the batch is saved, so that it can be looked at.  It refuses to skip the batch silently.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from fireside.errors import NonFinite
from fireside.training.objective import Loss
from fireside.training.world import World


def check_finite(
    loss: float,
    norm: float,
    step: int,
    micros: Sequence[Any],
    losses: Sequence[Loss],
    folder: Path | None,
    world: World,
) -> None:
    """Errors: NonFinite, when loss or gradient norm is; saves the step's micro-batches first.

    Of several ranks each saves its own, unless another's loss is the one that is not finite.
    """
    if math.isfinite(loss) and math.isfinite(norm):
        return
    what = f"the gradient is {norm}" if math.isfinite(loss) else f"the loss is {loss}"
    where = ""
    if folder is not None:
        of = "" if world.size == 1 else f"-rank-{world.rank}"
        path = folder / f"nonfinite-step-{step}{of}.safetensors"
        guilty = [i for i, one in enumerate(losses) if not math.isfinite(float(one.total))]
        tensors = {
            f"{i}.{name}": tensor.detach().cpu().contiguous().clone()
            for i in guilty or range(len(micros))
            for name, tensor in tensors_of(micros[i])
        }
        if guilty or math.isfinite(loss):
            folder.mkdir(parents=True, exist_ok=True)
            save_file(tensors, path, metadata={"step": str(step), "loss": str(loss)})
        shown = path if world.size == 1 else folder / f"nonfinite-step-{step}-rank-*.safetensors"
        where = f"; the batch is in {shown}"
    raise NonFinite(
        f"step {step + 1}: {what}{where}. Go on from the last checkpoint with a lower learning "
        "rate, or look at that batch."
    )


def tensors_of(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in a micro-batch, by its path through data classes, lists and mappings."""
    if isinstance(value, Tensor):
        yield name, value
        return
    parts: Iterator[tuple[Any, Any]]
    if dataclasses.is_dataclass(value):
        parts = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
    elif isinstance(value, dict):
        parts = iter(value.items())
    elif isinstance(value, list | tuple):
        parts = iter(enumerate(value))
    else:
        return
    for key, part in parts:
        yield from tensors_of(part, f"{name}.{key}" if name else str(key))
