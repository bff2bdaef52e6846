"""Numbered passages: how the model sees them, and what a number in its answer means.

The passages stand in front of the question, in the question's own message (many templates take no
system message there), quoted as data: no passage can end the quotation, and only the first line of
each begins with a number.  Where the answer says `[2]`, that cites the second.  It refuses to
search, and to judge whether a citation is true (`citations.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fireside.assistant.exchange import Source
from fireside.messages import Message
from fireside.safety.injection import marked

MARK: Final = re.compile(r"\[(\d{1,3}(?:\s?,\s?\d{1,3}){0,9})\]")
FOREWORD: Final = (
    "Passages from the files, numbered. Where you use one, write its number in square brackets.\n"
)
PLAIN_FOREWORD: Final = "Passages from the files, numbered.\n"
_SPACED_MARK: Final = re.compile(rf"(?<![ \t])[ \t]*+{MARK.pattern}")
_LINE_END: Final = re.compile("\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A number in an answer.  begin, end: of its mark, in characters.  source: None where there is
    no passage of this number."""

    number: int
    begin: int
    end: int
    source: Source | None


def place(source: Source) -> str:
    """`handbook.pdf, page 3, Holidays`, as far as it is known; on one line."""
    parts = [source.filename]
    if source.page is not None:
        parts.append(f"page {source.page}")
    if source.section:
        parts.append(source.section)
    return _LINE_END.sub(" ", ", ".join(parts))


def quoted(sources: Sequence[Source]) -> str:
    """The passages as data, the exact text of each under its number."""
    lines = [
        f"[{source.number}] {place(source)}: " + _LINE_END.sub("\n    ", source.text)
        for source in sources
    ]
    return marked("\n".join(lines), "documents")


def with_sources(question: Message, sources: Sequence[Source], *, cite: bool = True) -> Message:
    """The question with the passages in front of it; without any, as it is."""
    if not sources:
        return question
    foreword = FOREWORD if cite else PLAIN_FOREWORD
    return replace(question, content=f"{foreword}{quoted(sources)}\n\n{question.content}")


def cited(answer: str, sources: Sequence[Source], start: int = 0) -> Iterator[Cited]:
    """Every number in the marks from `start` on, in order; `[1, 3]` is two."""
    known = {source.number: source for source in sources}
    for mark in MARK.finditer(answer, start):
        for number in map(int, re.findall(r"\d+", mark[1])):
            yield Cited(number=number, begin=mark.start(), end=mark.end(), source=known.get(number))


def unmarked_answer(answer: str) -> str:
    """The answer without its marks, and without the spaces before them."""
    return _SPACED_MARK.sub("", answer)
