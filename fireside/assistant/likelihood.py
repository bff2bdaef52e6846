"""How likely would this answer have been after that prompt?  Teacher forcing through the engine.

All questions go to the engine together; prompts that begin alike share their beginning in its
prefix cache.  It refuses to render prompts and to know what a text means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fireside.engine.params import SamplingParams
from fireside.errors import FiresideError

if TYPE_CHECKING:
    from fireside.engine.text import Generation, TextModel


@dataclass(frozen=True, slots=True)
class Spoken:
    """An answer (or its beginning) after a prompt; of its tokens, those from `start` count."""

    prompt: Sequence[int]
    answer: Sequence[int]
    start: int = 0


def logprobs(model: TextModel, spoken: Sequence[Spoken], *, owner: str) -> list[list[float]]:
    """The log-probability, in nats, of each answer's tokens from `start` on.

    Raises:
        ContextOverflow: prompt and answer exceed the window.
        Overloaded: the engine's queue is full.
        FiresideError: the engine failed.
    """
    asked: list[Generation] = []
    try:
        for one in spoken:
            first = len(one.prompt) + one.start
            params = SamplingParams(
                temperature=0.0, max_tokens=1, prompt_logprobs=0, prompt_logprobs_from=first
            )
            asked.append(model.generate([*one.prompt, *one.answer], params, owner=owner))
        return [
            _read(generation, len(one.prompt) + one.start)
            for one, generation in zip(spoken, asked, strict=True)
        ]
    finally:
        for generation in asked:
            generation.cancel()


def mean(values: Sequence[float]) -> float:
    """Per token; nothing said has probability 1."""
    return sum(values) / len(values) if values else 0.0


def _read(generation: Generation, first: int) -> list[float]:
    for event in generation:
        if event.finish_reason == "error":
            raise generation.error or FiresideError(
                "The engine failed; FIRESIDE_DEBUG=1 shows where."
            )
    known = generation.prompt_tokens_info
    assert known is not None
    return [one.logprob for one in known[first:] if one.logprob is not None]
