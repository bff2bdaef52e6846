"""Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290).

    loss = -log sigmoid(beta * ((log p - log p_ref)(chosen) - (log p - log p_ref)(rejected)))

A reward model is never made: beta * (log p - log p_ref) of an answer is its reward.  The
reference's log-probabilities are computed once (`answers.Reference`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from fireside.model.transformer import Transformer
from fireside.training.answers import (
    Answer,
    Progress,
    Reference,
    Rows,
    by_length,
    logprobs_of_answers,
)
from fireside.training.objective import Loss
from fireside.training.validation import means

if TYPE_CHECKING:
    from fireside.data.token_examples import Examples, TokenPair


def dpo_loss(
    chosen: Float[Tensor, " P"],
    rejected: Float[Tensor, " P"],
    reference_chosen: Float[Tensor, " P"],
    reference_rejected: Float[Tensor, " P"],
    *,
    beta: float,
) -> Float[Tensor, " P"]:
    """Each pair's loss, from the log-probabilities of whole answers."""
    margin = (chosen - reference_chosen) - (rejected - reference_rejected)
    return -F.logsigmoid(beta * margin)


@dataclass(frozen=True, kw_only=True)
class PairRows:
    """rows: the chosen answers of `weight` pairs, then the rejected ones, in the same order."""

    rows: Rows
    reference: Float[Tensor, " 2P"]
    weight: float


class Dpo:
    """Learns from preference pairs.

    Parts: `examples` to learn from, `held_out` ones to validate on.  Making it takes one forward
    pass over every answer, for the reference: make it before the first step, and with a `kept`
    path, so that a resumed run finds what the first one reckoned.

    beta: how near the reference to stay; what is learned of one pair fades as beta * margin grows.
    rows: pairs that go through the model at once.
    """

    name = "dpo"

    def __init__(
        self,
        *,
        model: Transformer,
        examples: Examples,
        held_out: Sequence[TokenPair] = (),
        beta: float = 0.1,
        rows: int = 4,
        kept: Path | None = None,
        rank: int = 0,
        ranks: int = 1,
        progress: Progress = lambda done, total: None,
    ) -> None:
        self.examples, self.held_out, self.beta = examples, held_out, beta
        self.rows, self.rank, self.ranks = rows, rank, ranks
        pairs = cast("Iterable[TokenPair]", chain(examples.once(), held_out))
        self.reference = Reference.of(
            model,
            (answer for pair in pairs for answer in both(pair)),
            rows=2 * rows,
            path=kept,
            writes=rank == 0,
            progress=progress,
        )

    def micro_batches(self, step: int) -> list[PairRows]:
        pairs = cast("list[TokenPair]", self.examples.step(step, self.rank, self.ranks))
        return list(self._micros(pairs))

    def loss(self, model: Transformer, micro: PairRows) -> Loss:
        device = model.model.embed_tokens.weight.device
        reference = micro.reference.to(device)
        chosen, rejected = logprobs_of_answers(model, micro.rows).chunk(2)
        before_chosen, before_rejected = reference.chunk(2)
        total = dpo_loss(chosen, rejected, before_chosen, before_rejected, beta=self.beta).sum()
        won = self.beta * (chosen.detach() - before_chosen)
        lost = self.beta * (rejected.detach() - before_rejected)
        # A tie is half a hit: before the first step the model prefers nothing.
        hits = (won > lost).double() + 0.5 * (won == lost).double()
        return Loss(
            total=total,
            metrics={
                "accuracy": float(hits.sum()),
                "margin": float((won - lost).sum()),
                "reward_chosen": float(won.sum()),
                "reward_rejected": float(lost.sum()),
            },
        )

    def validate(self, model: Transformer) -> dict[str, float]:
        """Held-out loss, and the share of pairs whose chosen answer has gained more."""
        return means(model, self, self._micros(self.held_out))

    def _micros(self, pairs: Sequence[TokenPair]) -> Iterator[PairRows]:
        for part in by_length(pairs, self.rows, lambda pair: max(a.length for a in both(pair))):
            answers = [*(both(pair)[0] for pair in part), *(both(pair)[1] for pair in part)]
            yield PairRows(
                rows=Rows.of(answers), reference=self.reference(answers), weight=float(len(part))
            )


def both(pair: TokenPair) -> tuple[Answer, Answer]:
    """The chosen answer and the rejected one."""
    return (
        Answer(prompt=pair.prompt_ids, answer=pair.chosen_ids),
        Answer(prompt=pair.prompt_ids, answer=pair.rejected_ids),
    )
