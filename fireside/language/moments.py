"""A phrase for a time ("next Tuesday at noon") as a moment, reckoned from a given clock.

    read_moment("next Tuesday at noon", now) -> Moment(start=..., end=None, timed=True)

`dates` reads the days; "12.11." is the next 12 November.  `hours.py` reads the hours; the early
hours of a night are on the day after it.  A phrase that is not understood whole is an error: half
a date is a wrong date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from fireside.errors import BadRequest
from fireside.language.dates.expressions import Days, shift_day
from fireside.language.dates.reader import day_phrases
from fireside.language.dates.vocabulary import MONTH_NAMES, NUMBERS
from fireside.language.hours import DAWN, PARTS, WORDS, Hours, read_hours

LONGEST: Final = 200
FILLERS: Final = frozenset(
    "on;at;the;of;by;for;about;around;sharp;o'clock;oclock;,;and".split(";")  # noqa: SIM905
)

_NUMBER = rf"\d{{1,5}}|{'|'.join(sorted(NUMBERS, key=len, reverse=True))}"
_COUNT = rf"(?P<n>{_NUMBER}|half an)"
_LONGER = (  # "in 2 hours and 30 minutes", "in an hour and a half", "in one and a half hours"
    rf"in (?:{_COUNT} hours?,? (?:and )?(?:a half|(?P<minutes>{_NUMBER}) minutes?)"
    rf"|(?P<hours>{_NUMBER}) and a half hours?)"
)
_STAMP = r"\d{4}-\d{2}-\d{2}t\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:z|[+-][01]\d:?\d{2})"
_UNIT = "(?P<unit>minute|hour)s?"
# "12.11." and "12.11.2027"; "at 12.11." is an hour at a sentence's end
_DOTTED = (
    r"(?<=\s)(?<!at\s)(?<!from\s)(?<!to\s)(0?[1-9]|[12]\d|3[01])\.\s?(0?[1-9]|1[0-2])\."
    r"(?:\s?(\d{4}))?(?=[\s,?!])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """start: with a time zone.  end: where the words name a stretch (a day, a week, 2 to 4 pm).

    timed: the words name an hour; else `start` is the beginning of a day.
    dated: they name a day; else it is the next on which that hour is ahead.
    part: they name a part of a day and no hour: start and end are where it lies by custom.
    """

    start: datetime
    end: datetime | None = None
    timed: bool = False
    dated: bool = True
    part: bool = False


def read_moment(words: str, now: datetime) -> Moment:
    """
    now: with a time zone, which is the person's.

    Raises:
        BadRequest: something in the words is not understood; the line says what.
    """
    if len(words) > LONGEST:
        raise BadRequest(f"A time in words has at most {LONGEST} letters.")
    reading = _Reading(re.sub(r"\s+", " ", words.lower()).strip(), now)
    try:
        found = reading.moment()
    except (OverflowError, ValueError):
        raise _unclear(words) from None
    if found is None or reading.rest:
        raise _unclear(words)
    return found


def _unclear(words: str) -> BadRequest:
    return BadRequest(
        f"The time {words[:60]!r} is not clear: say it like 'next Tuesday at 3 pm' or "
        "'2026-11-24 15:00'."
    )


def local_time(day: date, clock: time, now: datetime) -> datetime:
    """That wall clock in the zone of `now`; a time that a change of clocks leaves out moves on."""
    wall = datetime.combine(day, clock, tzinfo=now.tzinfo)
    return wall.astimezone(UTC).astimezone(now.tzinfo)


class _Reading:
    """Takes what it understands out of the words, the longest forms first."""

    def __init__(self, text: str, now: datetime) -> None:
        self._text = f" {text} "
        self._now = now

    @property
    def rest(self) -> list[str]:
        words = self._text.replace(",", " , ").split()
        return [word for word in words if word not in FILLERS]

    def take(self, pattern: str) -> re.Match[str] | None:
        found = re.search(rf"(?<=[\s,]){pattern}(?=[\s,.?!])", self._text)
        if found is not None:
            self._text = f"{self._text[: found.start()]} {self._text[found.end() :]}"
        return found

    def moment(self) -> Moment | None:
        self._text = re.sub(_DOTTED, _written_out, self._text)
        self._text = re.sub(r"(?<![?!.])[?!.]+\s*$", " ", self._text)
        if self._text.strip() in ("now", "right now"):
            self._text = " "
            return Moment(start=self._now, timed=True)
        if stamp := self.take(_STAMP):
            start = datetime.fromisoformat(stamp[0].upper()).astimezone(self._now.tzinfo)
            return Moment(start=start, timed=True)
        self._text = re.sub(r"(\d{4}-\d{1,2}-\d{1,2})t(?=\d\d:)", r"\1 ", self._text)
        if found := self._counted():
            return found
        named = self.take(rf"(?:(?P<which>in the|this|at) )?(?P<part>{'|'.join(PARTS)})")
        part, today = (named["part"], named["which"] == "this") if named else (None, False)
        if self.take("tonight"):
            part, today = part or "tonight", True
        days = self._days()
        if days is not None and not days.single:
            return self._moment_of_days(days)
        said = self._hours(part)
        known = days is not None or today
        day = days.begin if days is not None else self._now.date()
        if said is not None:
            return self._timed(day, said, known=known, part=part)
        if part is not None:
            return self._part(day, part, known=known)
        return None if days is None else self._moment_of_days(days)

    def _moment_of_days(self, days: Days) -> Moment:
        return Moment(
            start=local_time(days.begin, time(), self._now),
            end=local_time(days.end, time(), self._now),
        )

    def _part(self, day: date, part: str, *, known: bool) -> Moment:
        begin, end = PARTS["evening" if part == "tonight" else part]
        return Moment(
            start=local_time(day, time(begin), self._now),
            end=local_time(day, time(end), self._now),
            timed=True, dated=known, part=True,
        )  # fmt: skip

    def _timed(self, day: date, said: Hours, *, known: bool, part: str | None = None) -> Moment:
        if part == "tonight" and DAWN <= said.begin < time(12):
            raise ValueError
        early = part in ("night", "tonight") and said.begin < DAWN
        if local_time(day, said.begin, self._now) <= self._now:
            moves = early or not known  # "at 9" said at 10 is tomorrow's
        else:
            moves = early and day != self._now.date()  # "Friday night at 1" is Saturday's
        day += timedelta(moves)
        end = None
        if said.end is not None:
            end = local_time(day + timedelta(said.end <= said.begin), said.end, self._now)
        return Moment(
            start=local_time(day, said.begin, self._now), end=end, timed=True, dated=known
        )

    def _hours(self, part: str | None) -> Hours | None:
        for word, clock in WORDS.items():
            self._text = re.sub(rf"(?<= ){word}(?=[ ,])", clock, self._text)
        return read_hours(self.take, part)

    def _counted(self) -> Moment | None:
        """in 20 minutes · 2 hours ago · an hour before Friday at noon"""
        if found := self.take(_LONGER):
            minutes = _number(found["minutes"]) if found["minutes"] else 30
            minutes += 60 * _number(found["hours"] or found["n"])
            return Moment(start=shift(self._now, minutes, "minute"), timed=True)
        if found := self.take(rf"in {_COUNT} (?:of )?{_UNIT}"):
            start = shift(self._now, _number(found["n"]), found["unit"])
            return Moment(start=start, timed=True)
        way = r"(?P<way>ago|from now|later|hence|from|after|before)(?P<other> [^,]+)?"
        if (found := self.take(rf"{_COUNT} (?:of )?{_UNIT} {way}")) is None:
            return None
        base = self._now
        if found["way"] in ("from", "after", "before"):
            base = read_moment(found["other"] or "", self._now).start
        elif found["other"]:
            self._text += found["other"] + " "
        direction = -1 if found["way"] in ("ago", "before") else 1
        return Moment(start=shift(base, direction * _number(found["n"]), found["unit"]), timed=True)

    def _days(self) -> Days | None:
        """The days that the words name, taken out of them.

        Raises:
            BadRequest, ValueError: several, or nobody can tell which.
        """
        phrases = day_phrases(self._text, self._now.date(), terse=True)
        if not phrases:
            return None
        (phrase,) = phrases
        words = self._text[phrase.start : phrase.end]
        if re.fullmatch(r"\d{1,2}/\d{1,2}", words):
            raise ValueError  # of two countries' orders, and without a year
        (days,) = phrase.readings
        self._text = f"{self._text[: phrase.start]} {self._text[phrase.end :]}"
        return days


def shift(base: datetime, count: float, unit: str) -> datetime:
    """Minutes and hours pass as they do; days and longer keep the wall clock."""
    if unit in ("minute", "hour"):
        step = timedelta(minutes=count) if unit == "minute" else timedelta(hours=count)
        return (base.astimezone(UTC) + step).astimezone(base.tzinfo)
    return local_time(shift_day(base.date(), int(count), unit), base.time(), base)


def _written_out(dotted: re.Match[str]) -> str:
    return f"{dotted[1]} {MONTH_NAMES[int(dotted[2])]} {dotted[3] or ''}"


def _number(word: str) -> float:
    if word == "half an":
        return 0.5
    return NUMBERS[word] if word in NUMBERS else int(word)
