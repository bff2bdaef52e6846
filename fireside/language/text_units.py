"""Text as the units that a reader counts: words, single ideographs and pictures, numbers.

Punctuation is none, nor are the lines that tables are drawn with.  What only counts is told apart:
the mark in front of a line (`12.`, `b)`, `2024-05-01 10:00`) is left out, and a number that goes
on from the one before it in the same place (`in 2024 …`, `in 2025 …`) is always the same unit.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Kind = Literal["letter", "digit", "alone", "picture", "other"]
COUNTER: Final = "#"
LONGEST_NUMBER: Final = 9  # digits of one that may count


@dataclass(frozen=True, slots=True)
class Unit:
    text: str
    kind: Kind


class UnitReader:
    """Letter by letter; a word comes with the character after its last one."""

    def __init__(self) -> None:
        self._word = ""
        self._at_start = True  # of a line: nothing but marks so far
        self._before = ("", "")
        self._numbers: dict[tuple[str, str], int] = {}  # by what stood before it

    def push(self, letter: str) -> Iterator[Unit]:
        kind = kind_of(letter)
        if self._word and kind not in ("letter", "digit"):
            text, self._word = self._word, ""
            of: Kind = "digit" if text.isdecimal() else "letter"
            if not (self._at_start and _is_mark(text, of, letter)):
                yield self._unit(text, of)
        if letter == "\n":
            self._at_start = True
        if kind in ("alone", "picture"):
            yield self._unit(letter, kind)
        elif kind != "other":
            self._word += letter.lower()

    def _unit(self, text: str, kind: Kind) -> Unit:
        self._at_start = False
        if kind == "digit" and len(text) <= LONGEST_NUMBER:
            last = self._numbers.get(self._before)
            number = self._numbers[self._before] = int(text)
            text = COUNTER if last is not None and abs(number - last) <= 1 else text
        masked = COUNTER if kind == "digit" else text
        self._before = (self._before[1], masked)
        return Unit(text, kind)


def _is_mark(text: str, kind: Kind, after: str) -> bool:
    return kind == "digit" or (len(text) == 1 and after in ".):")


@lru_cache(maxsize=4096)
def kind_of(letter: str) -> Kind:
    """alone: of a script that writes no spaces; each letter counts as a word."""
    if letter.isdecimal():
        return "digit"
    if is_picture(letter):
        return "picture"
    category = unicodedata.category(letter)
    if category == "Lo" and is_unspaced(letter):
        return "alone"
    is_selector = 0xFE00 <= ord(letter) <= 0xFE0F
    return "letter" if category[0] in "LM" and not is_selector else "other"


def is_picture(letter: str) -> bool:
    """Emoji, dingbats and the like; no arrows, and nothing that tables and bars are drawn with."""
    code = ord(letter)
    return 0x2600 <= code <= 0x27BF or 0x2B50 <= code <= 0x2B59 or 0x1F000 <= code <= 0x1FAFF


def is_unspaced(letter: str) -> bool:
    """Chinese, Japanese, Thai, Lao, Burmese, Khmer."""
    code = ord(letter)
    return (
        0x3040 <= code <= 0x30FF
        or 0x3400 <= code <= 0x9FFF
        or 0x20000 <= code <= 0x3FFFF
        or 0x0E00 <= code <= 0x0EFF
        or 0x1000 <= code <= 0x109F
        or 0x1780 <= code <= 0x17FF
    )
