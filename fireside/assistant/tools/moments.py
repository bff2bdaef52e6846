"""Words for a time ("next Tuesday at noon") as a time, against a clock that is handed in.

    understood("next Tuesday at noon", now) -> Moment(start=..., end=None, timed=True)

Weeks begin on Monday.  "Tuesday" and "this Tuesday" are the next one to come, never today; "next
Tuesday" is the one of next week.  A date without a year is the next one: "12.11." too.  Hours are
those of `moments_hours.py`; the early ones of a night are on the day after it.  It refuses what it
does not understand whole: half a date is a wrong date.  English only; ISO dates in any language.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from fireside.assistant.tools.moments_hours import DAWN, PARTS, WORDS, Hours, hours
from fireside.errors import BadRequest

LONGEST: Final = 200
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS: Final = tuple(name.lower() for name in calendar.month_name)
NUMBERS: Final = {
    word: number
    for number, words in enumerate(
        "zero;a an one;two;three;four;five;six;seven;eight;nine;ten;eleven;twelve".split(";")  # noqa: SIM905
    )
    for word in words.split()
} | {"couple": 2, "fifteen": 15, "twenty": 20, "thirty": 30}
UNITS: Final = ["minute", "hour", "day", "week", "fortnight", "month", "year"]
FILLERS: Final = frozenset(
    "on;at;the;of;by;for;about;around;sharp;o'clock;oclock;,;and".split(";")  # noqa: SIM905
)

_NUMBER = rf"\d{{1,5}}|{'|'.join(NUMBERS)}"
_COUNT = rf"(?P<n>{_NUMBER}|half an)"
_LONGER = (  # "in 2 hours and 30 minutes", "in an hour and a half", "in one and a half hours"
    rf"in (?:{_COUNT} hours?,? (?:and )?(?:a half|(?P<minutes>{_NUMBER}) minutes?)"
    rf"|(?P<hours>{_NUMBER}) and a half hours?)"
)
_STAMP = r"\d{4}-\d{2}-\d{2}t\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:z|[+-][01]\d:?\d{2})"
_UNIT = rf"(?P<unit>{'|'.join(UNITS)})s?"
_DAY = rf"(?P<day>{'|'.join(f'{d[:3]}(?:{d[3:]})?' for d in DAYS)}|tues|weds|thurs?)"
_MONTH = "(?P<month>" + "|".join(f"{m[:3]}(?:{m[3:]})?" for m in MONTHS[1:]) + r"|sept)\.?"
_NTH = r"(?P<nth>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?"
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


def understood(words: str, now: datetime) -> Moment:
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


def at(day: date, clock: time, now: datetime) -> datetime:
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
        if self.take(r"(?:right )?now"):
            return Moment(start=self._now, timed=True)
        if stamp := self.take(_STAMP):
            start = datetime.fromisoformat(stamp[0].upper()).astimezone(self._now.tzinfo)
            return Moment(start=start, timed=True)
        if found := self._counted():
            return found
        span = self._span()
        if span is not None:
            return Moment(start=at(span[0], time(), self._now), end=at(span[1], time(), self._now))
        named = self.take(rf"(?:(?P<which>in the|this|at) )?(?P<part>{'|'.join(PARTS)})")
        part, today = (named["part"], named["which"] == "this") if named else (None, False)
        if self.take("tonight"):
            part, today = part or "tonight", True
        day = self._day()
        said = self._hours(part)
        known = day is not None or today
        if said is not None:
            return self._timed(day or self._now.date(), said, known=known, part=part)
        if part is not None:
            return self._part(day or self._now.date(), part, known=known)
        if day is None:
            return None
        return Moment(
            start=at(day, time(), self._now), end=at(day + timedelta(1), time(), self._now)
        )

    def _part(self, day: date, part: str, *, known: bool) -> Moment:
        begin, end = PARTS["evening" if part == "tonight" else part]
        return Moment(
            start=at(day, time(begin), self._now), end=at(day, time(end), self._now),
            timed=True, dated=known, part=True,
        )  # fmt: skip

    def _timed(self, day: date, said: Hours, *, known: bool, part: str | None = None) -> Moment:
        if part == "tonight" and DAWN <= said.begin < time(12):
            raise ValueError
        early = part in ("night", "tonight") and said.begin < DAWN
        if at(day, said.begin, self._now) <= self._now:
            moves = early or not known  # "at 9" said at 10 is tomorrow's
        else:
            moves = early and day != self._now.date()  # "Friday night at 1" is Saturday's
        day += timedelta(moves)
        end = None
        if said.end is not None:
            end = at(day + timedelta(said.end <= said.begin), said.end, self._now)
        return Moment(start=at(day, said.begin, self._now), end=end, timed=True, dated=known)

    def _hours(self, part: str | None) -> Hours | None:
        for word, clock in WORDS.items():
            self._text = re.sub(rf"(?<= ){word}(?=[ ,])", clock, self._text)
        return hours(self.take, part)

    def _counted(self) -> Moment | None:
        """in 3 days · 2 hours ago · a week from tomorrow · 10 days before 3 March"""
        if found := self.take(_LONGER):
            minutes = _number(found["minutes"]) if found["minutes"] else 30
            minutes += 60 * _number(found["hours"] or found["n"])
            return Moment(start=shifted(self._now, minutes, "minute"), timed=True)
        found = self.take(rf"in {_COUNT} (?:of )?{_UNIT}")
        direction, other = 1, None
        if found is None:
            way = r"(?P<way>ago|from now|later|hence|from|after|before)(?P<other> [^,]+)?"
            found = self.take(rf"{_COUNT} (?:of )?{_UNIT} {way}")
            if found is None:
                return None
            direction = -1 if found["way"] in ("ago", "before") else 1
            if found["way"] in ("from", "after", "before"):
                other = understood(found["other"] or "", self._now)
            elif found["other"]:
                self._text += found["other"] + " "
        base = other.start if other else self._now
        whole = other is not None and not other.timed
        moved = shifted(base, direction * _number(found["n"]), found["unit"])
        if found["unit"] in ("minute", "hour"):
            return Moment(start=moved, timed=True)
        if (said := self._hours(None)) is not None:
            return self._timed(moved.date(), said, known=True)
        if other is not None and not whole:
            return Moment(start=moved, timed=True)
        day = moved.date()
        return Moment(
            start=at(day, time(), self._now), end=at(day + timedelta(1), time(), self._now)
        )

    def _span(self) -> tuple[date, date] | None:
        today = self._now.date()
        found = self.take(r"(?P<which>this|next|last|the coming) (?P<unit>weekend|week|month|year)")
        if found is None:
            return None
        step = {"this": 0, "the coming": 1, "next": 1, "last": -1}[found["which"]]
        monday = today - timedelta(today.weekday())
        match found["unit"]:
            case "week":
                if (day := self.take(_DAY)) is not None:  # "Tuesday next week", whole
                    one = monday + timedelta(7 * step + _weekday(day["day"]))
                    self._text += f" {one.isoformat()} "
                    return None
                begin = monday + timedelta(7 * step)
                return begin, begin + timedelta(7)
            case "weekend":
                begin = monday + timedelta(7 * step + 5)
                return begin, begin + timedelta(2)
            case "month":
                return _month(today, step), _month(today, step + 1)
            case _:
                return date(today.year + step, 1, 1), date(today.year + step + 1, 1, 1)

    def _day(self) -> date | None:
        today = self._now.date()
        if found := self.take(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:t(?=\d))?"):
            return self._agreed(date(int(found[1]), int(found[2]), int(found[3])))
        if found := re.search(
            r"(?<=\s)(\d{4}-\d{2}-\d{2})t(\d{2}:\d{2}(?::\d{2})?)(?=\s)", self._text
        ):
            self._text = self._text.replace(found[0], found[2])
            return date.fromisoformat(found[1])
        for words, step in _NEAR.items():
            if self.take(words):
                return self._agreed(today + timedelta(step), self._dated(today))
        if (dated := self._dated(today)) is not None:
            return self._agreed(dated)
        named = self.take(rf"(?:(?P<which>this|next|last|coming) )?(?:the )?{_DAY}")
        return _named(today, _weekday(named["day"]), named["which"]) if named else None

    def _agreed(self, day: date, other: date | None = None) -> date:
        """The day, if the weekday that is named with it, and another word for it, are that day's.

        Raises:
            BadRequest: they are not.
        """
        named = self.take(rf"(?:(?:this|next|last|coming) )?(?:the )?{_DAY}")
        wrong = named[0] if named and day.weekday() != _weekday(named["day"]) else None
        if other is not None and other != day:
            wrong = f"{other:%d %B %Y}"
        if wrong is not None:
            raise BadRequest(
                f"{day:%d %B %Y} is a {day:%A}, not what {wrong!r} says: which is meant?"
            )
        return day

    def _dated(self, today: date) -> date | None:
        found = self.take(rf"(?:the )?{_NTH} (?:of )?{_MONTH}{_YEAR}") or self.take(
            rf"{_MONTH} (?:the )?{_NTH}{_YEAR}"
        )
        if found is not None:
            month = next(i for i, m in enumerate(MONTHS) if i and m[:3] == found["month"][:3])
            if found["year"]:
                return date(int(found["year"]), month, int(found["nth"]))
            return _coming(today, month, int(found["nth"]))
        if (found := self.take(r"the (?P<nth>\d{1,2})(?:st|nd|rd|th)")) is None:
            return None
        for step in range(13):
            first = _month(today, step)
            days = calendar.monthrange(first.year, first.month)[1]
            if int(found["nth"]) <= days and (one := first.replace(day=int(found["nth"]))) >= today:
                return one
        raise ValueError


_NEAR = {
    "(?:the )?day after tomorrow": 2,
    "(?:the )?day before yesterday": -2,
    "today": 0,
    "tomorrow": 1,
    "yesterday": -1,
}


def shifted(base: datetime, count: float, unit: str) -> datetime:
    """Minutes and hours pass as they do; days and longer keep the wall clock."""
    if unit in ("minute", "hour"):
        step = timedelta(minutes=count) if unit == "minute" else timedelta(hours=count)
        return (base.astimezone(UTC) + step).astimezone(base.tzinfo)
    whole = int(count)
    if unit in ("day", "week", "fortnight"):
        days = whole * {"day": 1, "week": 7, "fortnight": 14}[unit]
        return at(base.date() + timedelta(days), base.time(), base)
    first = _month(base.date(), whole * (1 if unit == "month" else 12))
    last = calendar.monthrange(first.year, first.month)[1]
    return at(first.replace(day=min(base.day, last)), base.time(), base)


def _written_out(dotted: re.Match[str]) -> str:
    return f"{dotted[1]} {MONTHS[int(dotted[2])]} {dotted[3] or ''}"


def _number(word: str) -> float:
    if word == "half an":
        return 0.5
    return NUMBERS[word] if word in NUMBERS else int(word)


def _weekday(word: str) -> int:
    return next(i for i, day in enumerate(DAYS) if day[:3] == word[:3])


def _month(day: date, step: int) -> date:
    months = day.year * 12 + day.month - 1 + step
    return date(months // 12, months % 12 + 1, 1)


def _coming(today: date, month: int, nth: int) -> date:
    """Without a year: this year's, or next year's when that has passed."""
    for year in range(today.year, today.year + 9):  # a 29 February is at most eight years away
        if nth <= calendar.monthrange(year, month)[1]:
            one = date(year, month, nth)
            if one >= today:
                return one
    raise ValueError


def _named(today: date, weekday: int, which: str | None) -> date:
    monday = today - timedelta(today.weekday())
    if which == "next":
        return monday + timedelta(7 + weekday)
    if which == "last":
        return today - timedelta((today.weekday() - weekday - 1) % 7 + 1)
    return today + timedelta((weekday - today.weekday() - 1) % 7 + 1)
