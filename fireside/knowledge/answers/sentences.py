"""The sentences of a document's text, with their places.

A line that was broken for its width is put together again; rows of tables, list items, headings
and lines of verse or of opening hours stay sentences of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_BORDER: Final = re.compile(r"(?<=[.!?…])[\"')\]”’*_]{0,4}\s+|(?<=[。！？])[”’」』）]?|\n+")
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|no|vs|e\.g|i\.e|etc|approx|jan|feb|mar|apr|jun|jul|aug|sep|oct|"
    r"nov|dec)|\b[A-Za-z])\.$",
    re.IGNORECASE,
)
_ROW: Final = re.compile(r"\s*(?:[-*•#|>+]|\d{1,3}[.)]\s|[^\s:;][^:;\n]{0,60}: )")
WRAPPED: Final = 40
"""Characters of the shortest line that may have been broken for its width."""
LONGEST_LINE: Final = 400


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(begin, end) of each, in order, without the white space around them."""
    found: list[tuple[int, int]] = []
    begin = 0
    for begin, end in _parts(text):
        if found and _goes_on(text, found[-1], begin):
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def _parts(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for border in (*_BORDER.finditer(text), None):
        end = len(text) if border is None else border.start()
        # Closing quotes belong to the sentence that they close.
        tail = "" if border is None else border[0].rstrip()
        part = text[at:end] + tail
        blank = len(part) - len(part.lstrip())
        if part.strip():
            yield at + blank, at + len(part.rstrip())
        if border is not None:
            at = border.end()


def _goes_on(text: str, before: tuple[int, int], begin: int) -> bool:
    """Whether the part at `begin` belongs to the sentence before it."""
    gap = text[before[1] : begin]
    tail = text[max(before[0], before[1] - 12) : before[1]]
    if "\n" not in gap:
        return _ABBREVIATION.search(tail) is not None
    if gap.count("\n") > 1 or tail[-1:] in ".!?…:;。！？":
        return False
    low = max(0, before[1] - LONGEST_LINE)
    line = text.rfind("\n", low, before[1]) + 1 or low
    first = text[begin : begin + 1]
    if before[1] - line < WRAPPED or not (first.isalnum() or first in "(\"'“‘"):
        return False
    return not _ROW.match(text, line, before[1]) and not _ROW.match(text, begin, begin + 80)
