"""What a generation said, gathered choice by choice; its end and its usage in OpenAI's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fireside.errors import FiresideError, Unavailable

if TYPE_CHECKING:
    from fireside.engine.text import Generation, TextEvent, TokenInfo, Usage


@dataclass(slots=True)
class Told:
    """One choice so far."""

    text: str = ""
    tokens: list[TokenInfo] = field(default_factory=list)
    finish_reason: str | None = None

    def add(self, event: TextEvent, generation: Generation) -> None:
        self.text += event.text
        self.tokens.extend(event.tokens)
        self.finish_reason = finish_of(event, generation)


async def gathered(generation: Generation) -> list[Told]:
    """Every choice of a finished generation, in order."""
    told: dict[int, Told] = {}
    async for event in generation:
        told.setdefault(event.index, Told()).add(event, generation)
    return [told[index] for index in sorted(told)]


def finish_of(event: TextEvent, generation: Generation) -> str | None:
    """`stop` or `length`.

    Raises: as `check_end`.
    """
    check_end(event.finish_reason, [generation])
    return event.finish_reason


def check_end(reason: str | None, generations: Sequence[Generation]) -> None:
    """An answer that was broken off is a failure, not a short answer.

    Raises:
        Unavailable: the server stopped it.
        FiresideError: the engine failed on it.
    """
    if reason == "cancelled":
        raise Unavailable("The answer was broken off: the server is shutting down. Ask again.")
    if reason == "error":
        failures = (each.error for each in generations if each.error is not None)
        raise next(failures, None) or FiresideError("The model failed on this request.")


class Counted(Protocol):
    """A generation, or an answer of several."""

    @property
    def usage(self) -> Usage: ...


def usage_of(generations: Sequence[Counted]) -> dict[str, object]:
    """The sum over all generations of a request."""
    prompt = sum(each.usage.prompt_tokens for each in generations)
    completion = sum(each.usage.completion_tokens for each in generations)
    cached = sum(each.usage.cached_tokens for each in generations)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
