"""Plain text as documents, read piece by piece.

A document is the whole file, or what stands between separators.  One that is longer than PART is
given in parts, cut where every byte-level tokenizer begins a new token anyway, so that the parts'
ids after one another are the whole's.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from fireside.errors import BadRequest

PART = 1 << 22
"""Characters that a part has at most."""

READ = 1 << 20
"""Bytes that are read at a time."""

# Between a lone newline and the word after it no pre-tokenizer of ours joins anything; else
# before a lone space; a text with neither is cut hard.
_AFTER_LINE = re.compile(r"(?<=\S\n)(?=\w)")
_BEFORE_SPACE = re.compile(r"(?<=\w)(?= \w)")
_SEARCHED = 1 << 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a document and the line on which it begins."""

    text: str
    line: int
    part: int


def pieces(
    file: IO[bytes], name: str, separator: str, *, grows: Callable[[], bool] = lambda: False
) -> Iterator[Piece]:
    """The documents of a text file, in parts.

    grows: whether somebody is writing to it; then its last character may be half there.

    Raises:
        BadRequest: the file is not UTF-8; the line is named.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    waiting, line, part = "", 1, 0
    while True:
        raw = file.read(READ)
        try:
            waiting += decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            if raw or not grows():
                line += waiting.count("\n") + error.object.count(b"\n", 0, error.start)
                raise BadRequest(
                    f"{name}:{line}: this is not UTF-8 ({error.reason}): save the file as UTF-8."
                ) from None
        start = 0
        while (end := waiting.find(separator, start)) >= 0:
            yield from _document(waiting[start:end], line, part)
            line += waiting.count("\n", start, end + len(separator))
            start, part = end + len(separator), 0
        waiting = waiting[start:]
        if not raw:
            break
        while len(waiting) >= PART + len(separator):
            cut = _cut(waiting, 0, PART)
            yield Piece(text=waiting[:cut], line=line, part=part)
            line += waiting.count("\n", 0, cut)
            waiting, part = waiting[cut:], part + 1
    if waiting or part == 0:
        yield from _document(waiting, line, part)


def _document(text: str, line: int, part: int) -> Iterator[Piece]:
    for segment in segments(text, PART):
        yield Piece(text=segment, line=line, part=part)
        line += segment.count("\n")
        part += 1


def segments(text: str, size: int) -> Iterator[str]:
    """The text in pieces of at most `size` characters; an empty text is one piece."""
    start = 0
    while len(text) - start > size:
        cut = _cut(text, start, start + size)
        yield text[start:cut]
        start = cut
    yield text[start:]


def _cut(text: str, start: int, limit: int) -> int:
    """The last good place to cut after `start` and at or before `limit`."""
    near = max(start + 1, limit - _SEARCHED)
    for pattern in (_AFTER_LINE, _BEFORE_SPACE):
        places = [found.start() for found in pattern.finditer(text, near, limit + 1)]
        if places and places[-1] <= limit:
            return places[-1]
    return limit
