"""Preferences, thumbs and problems that a tiny random model learns in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from fireside.data.token_examples import TokenJudged, TokenPair, TokenProblem
from fireside.training.plan import Plan

from . import toy

END = 0


@dataclass(frozen=True)
class Listed:
    """`Examples` of a list."""

    items: tuple[Any, ...]
    per_step: int = 8

    def step(self, step: int, rank: int = 0, ranks: int = 1) -> list[Any]:
        dice = torch.Generator().manual_seed(step)
        chosen = torch.randint(len(self.items), (self.per_step,), generator=dice).tolist()
        return [self.items[number] for number in chosen[rank::ranks]]

    def once(self) -> Any:
        return iter(self.items)


def pairs(count: int, seed: int = 0) -> tuple[TokenPair, ...]:
    """The rule: answers made of these five tokens are better than those made of those five."""
    dice = torch.Generator().manual_seed(seed)

    def some(low: int, high: int, most: int) -> tuple[int, ...]:
        size = int(torch.randint(1, most + 1, (), generator=dice))
        return tuple(torch.randint(low, high, (size,), generator=dice).tolist())

    return tuple(
        TokenPair(
            prompt_ids=some(1, toy.VOCAB, 6),
            chosen_ids=(*some(31, 36, 5), END),
            rejected_ids=(*some(1, 6, 5), END),
        )
        for _ in range(count)
    )


def thumbs(count: int, seed: int = 0) -> tuple[TokenJudged, ...]:
    """The same rule, one answer at a time: two thumbs down for each one up."""
    return tuple(
        TokenJudged(
            prompt_ids=pair.prompt_ids,
            answer_ids=pair.rejected_ids if index % 3 else pair.chosen_ids,
            good=not index % 3,
        )
        for index, pair in enumerate(pairs(count, seed))
    )


def problems(count: int, seed: int = 0) -> tuple[TokenProblem, ...]:
    return tuple(
        TokenProblem(prompt_ids=pair.prompt_ids, answer="z", messages=())
        for pair in pairs(count, seed)
    )


class Letters:
    """A tokenizer whose token n is the n-th character from `A`; 0 ends."""

    eos_ids = frozenset({END})

    def decode(self, ids: Any) -> str:
        return "".join(chr(ord("A") + number) for number in ids)


def better_share(text: str, answer: str) -> float:
    """The share of the better tokens."""
    return sum(31 <= ord(one) - ord("A") < 36 for one in text) / max(1, len(text))


def plan(steps: int, rate: float, **changes: Any) -> Plan:
    from fireside.training.optimisers import OptimiserConfig
    from fireside.training.schedules import Schedule

    return Plan(
        schedule=Schedule(steps=steps, warmup=2),
        optimiser=OptimiserConfig(name="adamw", learning_rate=rate, weight_decay=0.0),
        **changes,
    )
