"""What in a text is personal data: forms with their checks, keys, names, addresses.

One `Finder` for the whole process, made when it is first wanted: Presidio's import takes a second
and more.  The same text always gives the same findings.  It refuses to change a text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from fireside.data.forms import Forms, Span, apart, load_forms
from fireside.data.numbers import numbers
from fireside.data.secrets import secrets
from fireside.safety.privacy.addresses import addresses
from fireside.safety.privacy.kinds import KINDS, Kind, kind_of
from fireside.safety.privacy.names import names

UNSEEN: Final = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
_WIDE: Final = "".join(map(chr, (*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B))))
_AS_READ: Final[Mapping[int, str | None]] = {
    **{ord(letter) + 0xFEE0: letter for letter in _WIDE + "@.-_+"},
    **{ord(letter): None for letter in UNSEEN},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """start, end: characters of the text.  score: how sure, 0 to 1."""

    kind: Kind
    start: int
    end: int
    score: float


class Finder:
    """Of every kind.  Safe to use from many threads."""

    def __init__(self, forms: Forms | None = None) -> None:
        self._forms = forms or load_forms()

    def find(
        self, text: str, kinds: Collection[Kind] = KINDS, allow: Collection[str] = ()
    ) -> list[Found]:
        """Everything of these kinds, in the text's order, none overlapping another.

        allow: values that are nobody's secret, whatever their case.
        """
        written, text = text, plain(text)
        spans: list[Span] = []
        spans += self._forms.spans(text)
        spans += numbers(text)
        if "SECRET" in kinds:
            spans += secrets(text)
        if "NAME" in kinds:
            spans += names(text)
        if "ADDRESS" in kinds:
            spans += addresses(text)
        allowed = {value.casefold() for value in allow}
        counting = [
            span
            for span in spans
            if (kind_of(span.entity) in kinds)
            and text[span.start : span.end].strip().casefold() not in allowed
        ]
        found = [_found(text, span) for span in apart(counting)]
        if len(text) == len(written):
            return found
        at = [place for place, letter in enumerate(written) if letter not in UNSEEN]
        return [replace(one, start=at[one.start], end=at[one.end - 1] + 1) for one in found]


def plain(text: str) -> str:
    """As it is read aloud: full-width letters and figures in their usual form, and nothing between
    them that nobody sees."""
    return text.translate(_AS_READ)


def tally(found: Sequence[Found]) -> Mapping[Kind, int]:
    """How many of each kind."""
    return dict(sorted(Counter(one.kind for one in found).items()))


@cache
def load_finder() -> Finder:
    return Finder()


def _found(text: str, span: Span) -> Found:
    kind = kind_of(span.entity)
    assert kind is not None
    value = text[span.start : span.end]
    left = len(value) - len(value.lstrip())
    right = len(value) - len(value.rstrip(" \t\r\n,;"))
    return Found(kind=kind, start=span.start + left, end=span.end - right, score=span.score)
