"""Distillation from a teacher's logits (Hinton et al. 2015, arXiv:1503.02531).

    forward   KL(teacher || student)    covers all that the teacher might say
    reverse   KL(student || teacher)    says only what the teacher would (MiniLLM, 2306.08543)

Both at a temperature, and times its square, so that gradients keep their size (Hinton, section 2).
Tokens go through both heads in chunks that are computed again in backward: the full logits never
stand whole.  It refuses a teacher of another vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from fireside.errors import BadRequest
from fireside.model.transformer import Transformer
from fireside.tokenizer import Tokenizer
from fireside.training.cross_entropy import CHUNK_NUMBERS, learned
from fireside.training.objective import Loss
from fireside.training.objectives.next_token import moved
from fireside.training.validation import means

if TYPE_CHECKING:
    from fireside.data.batches import Batch, Batches

Direction = Literal["forward", "reverse"]


def distill_loss(
    student: Float[Tensor, "N V"],
    teacher: Float[Tensor, "N V"],
    *,
    temperature: float = 1.0,
    direction: Direction = "forward",
) -> Float[Tensor, " N"]:
    """Each token's divergence, from the logits."""
    ours = F.log_softmax(student.float() / temperature, dim=-1)
    theirs = F.log_softmax(teacher.float() / temperature, dim=-1)
    if direction == "forward":
        apart = (theirs.exp() * (theirs - ours)).sum(dim=-1)
    else:
        apart = (ours.exp() * (ours - theirs)).sum(dim=-1)
    return apart * temperature**2


def chunked_distill_loss(
    student: Transformer,
    teacher: Transformer,
    rows: Float[Tensor, "N D"],
    teacher_rows: Float[Tensor, "N E"],
    *,
    temperature: float,
    direction: Direction,
) -> Float[Tensor, ""]:
    """The sum of `distill_loss` over tokens, from what the heads read."""

    def of(ours: Tensor, theirs: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = teacher.head(theirs)
        each = partial(distill_loss, temperature=temperature, direction=direction)
        return each(student.head(ours), wanted).sum()

    size = max(1, CHUNK_NUMBERS // student.config.vocab_size)
    total = rows.new_zeros((), dtype=torch.float32)
    for ours, theirs in zip(torch.split(rows, size), torch.split(teacher_rows, size), strict=True):
        total = total + checkpoint(of, ours, theirs, use_reentrant=False)
    return total


class Distill:
    """Learns to predict what a teacher predicts, on the tokens that `batches` mark as learned.

    Parts: as `NextToken`'s, and the `teacher`, whose weights are left alone.
    Errors: BadRequest where the vocabularies differ; see `same_vocabulary` for the tokens.
    """

    name = "distill"

    def __init__(
        self,
        *,
        model: Transformer,
        teacher: Transformer,
        batches: Batches,
        held_out: Sequence[Batch] = (),
        temperature: float = 1.0,
        direction: Direction = "forward",
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        ours, theirs = model.config.vocab_size, teacher.config.vocab_size
        if ours != theirs:
            raise BadRequest(
                f"the teacher knows {theirs:,} tokens and the model {ours:,}: distillation needs "
                "one vocabulary, so take a teacher of the same family",
                param="objective.teacher",
            )
        if direction not in ("forward", "reverse") or not temperature > 0:
            raise BadRequest(
                f"distillation at temperature {temperature} in direction {direction!r}: take one "
                "above 0, forward or reverse"
            )
        self.teacher = teacher.eval().requires_grad_(False)
        self.batches, self.held_out = batches, held_out
        self.temperature, self.direction = temperature, direction
        self.rank, self.ranks = rank, ranks

    def micro_batches(self, step: int) -> Sequence[Batch]:
        return self.batches.rows(step, self.rank, self.ranks)

    def loss(self, model: Transformer, micro: Batch) -> Loss:
        batch = moved(micro, model.model.embed_tokens.weight.device)
        with torch.no_grad():
            wanted = _read_by_head(self.teacher, batch)
        rows = _read_by_head(model, batch)
        total = chunked_distill_loss(
            model,
            self.teacher,
            rows,
            wanted,
            temperature=self.temperature,
            direction=self.direction,
        )
        return Loss(total=total)

    def validate(self, model: Transformer) -> dict[str, float]:
        """Mean divergence in nats per token."""
        return means(model, self, self.held_out)


def _read_by_head(model: Transformer, batch: Batch) -> Float[Tensor, "N D"]:
    hidden = model.hidden(batch.ids, positions=batch.positions, documents=batch.documents)
    return learned(hidden, batch.targets)[0]


def same_vocabulary(student: Tokenizer, teacher: Tokenizer) -> None:
    """Errors: BadRequest, naming the first token that differs."""
    for number in range(max(student.vocab_size, teacher.vocab_size)):
        said = [t.token_bytes(number) for t in (student, teacher) if number < t.vocab_size]
        if len(said) < 2 or said[0] != said[1]:
            raise BadRequest(
                f"token {number} of the teacher is not the model's: distillation needs one "
                "vocabulary, so take a teacher of the same family",
                param="objective.teacher",
            )
