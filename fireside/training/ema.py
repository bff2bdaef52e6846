"""A slow copy of the weights: their exponential moving average (Polyak & Juditsky 1992).

Validation and the result use the copy, training goes on with the weights.  It refuses to average
what is not trained: a frozen base needs no second copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Ema:
    """average <- decay * average + (1 - decay) * weight, once per step.

    Early on the decay is (1 + step) / (10 + step) where that is less, so that the copy forgets
    the random weights of the beginning (TensorFlow's rule).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.averages = {n: p.detach().clone() for n, p in self.parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """step: how many updates there were before this one."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(
            list(self.averages.values()), [p.detach() for p in self.parameters.values()], share
        )

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the model has the averages for weights; afterwards its own again."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, parameter in self.parameters.items():
            own = parameter.detach().clone()
            parameter.copy_(self.averages[name])
            self.averages[name].copy_(own)

    def tensors(self) -> dict[str, Tensor]:
        return dict(self.averages)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        for name, average in self.averages.items():
            average.copy_(tensors[name])
