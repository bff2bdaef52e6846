"""Words for a time ("next Tuesday at noon") as a time, against a clock that is handed in.

    understood("next Tuesday at noon", now) -> Moment(start=..., end=None, timed=True)

Weeks begin on Monday.  "Tuesday" and "this Tuesday" are the next one to come, never today; "next
Tuesday" is the one of next week.  An hour without am or pm is one of a working day: 7 to 12 in the
morning, 1 to 6 in the afternoon.  It refuses what it does not understand whole: half a date is a
wrong date.  English only; ISO dates in any language.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from fireside.errors import BadRequest

LONGEST: Final = 200
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS: Final = tuple(name.lower() for name in calendar.month_name)
PARTS: Final = {
    "morning": (8, 12), "lunchtime": (12, 14), "afternoon": (12, 17), "evening": (17, 21),
    "night": (20, 23),
}  # fmt: skip
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

_COUNT = rf"(?P<n>\d{{1,5}}|{'|'.join(NUMBERS)}|half an)"
_UNIT = rf"(?P<unit>{'|'.join(UNITS)})s?"
_DAY = rf"(?P<day>{'|'.join(f'{d[:3]}(?:{d[3:]})?' for d in DAYS)}|tues|weds|thurs?)"
_MONTH = "(?P<month>" + "|".join(f"{m[:3]}(?:{m[3:]})?" for m in MONTHS[1:]) + r"|sept)\.?"
_NTH = r"(?P<nth>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?"
_CLOCK = r"(\d{1,2})(?:[:.](\d{2}))?(?::(\d{2}))?\s*([ap])?\.?(?:m\.?)?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """start: with a time zone.  end: where the words name a stretch (a day, a week, 2 to 4 pm).

    timed: the words name an hour; else `start` is the beginning of a day.
    """

    start: datetime
    end: datetime | None = None
    timed: bool = False


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
        self._text = re.sub(r"[?!.]+\s*$", " ", self._text)
        if self.take(r"(?:right )?now"):
            return Moment(start=self._now, timed=True)
        if found := self._counted():
            return found
        span = self._span()
        if span is not None:
            return Moment(start=at(span[0], time(), self._now), end=at(span[1], time(), self._now))
        part = self.take(rf"(?:(?:in the|this|at) )?(?P<part>{'|'.join(PARTS)})")
        tonight = self.take("tonight")
        day = self._day()
        hours = self._hours(part["part"] if part else "evening" if tonight else None)
        if day is None and hours is None and not part and not tonight:
            return None
        today = self._now.date()
        if hours is not None:
            return self._timed(day or today, hours, known=day is not None or bool(tonight))
        if part or tonight:
            begin, end = PARTS[part["part"] if part else "evening"]
            return Moment(
                start=at(day or today, time(begin), self._now),
                end=at(day or today, time(end), self._now),
                timed=True,
            )
        assert day is not None
        return Moment(
            start=at(day, time(), self._now), end=at(day + timedelta(1), time(), self._now)
        )

    def _timed(self, day: date, hours: tuple[time, time | None], *, known: bool) -> Moment:
        begin, end = hours
        start = at(day, begin, self._now)
        if not known and start <= self._now:  # "at 9" said at 10 is tomorrow's
            day += timedelta(1)
            start = at(day, begin, self._now)
        if end is None:
            return Moment(start=start, timed=True)
        return Moment(
            start=start,
            end=at(day + timedelta(1 if end <= begin else 0), end, self._now),
            timed=True,
        )

    def _counted(self) -> Moment | None:
        """in 3 days · 2 hours ago · a week from tomorrow · 10 days before 3 March"""
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
        hours = self._hours(None)
        if hours is not None:
            return self._timed(moved.date(), hours, known=True)
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
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := re.search(
            r"(?<=\s)(\d{4}-\d{2}-\d{2})t(\d{2}:\d{2}(?::\d{2})?)(?=\s)", self._text
        ):
            self._text = self._text.replace(found[0], found[2])
            return date.fromisoformat(found[1])
        for words, step in _NEAR.items():
            if self.take(words):
                return today + timedelta(step)
        named = self.take(rf"(?:(?P<which>this|next|last|coming) )?(?:the )?{_DAY}")
        dated = self._dated(today)
        if named is not None and dated is not None and dated.weekday() != _weekday(named["day"]):
            raise BadRequest(
                f"{dated:%d %B %Y} is a {dated:%A}, not what {named[0]!r} says: which is meant?"
            )
        if named is None or dated is not None:
            return dated
        return _named(today, _weekday(named["day"]), named["which"])

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

    def _hours(self, part: str | None) -> tuple[time, time | None] | None:
        for word, clock in (("noon", time(12)), ("midday", time(12)), ("midnight", time())):
            self._text = re.sub(rf"(?<= ){word}(?=[ ,])", f"{clock:%H:%M}", self._text)
        if found := self.take(
            rf"(?:from|between )?\s*{_CLOCK}\s*(?:-|–|to|until|till|and)\s*{_CLOCK}"
        ):
            groups = found.groups()
            end = _clock(groups[4:], part)
            half = groups[3] or (groups[7] if int(groups[0]) <= 12 else None)
            begin = _clock((*groups[:3], half), part)
            if begin > end and half and not groups[3]:  # "11 to 1 pm" begins in the morning
                begin = _clock((*groups[:3], "a"), part)
            return begin, end
        if found := self.take(
            r"(half past|quarter past|quarter to) (\d{1,2})\s*([ap])?\.?(?:m\.?)?"
        ):
            hour = _clock((found[2], None, None, found[3]), part).hour
            minutes = {"half past": 30, "quarter past": 15, "quarter to": -15}[found[1]]
            return time((hour * 60 + minutes) // 60 % 24, minutes % 60), None
        if found := self.take(_CLOCK):
            return _clock(found.groups(), part), None
        return None


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


def _clock(groups: tuple[str | None, ...], part: str | None) -> time:
    hour, minute, second = (int(each or 0) for each in groups[:3])
    half = groups[3]
    if half:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if half == "p" else 0)
    elif 0 < hour <= 12 and not str(groups[0]).startswith("0"):
        later = hour < 12 if part in ("afternoon", "evening", "night") else part is None
        if later and (part is not None or hour <= 6):
            hour += 12
    return time(hour, minute, second)
