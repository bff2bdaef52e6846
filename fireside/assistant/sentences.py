"""A text's sentences, and what in one of them can be checked: its numbers and its names.

It refuses to know a language's grammar: a name is a word that is written with a capital where
none is due, and for scripts without capitals there are numbers alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_ENDS: Final = re.compile(r"(?<=[.!?…])[\"')\]”’]*\s+|(?<=[。！？])|\n+")
_ABBREVIATED: Final = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|no|vs|e\.g|i\.e|etc|approx|jan|feb|mar|apr|jun|jul|aug|sep|oct|"
    r"nov|dec)|\b[A-Z])\.$",
    re.IGNORECASE,
)
_WHOLE: Final = re.compile(r"[.!?…。！？:;][\"')\]”’»」』*]*$")
_NUMBER: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")
_CAPITAL: Final = re.compile(r"[^\W\d_][\w'’-]*")


def sentences(text: str) -> list[str]:
    """In order, without the white space around them."""
    found: list[str] = []
    for part in _ENDS.split(text):
        part = part.strip()
        if not part:
            continue
        if found and _ABBREVIATED.search(found[-1]):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


def is_whole(sentence: str) -> bool:
    """It ends as sentences end, and is not cut off."""
    return _WHOLE.search(sentence.strip()) is not None


def numbers(text: str) -> set[str]:
    """As they are written, but for the separators of thousands."""
    return {re.sub(r"(?<=\d)[,.](?=\d{3}(?!\d))", "", each) for each in _NUMBER.findall(text)}


def names(sentence: str) -> set[str]:
    """Words with a capital that do not begin the sentence, and ALL CAPITALS; casefolded."""
    return set(_names(sentence))


def _names(sentence: str) -> Iterator[str]:
    due = True  # a capital is due at the beginning, and after a colon or an opening quote
    last = 0
    for match in _CAPITAL.finditer(sentence):
        between = sentence[last : match.start()]
        due = due or any(mark in between for mark in ':.!?"“‘(\n')
        word = match[0]
        shouted = len(word) > 1 and word.isupper() and not sentence.isupper()
        if shouted or (not due and word[0].isupper() and word not in _NO_NAMES):
            yield re.sub(r"['’]s?$", "", word.casefold())
        due = False
        last = match.end()


_NO_NAMES: Final = frozenset(
    {"I", "I'm", "I've", "I'd", "I'll", "I’m", "I’ve", "I’d", "I’ll", "OK"}
)
