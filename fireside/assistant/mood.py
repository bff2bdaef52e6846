"""The mood of a conversation: the trend of its user turns' sentiment, and what follows from it.

Pure: scores in, a trend out.  The trend of every turn follows from the scores up to it alone, so
an edited or branched conversation has the trend of its own path and nothing has to be stored.  It
refuses to judge a text: `safety/sentiment.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from fireside.sections import PersonaSection


class MoodConfig(PersonaSection):
    """`[mood]`.

    watch: judge the sentiment of every user turn.
    window: how many of the last turns make the mean that is looked at.
    low: the mean, from -1 to 1, below which the mood is bad.
    fall: how much lower than the mean of the turns before the window it must be; a conversation
        that is no longer than the window starts from 0.
    max_tokens: an answer's length while it is bad; None leaves it.
    instruction: a sentence for the model while it is bad; "" says nothing.
    apology: said below the answer, once; "" leaves it out.
    offer: said below the answer while it is bad, with `{person}` in it.
    person: who can be reached, and how ("Ana in the office, 555 0100"); "" offers none.
    """

    watch: bool = False
    window: int = Field(2, ge=1, le=10)
    low: float = Field(-0.6, ge=-1, le=1)
    fall: float = Field(0.4, ge=0, le=2)
    max_tokens: int | None = Field(160, ge=16)
    instruction: str = "The user is getting unhappy: answer in at most three short sentences."
    apology: str = "I am sorry for the trouble."
    offer: str = "If you would rather talk to a person: {person}."
    person: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """recent, before: means of the scores in the window and of those before it.
    falling: the mood is bad and worse than it was.  first: it is so for the first time."""

    recent: float
    before: float
    falling: bool
    first: bool


def trend(scores: Sequence[float], config: MoodConfig) -> Trend:
    """scores: from -1 to 1, one of each user turn, the newest last; at least one."""
    recent, before, falling = _at(scores, config)
    earlier = any(_at(scores[:end], config)[2] for end in range(1, len(scores)))
    return Trend(recent=recent, before=before, falling=falling, first=falling and not earlier)


def _at(scores: Sequence[float], config: MoodConfig) -> tuple[float, float, bool]:
    window, rest = scores[-config.window :], scores[: -config.window]
    recent = sum(window) / len(window)
    before = sum(rest) / len(rest) if rest else 0.0
    enough = len(scores) >= config.window
    return recent, before, enough and recent < config.low and before - recent >= config.fall
