"""Tokenised examples that are no rows: preference pairs, judged answers, problems.

The order is that of `batches.py`: a pure function of seed and step, split evenly over ranks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from fireside.data.batches import share
from fireside.data.order import Mixture, place
from fireside.data.prepared import Split
from fireside.errors import BadRequest
from fireside.messages import Message, ToolCall

_EXAMPLES = 5  # which permutation a key is for


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """A preference: prompt + chosen, and prompt + rejected, are each one rendering's ids."""

    prompt_ids: tuple[int, ...]
    chosen_ids: tuple[int, ...]
    rejected_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenJudged:
    """An answer with a thumb."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenProblem:
    """A task: the prompt ends with the opening of the answer."""

    prompt_ids: tuple[int, ...]
    answer: str
    messages: tuple[Message, ...]


TokenExample = TokenPair | TokenJudged | TokenProblem


class Examples:
    """The examples of a split by step.

    Args:
        per_step: examples of all ranks together.

    Raises:
        BadRequest: there are none, or the split holds rows.
    """

    def __init__(self, split: Split, *, per_step: int, seed: int) -> None:
        if split.kind not in ("preference", "judged", "problem"):
            raise BadRequest(f"These are {split.kind} examples: choose another method.")
        if not len(split):
            raise BadRequest("There are no examples here: give more data.")
        self._split, self._per_step, self._seed = split, per_step, seed
        self._mixture = Mixture.of(split.weights)

    def __len__(self) -> int:
        return len(self._split)

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self._split) // self._per_step)

    def step(self, step: int, rank: int = 0, ranks: int = 1) -> list[TokenExample]:
        """The examples of one step, or of one rank's share of it."""
        return [self._at(number) for number in share(self._per_step, step, rank, ranks)]

    def once(self) -> Iterator[TokenExample]:
        """Every example once, in the stored order."""
        for number in range(len(self._split)):
            yield self._read(number)

    def _at(self, number: int) -> TokenExample:
        source, inside = self._mixture.at(number)
        group = self._split.groups[source]
        epoch, inside = divmod(inside, len(group))
        at = place(inside, len(group), self._seed, _EXAMPLES, source, epoch)
        return self._read(int(group[at]))

    def _read(self, number: int) -> TokenExample:
        split = self._split
        start = int(split.column("start")[number])
        parts = []
        for name in ("first", "second", "third"):
            end = start + int(split.column(name)[number])
            parts.append(tuple(split.ids[start:end].tolist()))
            start = end
        prompt, first, second = parts
        if split.kind == "preference":
            return TokenPair(prompt_ids=prompt, chosen_ids=first, rejected_ids=second)
        if split.kind == "judged":
            good = bool(split.column("flag")[number])
            return TokenJudged(prompt_ids=prompt, answer_ids=first, good=good)
        with split.extra.open("rb") as file:
            file.seek(int(split.column("extra")[number]))
            extra = json.loads(file.readline())
        messages = tuple(_message(value) for value in extra["messages"])
        return TokenProblem(prompt_ids=prompt, answer=extra["answer"], messages=messages)


def _message(value: dict[str, object]) -> Message:
    calls = value.pop("tool_calls")
    assert isinstance(calls, list)
    return Message(tool_calls=tuple(ToolCall(**call) for call in calls), **value)  # type: ignore[arg-type]
