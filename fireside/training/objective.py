"""What the loop asks of an objective: micro-batches for a step, and a loss for each.

An objective is one file in `objectives/` with one pure loss function on tensors.  This file
computes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from jaxtyping import Float
from torch import Tensor

from fireside.model.transformer import Transformer


class Micro(Protocol):
    """What goes through the model at once.

    weight: how much its loss counts, usually the number of learned tokens (or of pairs).
    """

    @property
    def weight(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Loss:
    """total: summed (not averaged) over the micro-batch's weight, with its graph.

    metrics: sums over the weight as well; the loop divides both by the step's whole weight, so
    what it reports is a mean per unit of weight.
    """

    total: Float[Tensor, ""]
    metrics: dict[str, float] = field(default_factory=dict)


class Objective(Protocol):
    name: str

    def micro_batches(self, step: int) -> Sequence[Any]:
        """This rank's share of a step, each a `Micro`.

        A pure function of `step` (and of the weights, where a model writes its own data), so that
        a resumed run sees what an uninterrupted one saw.
        """
        ...

    def loss(self, model: Transformer, micro: Any) -> Loss: ...

    def validate(self, model: Transformer) -> dict[str, float]:
        """Held-out figures; "loss" is the one that early stopping and the best checkpoint read.

        Empty when nothing was held out.
        """
        ...
