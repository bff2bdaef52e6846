"""Where a text's sentences begin and end, and the numbers and names that stand in one of them.

    sentences("Mr. Brown came. He paid 3.50!")          -> ["Mr. Brown came.", "He paid 3.50!"]
    sentence_spans(page)              # lines broken for their width are joined
    sentence_spans("Two. Three.")                       -> [(0, 4), (5, 11)]
    first_sentence_end("It is 3.5 km. It", limit=600)   -> 14

No language's grammar is known here: a name is a word with a capital where none is due, and in
scripts without capitals only numbers are found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

WRAPPED: Final = 40
"""Characters of the shortest line that may have been broken for its width."""
LONGEST_LINE: Final = 400

_BORDER: Final = re.compile(r"(?<=[.!?…])[\"')\]”’*_]{0,4}\s+|(?<=[。！？])[”’」』）]?|\n+")
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|apt|ave|box|vs|e\.g|i\.e|etc|approx)|"
    r"(?<!\d )(?<!\d)\b[a-z])\.$",  # "J. Smith", but not "3.5 m. Then"
    re.I,
)
_BEFORE_NUMBER: Final = re.compile(
    r"\b(?:no|nos|p|pp|fig|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$", re.I
)
"""Abbreviations where a number follows, and ends of sentences elsewhere: "No. 5", "No. I stay."."""
_ROW: Final = re.compile(r"\s*(?:[-*•#|>+]|\d{1,3}[.)]\s|[^\s:;][^:;\n]{0,60}: )")
_STREAM_END: Final = re.compile(r"[.!?…][\"'”’)\]]*+\s|[。！？]|\n")
_WHOLE: Final = re.compile(r"[.!?…。！？:;][\"')\]”’»」』*]*$")
_NUMBER: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")
_CAPITAL: Final = re.compile(r"[^\W\d_][\w'’-]*")
_NO_NAMES: Final = frozenset(
    {"I", "I'm", "I've", "I'd", "I'll", "I’m", "I’ve", "I’d", "I’ll", "OK"}
)


def sentences(text: str) -> list[str]:
    """The sentences in order, without the white space around them; each line ends one."""
    return [text[begin:end] for begin, end in sentence_spans(text, joins_lines=False)]


def sentence_spans(text: str, *, joins_lines: bool = True) -> list[tuple[int, int]]:
    """(begin, end) of each sentence in order, without the white space around it.

    joins_lines: a line that was broken for its width goes on in the next one; rows of tables, list
        items, headings and short lines still end a sentence.  Else each line ends one.
    """
    spans: list[tuple[int, int]] = []
    for begin, end in _parts(text):
        if spans and _goes_on(text, spans[-1], begin, joins_lines):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    return spans


def first_sentence_end(text: str, limit: int) -> int | None:
    """Where the first sentence of a growing text ends, its white space included.

    limit: characters that are looked at, so what comes after them changes nothing.
    Returns None while more text can still move the end ("3." may go on as "3.5").
    """
    for match in _STREAM_END.finditer(text, 0, limit):
        stop = match.start() + 1
        if match[0] == "\n" or text[match.start()] != ".":
            return match.end()
        if match.end() >= min(len(text), limit) and _BEFORE_NUMBER.search(text[:stop][-12:]):
            return None  # the next character tells
        if not _is_abbreviation(text[:stop][-12:], text[match.end() : match.end() + 1]):
            return match.end()
    return None


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


def _goes_on(text: str, before: tuple[int, int], begin: int, joins_lines: bool) -> bool:
    """Whether the part at `begin` belongs to the sentence before it."""
    gap = text[before[1] : begin]
    tail = text[max(before[0], before[1] - 12) : before[1]]
    if "\n" not in gap:
        return _is_abbreviation(tail, text[begin : begin + 1])
    if not joins_lines or gap.count("\n") > 1 or tail[-1:] in ".!?…:;。！？":
        return False
    low = max(0, before[1] - LONGEST_LINE)
    line = text.rfind("\n", low, before[1]) + 1 or low
    first = text[begin : begin + 1]
    if before[1] - line < WRAPPED or not (first.isalnum() or first in "(\"'“‘"):
        return False
    return not _ROW.match(text, line, before[1]) and not _ROW.match(text, begin, begin + 80)


def _is_abbreviation(tail: str, following: str) -> bool:
    """Whether the full stop that ends `tail` ends a word alone; following: the next character."""
    if following.isdigit() and _BEFORE_NUMBER.search(tail):
        return True
    return _ABBREVIATION.search(tail) is not None


def is_whole(sentence: str) -> bool:
    """Whether it ends as sentences end, and is not cut off."""
    return _WHOLE.search(sentence.strip()) is not None


def numbers_in(text: str) -> set[str]:
    """Numbers as they are written, but for the separators of thousands."""
    return {re.sub(r"(?<=\d)[,.](?=\d{3}(?!\d))", "", each) for each in _NUMBER.findall(text)}


def names_in(sentence: str) -> set[str]:
    """Words with a capital that do not begin the sentence, and ALL CAPITALS; casefolded."""
    return set(_names(sentence))


def _names(sentence: str) -> Iterator[str]:
    is_due = True  # a capital is due at the beginning, and after a colon or an opening quote
    last = 0
    for match in _CAPITAL.finditer(sentence):
        between = sentence[last : match.start()]
        is_due = is_due or any(mark in between for mark in ':.!?"“‘(\n')
        word = match[0]
        is_shouted = len(word) > 1 and word.isupper() and not sentence.isupper()
        if is_shouted or (not is_due and word[0].isupper() and word not in _NO_NAMES):
            yield re.sub(r"['’]s?$", "", word.casefold())
        is_due = False
        last = match.end()
