"""Hours of the day in words, for a tool: "at 3", "quarter to 5", "from 7 pm to 9", "noon".

An hour without am or pm is one of a working day: 7 to 12 in the morning, 1 to 6 in the afternoon.
At night, 12 to 4 are those after midnight.  The end of a stretch takes the half of the day that its
beginning has if that gives a later hour ("6 to 7"), else the other half ("11 to 1").  An hour that
the part of the day does not have ("tonight at 9 am") is an error.

A form (`times.py`) does not choose: of "at 3" it gives 03:00 and 15:00 and asks.  A tool answers
with the time that it took, and asks before it writes; a form is confirmed as a whole, where a wrong
half of the day is easily overlooked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from typing import Final

PARTS: Final = {
    "morning": (8, 12), "lunchtime": (12, 14), "afternoon": (12, 17), "evening": (17, 21),
    "night": (20, 23),
}  # fmt: skip
DAWN: Final = time(5)  # until then a night is that of the day before
CLOCK: Final = r"(\d{1,2})(?:[:.](\d{2}))?(?::(\d{2}))?\s*([ap])?\.?(?:m\.?)?"
STRETCH: Final = rf"(?:from|between )?\s*{CLOCK}\s*(?:-|–|to|until|till|and)\s*{CLOCK}"
FRACTION: Final = r"(half past|quarter past|quarter to) (\d{1,2})\s*([ap])?\.?(?:m\.?)?"
WORDS: Final = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """end: of a stretch; not after `begin` where it is one of the next day."""

    begin: time
    end: time | None = None


def read_hours(take: Callable[[str], re.Match[str] | None], part: str | None) -> Hours | None:
    """
    take: finds a pattern in the words and removes it.
    part: of the day, where the words name one.

    Raises:
        ValueError: no hour of a day, or none of that part.
    """
    if found := take(STRETCH):
        given = found.groups()
        return _stretch(_ClockWords.of(given[:4]), _ClockWords.of(given[4:]), part)
    if found := take(FRACTION):
        hour = _ClockWords.of((found[2], None, None, found[3])).clock(part).hour
        minutes = {"half past": 30, "quarter past": 15, "quarter to": -15}[found[1]]
        return Hours(begin=time((hour * 60 + minutes) // 60 % 24, minutes % 60))
    if found := take(CLOCK):
        return Hours(begin=_ClockWords.of(found.groups()).clock(part))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClockWords:
    """An hour as it was said.  half: `a` or `p`.  bare: it could be of either half of the day."""

    hour: int
    minute: int
    second: int
    half: str | None
    bare: bool

    @classmethod
    def of(cls, groups: tuple[str | None, ...]) -> _ClockWords:
        hour, minute, second = (int(each or 0) for each in groups[:3])
        bare = not groups[3] and 0 < hour <= 12 and not str(groups[0]).startswith("0")
        return cls(hour=hour, minute=minute, second=second, half=groups[3], bare=bare)

    def clock(self, part: str | None) -> time:
        if self.bare:
            return self.of_half(_likely_half(self.hour, part))
        if self.half:
            return self.of_half(self.half)
        return time(self.hour, self.minute, self.second)

    def of_half(self, half: str) -> time:
        if not 1 <= self.hour <= 12:
            raise ValueError
        return time(self.hour % 12 + (12 if half == "p" else 0), self.minute, self.second)


def _likely_half(hour: int, part: str | None) -> str:
    """Which half of the day an hour from 1 to 12 means."""
    match part:
        case None | "afternoon" | "lunchtime":
            late = hour <= 6 or hour == 12 or part == "afternoon"
        case "morning":
            late = hour == 12
        case "evening":
            if hour in (12, 1, 2, 3):
                raise ValueError
            late = True
        case _:
            late = 5 <= hour < 12
    return "p" if late else "a"


def _stretch(first: _ClockWords, last: _ClockWords, part: str | None) -> Hours:
    if first.bare and not last.bare:  # "2 to 4 pm", "11 to 1 pm": the beginning takes the end's
        end = last.clock(part)
        if last.half is None:
            return Hours(begin=first.clock(part), end=end)
        begin = first.of_half(last.half)
        return Hours(begin=begin if begin < end else first.of_half(_other_half(last.half)), end=end)
    begin = first.clock(part)
    if not last.bare:
        return Hours(begin=begin, end=last.clock(part))
    half = "p" if begin.hour >= 12 else "a"
    end = last.of_half(half)
    return Hours(begin=begin, end=end if end > begin else last.of_half(_other_half(half)))


def _other_half(half: str) -> str:
    return "a" if half == "p" else "p"
