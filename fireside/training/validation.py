"""Means of loss and metrics over held-out micro-batches, as the loop reports them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch

from fireside.model.transformer import Transformer
from fireside.training.objective import Objective


@torch.no_grad()
def means(model: Transformer, objective: Objective, micros: Iterable[Any]) -> dict[str, float]:
    """Per unit of weight; empty when there are none."""
    sums: Counter[str] = Counter()
    weight = 0.0
    for micro in micros:
        loss = objective.loss(model, micro)
        sums.update({"loss": float(loss.total), **loss.metrics})
        weight += micro.weight
    return {name: value / weight for name, value in sums.items()} if weight else {}
