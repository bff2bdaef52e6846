"""The words that days are made of, and a text cut into them."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from typing import Final

from fireside.language.numbers import TENS
from fireside.language.numbers import UNITS as UNIT_NUMBERS

MONTH_NAMES: Final = tuple(name.lower() for name in calendar.month_name)
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS: Final = (
    {name: n for n, name in enumerate(MONTH_NAMES) if n}
    | {name[:3]: n for n, name in enumerate(MONTH_NAMES) if n}
    | {"sept": 9}
)
WEEKDAYS: Final = (
    {name: n for n, name in enumerate(DAYS)}
    | {name[:3]: n for n, name in enumerate(DAYS)}
    | {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
)
NUMBERS: Final = UNIT_NUMBERS | TENS | {"a": 1, "an": 1, "couple": 2}
_TENTHS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
]
ORDINALS: Final = (
    {word: n for n, word in enumerate(_TENTHS, 1)}
    | {f"twenty-{word}": n for n, word in enumerate(_TENTHS[:9], 21)}
    | {"thirtieth": 30, "thirty-first": 31}
)
UNITS: Final = {
    form: unit
    for unit in ("day", "week", "fortnight", "month", "year")
    for form in (unit, f"{unit}s", f"{unit}'s", f"{unit}s'")
}
"""Also "in two weeks' time"."""

_COUNTED: Final = frozenset(
    """
    time one option flight street avenue floor class place of birthday anniversary quarter half
    week day month year hour minute century grade round attempt edition chapter question person
    item row line page step part draft meeting session lesson try choice semester term
    """.split()  # noqa: SIM905
)

_TOKEN: Final = re.compile(
    r"(?<![\w/.-])\d{4}([-/])\d{1,2}\1\d{1,2}(?![\w/-])"  # 2024-12-01
    r"|(?<![\w/.])\d{1,2}([/.])\d{1,2}\2(?:\d{4}|\d{2})(?!\w|[/.]\d)"  # 3/4/2024
    r"|(?<![\w/.])\d{1,2}/\d{1,2}(?!\w|[/.]\d)"  # 3/4
    r"|twenty-[a-z]{4,7}|thirty-first"
    r"|\d+(?:st|nd|rd|th)?(?![A-Za-z])|[A-Za-z]+(?:['’][A-Za-z]{0,2}\b)?|[^\sA-Za-z\d]|\d|\w",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """word: in small letters.  start, end: its place in the text."""

    word: str
    start: int
    end: int
    capital: bool


def tokenise(text: str) -> list[Token]:
    return [
        Token(
            word=found[0].lower().replace("’", "'"),
            start=found.start(),
            end=found.end(),
            capital=not found[0].islower(),
        )
        for found in _TOKEN.finditer(text)
    ]


def number_of(word: str) -> int | None:
    if word.isdecimal():
        return int(word) if len(word) <= 5 else None
    return NUMBERS.get(word)


def nth_of(word: str) -> int | None:
    """Of "3rd", "third"; None for a bare number."""
    if word[:1].isdigit() and word[-2:] in ("st", "nd", "rd", "th"):
        return int(word[:-2]) if len(word) <= 4 else None
    return ORDINALS.get(word)


def is_counted(word: str) -> bool:
    """Whether "the 30th" is no day of a month before it: "birthday", "quarter", "Sunday"."""
    return word in _COUNTED or word in DAYS
