"""A mention of a value in a text: the words, their place, and the value in its normal form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """words: text[start:end].  value: their normal form."""

    value: str
    words: str
    start: int
    end: int


def without_overlaps(mentions: Iterable[Mention]) -> list[Mention]:
    """The mentions in the order of the text; of two that overlap, the longer one alone.

    Two readings of the same words both stay: "3/4" is two dates.
    """
    chosen: list[Mention] = []
    for each in sorted(mentions, key=lambda one: (one.start - one.end, one.start)):
        over = [one for one in chosen if each.start < one.end and one.start < each.end]
        is_free = all((one.start, one.end) == (each.start, each.end) for one in over)
        if is_free and each not in over:
            chosen.append(each)
    return sorted(chosen, key=lambda one: (one.start, one.value))
