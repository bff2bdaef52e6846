"""A value that stands in a text: its normal form, and where.

It refuses values that were not said: every `Found` is a piece of the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """said is text[start:end]; value is its normal form."""

    value: str
    said: str
    start: int
    end: int


def apart(found: Iterable[Found]) -> list[Found]:
    """Those that do not overlap, the longest first choice, in the order of the text.

    Readings of the same words stand side by side: "3/4" is two dates, and both are kept.
    """
    kept: list[Found] = []
    for each in sorted(found, key=lambda f: (f.start - f.end, f.start)):
        inside = [o for o in kept if each.start < o.end and o.start < each.end]
        if all((o.start, o.end) == (each.start, each.end) for o in inside) and each not in kept:
            kept.append(each)
    return sorted(kept, key=lambda f: (f.start, f.value))
