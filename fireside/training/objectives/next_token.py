"""Next-token prediction: -log p(token | tokens before it), summed over the learned tokens.

Pretraining is this on text; SFT is this on chats, with a mask (`sft.py`).  It refuses to average:
the loop divides by the weight of the whole step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from fireside.model.transformer import Transformer
from fireside.training.cross_entropy import learned, linear_cross_entropy
from fireside.training.objective import Loss

if TYPE_CHECKING:
    from fireside.data.batches import Batch, Batches


def next_token_loss(model: Transformer, batch: Batch) -> Float[Tensor, ""]:
    """Sum of -log p over the targets that are not -100, in nats."""
    hidden = model.hidden(batch.ids, positions=batch.positions, documents=batch.documents)
    rows, targets = learned(hidden, batch.targets)
    return linear_cross_entropy(
        rows, model.head_weight, targets, softcap=model.config.logit_softcap
    )


@dataclass(frozen=True, kw_only=True)
class NextToken:
    """Parts: `batches` to learn from, `held_out` ones to validate on.

    bytes_per_token: of the held-out text (bytes / learned tokens), for bits per byte; None where
    the data is not plain text.  added: a number's sum over all ranks.
    """

    batches: Batches
    held_out: Sequence[Batch] = ()
    bytes_per_token: float | None = None
    rank: int = 0
    ranks: int = 1
    added: Callable[[Tensor], Tensor] = lambda x: x
    name: str = "pretrain"

    def micro_batches(self, step: int) -> Sequence[Batch]:
        return self.batches.rows(step, self.rank, self.ranks)

    def loss(self, model: Transformer, micro: Batch) -> Loss:
        return Loss(total=next_token_loss(model, moved(micro, _device(model))))

    @torch.no_grad()
    def validate(self, model: Transformer) -> dict[str, float]:
        """Mean loss in nats per token, perplexity, and bits per byte of plain text."""
        weight = sum(batch.weight for batch in self.held_out)
        if not weight:
            return {}
        loss = self._total(model) / weight
        found = {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
        if self.bytes_per_token:
            found["bits_per_byte"] = loss / math.log(2) / self.bytes_per_token
        return found

    def _total(self, model: Transformer) -> float:
        """The loss of all held-out batches; ranks take them in turn, and equally often."""
        total, device, last = 0.0, _device(model), len(self.held_out) - 1
        for turn in range(0, len(self.held_out), self.ranks):
            mine = turn + self.rank
            loss = float(next_token_loss(model, moved(self.held_out[min(mine, last)], device)))
            total += loss if mine <= last else 0.0
        return float(self.added(torch.tensor(total, dtype=torch.float64, device=device)))


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch's tensors on a device."""
    if batch.ids.device == device:
        return batch
    tensors: dict[str, Any] = {
        part.name: value.to(device, non_blocking=True)
        for part in fields(batch)
        if isinstance(value := getattr(batch, part.name), Tensor)
    }
    return replace(batch, **tensors)


def _device(model: Transformer) -> torch.device:
    return next(model.parameters()).device
