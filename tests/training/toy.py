"""A model that trains in milliseconds, and batches made of thin air: pure functions of the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fireside.model.config import ModelConfig, Rope
from fireside.model.transformer import Transformer
from fireside.training.objectives.next_token import NextToken
from fireside.training.optimisers import OptimiserConfig
from fireside.training.plan import Plan
from fireside.training.schedules import Schedule

VOCAB = 61


@dataclass(frozen=True, kw_only=True)
class Batch:
    ids: Tensor
    targets: Tensor
    documents: Tensor | None = None
    positions: Tensor | None = None
    weight: float


def batch(ids: Tensor, **more: Any) -> Batch:
    """The next token everywhere but at the end of a row."""
    targets = torch.full_like(ids, -100)
    targets[:, :-1] = ids[:, 1:]
    return Batch(ids=ids, targets=targets, weight=float((targets != -100).sum()), **more)


@dataclass(frozen=True)
class ToyBatches:
    """A language that can be learned: each token is the one before plus 1, 2 or 3."""

    rows_per_step: int = 6
    rows_per_batch: int = 6
    length: int = 16
    seed: int = 0
    steps_per_epoch: int = 100

    def rows(self, step: int, rank: int = 0, ranks: int = 1) -> list[Any]:
        dice = torch.Generator().manual_seed(self.seed * 1000 + step)
        jumps = torch.randint(1, 4, (self.rows_per_step, self.length), generator=dice)
        ids = (jumps.cumsum(dim=1) % VOCAB)[rank::ranks]
        return [batch(part) for part in ids.split(self.rows_per_batch)]


def model(seed: int = 0, **changes: Any) -> Transformer:
    fields: dict[str, Any] = {
        "family": "llama", "vocab_size": VOCAB, "width": 16, "num_layers": 2, "num_heads": 4,
        "num_kv_heads": 2, "head_dim": 4, "mlp_width": 24, "context": 64, "rope": Rope(),
    }  # fmt: skip
    return Transformer.fresh(ModelConfig(**fields | changes), seed=seed)


def plan(steps: int = 8, name: Any = "adamw", **changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "schedule": Schedule(steps=steps, warmup=2),
        "optimiser": OptimiserConfig(name=name, learning_rate=1e-2),
    }
    return Plan(**fields | changes)


def objective(rows_per_batch: int = 6, held_out: int = 1) -> NextToken:
    validation = ToyBatches(seed=77).rows(0)[:held_out]
    return NextToken(batches=ToyBatches(rows_per_batch=rows_per_batch), held_out=validation)
