"""Muon: momentum, made orthogonal (Jordan et al. 2024, kellerjordan.github.io/posts/muon).

`torch.optim.Muon` iterates in bfloat16 whatever the machine; on a CPU without bfloat16
instructions that is several times slower than float32 (docs/log.md), and it takes one matrix at a
time.  This one iterates in float32 there and takes all matrices of a shape together.  It is
tested against torch's.  Where ranks hold a matrix in parts, each gathers it and makes all of it
orthogonal.  It refuses anything but matrices.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from fireside.training.shards import split_like, whole

# Jordan's quintic: steepest at 0; singular values end between 0.5 and 1.5, and need not be 1.
A, B, C = 3.4445, -4.7750, 2.0315
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Nesterov momentum -> orthogonal -> scaled to AdamW's size, 0.2 sqrt(longer side)
    (Liu et al. 2025, arxiv.org/abs/2502.16982); decoupled weight decay."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            together: dict[tuple[torch.Size, torch.dtype], list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    together[parameter.shape, parameter.dtype].append(parameter)
            for parameters in together.values():
                self._update(parameters, group)

    def _update(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        updates = []
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
            update = parameter.grad.lerp(state["momentum"], group["momentum"])  # type: ignore[union-attr]
            updates.append(whole(update))
        rate = group["lr"]
        size = 0.2 * math.sqrt(max(parameters[0].shape))
        for parameter, update in zip(parameters, orthogonal(torch.stack(updates)), strict=True):
            parameter.mul_(1 - rate * group["weight_decay"])
            share = split_like(update.to(parameter.dtype), parameter)
            parameter.add_(share, alpha=-rate * size)


def orthogonal(x: Float[Tensor, "N rows columns"]) -> Float[Tensor, "N rows columns"]:
    """Each matrix with singular values near 1, by Newton-Schulz; never longer than it was wide."""
    tall = x.shape[-2] > x.shape[-1]
    x = x.bfloat16() if x.is_cuda else x.float()
    x = x.mT if tall else x
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x.mT if tall else x
