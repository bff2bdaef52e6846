"""Kahneman-Tversky optimisation (Ethayarajh et al. 2024, arXiv:2402.01306): thumbs alone.

    r    = log p(answer) - log p_ref(answer)
    loss = weight * (1 - sigmoid(beta * (r - kl)))      a thumb up
           weight * (1 - sigmoid(beta * (kl - r)))      a thumb down

`kl` says how far the model has moved on answers that do not belong to the prompt, and so what any
answer gains by mere drift.  It is estimated, as in the paper, from prompts paired with the answer
of another example, is never negative, and takes no gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Bool, Float
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
    from fireside.data.token_examples import Examples, TokenJudged


def kto_loss(
    logprobs: Float[Tensor, " N"],
    reference: Float[Tensor, " N"],
    good: Bool[Tensor, " N"],
    kl: Float[Tensor, ""],
    *,
    beta: float,
    good_weight: float = 1.0,
    bad_weight: float = 1.0,
) -> Float[Tensor, " N"]:
    """Each answer's loss, from the log-probabilities of whole answers."""
    gained = logprobs - reference - kl.detach()
    up = good_weight * (1 - torch.sigmoid(beta * gained))
    down = bad_weight * (1 - torch.sigmoid(-beta * gained))
    return torch.where(good, up, down)


@dataclass(frozen=True, kw_only=True)
class JudgedRows:
    """step: whose estimate of the drift counts; None for held-out answers."""

    rows: Rows
    reference: Float[Tensor, " N"]
    good: Bool[Tensor, " N"]
    step: int | None
    weight: float


class Kto:
    """Learns from answers with a thumb up or down, each by itself.

    Parts: `examples` to learn from, `held_out` ones to validate on; `kept`, `rows` and when to make
    it as for `Dpo`.

    Where one kind of thumb is rarer, its answers count for more, so that both kinds weigh the same
    together (equation 8 of the paper).
    """

    name = "kto"

    def __init__(
        self,
        *,
        model: Transformer,
        examples: Examples,
        held_out: Sequence[TokenJudged] = (),
        beta: float = 0.1,
        rows: int = 8,
        kept: Path | None = None,
        rank: int = 0,
        ranks: int = 1,
        progress: Progress = lambda done, total: None,
    ) -> None:
        self.examples, self.held_out, self.beta = examples, held_out, beta
        self.rows, self.rank, self.ranks = rows, rank, ranks
        learned = cast("list[TokenJudged]", list(examples.once()))
        self.good_weight, self.bad_weight = balanced([one.good for one in learned])
        self.strangers = {**strangers(learned), **strangers(held_out)}
        everything = chain(map(given, learned), map(given, held_out), self.strangers.values())
        self.reference = Reference.of(
            model, everything, rows=rows, path=kept, writes=rank == 0, progress=progress
        )
        self._drift: tuple[int | None, Tensor] | None = None

    def micro_batches(self, step: int) -> list[JudgedRows]:
        mine = self.examples.step(step, self.rank, self.ranks)
        return list(self._micros(cast("list[TokenJudged]", mine), step))

    def loss(self, model: Transformer, micro: JudgedRows) -> Loss:
        device = model.model.embed_tokens.weight.device
        reference, good = micro.reference.to(device), micro.good.to(device)
        kl = self.drift(model, micro.step)
        logprobs = logprobs_of_answers(model, micro.rows)
        losses = kto_loss(
            logprobs,
            reference,
            good,
            kl,
            beta=self.beta,
            good_weight=self.good_weight,
            bad_weight=self.bad_weight,
        )
        rewards = self.beta * (logprobs.detach() - reference)
        sign = good.double() * 2 - 1
        gained = sign * (rewards - self.beta * kl)
        return Loss(
            total=losses.sum(),
            metrics={
                "accuracy": float((gained > 0).double().sum() + 0.5 * (gained == 0).sum()),
                "gain": float(gained.sum()),
                "kl": float(kl) * micro.weight,
            },
        )

    def drift(self, model: Transformer, step: int | None) -> Float[Tensor, ""]:
        """The estimate of KL(model || reference) for a step, of all ranks together; once a step."""
        if self._drift is None or self._drift[0] != step:
            examples = self.held_out if step is None else self.examples.step(step)
            answers = [self.strangers[given(cast("TokenJudged", e)).key] for e in examples]
            training = model.training
            model.eval()
            apart = []
            with torch.no_grad():
                for part in by_length(answers, self.rows, lambda answer: answer.length):
                    now = logprobs_of_answers(model, Rows.of(part))
                    apart.append(now - self.reference(part).to(now.device))
            model.train(training)
            self._drift = (step, torch.cat(apart).mean().clamp(min=0))
        return self._drift[1]

    def validate(self, model: Transformer) -> dict[str, float]:
        """Held-out loss, and the share of answers that moved the way of their thumb."""
        self._drift = None  # the weights have moved since the last look
        return means(model, self, self._micros(self.held_out, None))

    def _micros(self, judged: Sequence[TokenJudged], step: int | None) -> Iterator[JudgedRows]:
        for part in by_length(judged, self.rows, lambda one: given(one).length):
            answers = [given(one) for one in part]
            yield JudgedRows(
                rows=Rows.of(answers),
                reference=self.reference(answers),
                good=torch.tensor([one.good for one in part]),
                step=step,
                weight=float(len(part)),
            )


def given(judged: TokenJudged) -> Answer:
    return Answer(prompt=judged.prompt_ids, answer=judged.answer_ids)


def strangers(judged: Sequence[TokenJudged]) -> dict[bytes, Answer]:
    """For each example, its prompt with the answer of the example before it."""
    return {
        given(one).key: Answer(prompt=one.prompt_ids, answer=judged[index - 1].answer_ids)
        for index, one in enumerate(judged)
    }


def balanced(good: Sequence[bool]) -> tuple[float, float]:
    """Weights of thumbs up and down; the more frequent kind counts 1."""
    up, down = sum(good), len(good) - sum(good)
    if not up or not down:
        return 1.0, 1.0
    return max(1.0, down / up), max(1.0, up / down)
