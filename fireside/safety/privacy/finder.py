"""What in a text is personal data: forms with their checks, keys, names, addresses.

One `Finder` for the whole process, made when it is first wanted: Presidio's import takes a second
and more.  The same text always gives the same findings.  It refuses to change a text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from fireside.data.forms import Span, apart
from fireside.data.personal import personal_spans
from fireside.data.plain_text import PlainText
from fireside.safety.privacy.addresses import addresses
from fireside.safety.privacy.kinds import KINDS, Kind, kind_of
from fireside.safety.privacy.names import names


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """start, end: characters of the text.  score: how sure, 0 to 1."""

    kind: Kind
    start: int
    end: int
    score: float


class Finder:
    """Of every kind.  Safe to use from many threads."""

    def find(
        self, text: str, kinds: Collection[Kind] = KINDS, allow: Collection[str] = ()
    ) -> list[Found]:
        """Everything of these kinds, in the text's order, none overlapping another.

        allow: values that are nobody's secret, whatever their case.
        """
        plain = PlainText.of(text)
        spans = list(personal_spans(plain.text))
        if "NAME" in kinds:
            spans += names(plain.text)
        if "ADDRESS" in kinds:
            spans += addresses(plain.text)
        allowed = {value.casefold() for value in allow}
        counting = [
            span
            for span in spans
            if (kind_of(span.entity) in kinds)
            and plain.text[span.start : span.end].strip().casefold() not in allowed
        ]
        return [_as_written(plain, span) for span in apart(counting)]


def tally(found: Sequence[Found]) -> Mapping[Kind, int]:
    """How many of each kind."""
    return dict(sorted(Counter(one.kind for one in found).items()))


@cache
def load_finder() -> Finder:
    return Finder()


def _as_written(plain: PlainText, span: Span) -> Found:
    kind = kind_of(span.entity)
    assert kind is not None
    value = plain.text[span.start : span.end]
    left = len(value) - len(value.lstrip())
    right = len(value) - len(value.rstrip(" \t\r\n,;"))
    start, end = plain.as_written(span.start + left, span.end - right)
    return Found(kind=kind, start=start, end=end, score=span.score)
