"""When an event begins: once, on dates that are listed, or by rules (RFC 5545, section 3.8.5).

Rules are dateutil's, kept within bounds: it looks for the next date until the year 9999, so a rule
that no date meets ("30 February, daily") would take seconds, and an INTERVAL of 0 for ever.  All
rules of one look at a calendar share a budget of steps (`Steps`).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any, Final

from fireside.tools.events_zones import each, moment_of, own_time, read_time, zoned

MOST: Final = 1000  # occurrences of one event in one window
STEPS: Final = 100_000  # dates that one rule may name before the window
ALL_STEPS: Final = 200_000  # dates that all rules may name
PERIODS: Final = {
    "SECONDLY": timedelta(seconds=1), "MINUTELY": timedelta(minutes=1),
    "HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(days=7),
}  # fmt: skip
BOUNDS: Final = {
    "INTERVAL": (1, 10**9), "COUNT": (1, 10**9), "BYSECOND": (0, 60), "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23), "BYMONTHDAY": (1, 31), "BYYEARDAY": (1, 366), "BYWEEKNO": (1, 53),
    "BYMONTH": (1, 12), "BYSETPOS": (1, 366),
}  # fmt: skip
"""Of each number (RFC 5545, section 3.3.10); dateutil takes a BYMONTHDAY of 0 for every day."""
FROM_THE_END: Final = frozenset(("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"))
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(slots=True)
class Steps:
    """How many dates the rules may still name."""

    left: int = ALL_STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The dates of an event.  own: its DTSTART as written.  source: the zone whose clock its rules
    follow.  zone: the person's."""

    component: Any
    own: date | datetime
    source: tzinfo
    zone: tzinfo

    @classmethod
    def of(cls, component: Any, zone: tzinfo) -> Series:
        own = own_time(component, "DTSTART")
        source = own.tzinfo if isinstance(own, datetime) and own.tzinfo else zone
        return cls(component=component, own=own, source=source, zone=zone)

    @property
    def whole_day(self) -> bool:
        return not isinstance(self.own, datetime)

    def instant(self, value: date | datetime) -> datetime:
        """In UTC, as this series means it: days are days, and a floating time is of its zone."""
        if self.whole_day and isinstance(value, datetime):
            value = value.date()
        elif not self.whole_day and not isinstance(value, datetime):
            clock = self.own.timetz() if isinstance(self.own, datetime) else time()
            value = datetime.combine(value, clock.replace(tzinfo=None))
        return moment_of(value, self.zone if self.whole_day else self.source).astimezone(UTC)

    def wall(self, moment: datetime) -> datetime:
        """Its own clock at that moment."""
        source = self.zone if self.whole_day else self.source
        return moment.astimezone(source).replace(tzinfo=None)

    def at_wall(self, wall: datetime) -> datetime:
        return moment_of(wall, self.zone if self.whole_day else self.source).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """moments: in UTC, in order.  ends: of those that have their own (RDATE with a period).
    whole: False if there were more than MOST."""

    moments: list[datetime]
    ends: Mapping[datetime, datetime] = field(default_factory=dict)
    whole: bool = True


def starts(series: Series, begin: datetime, end: datetime, steps: Steps) -> Starts:
    """Those before `begin` may be missing.

    Raises:
        ValueError, TypeError, AttributeError, ArithmeticError: a rule cannot be read.
    """
    component = series.component
    first = series.instant(series.own)
    moments, ends, whole = {first}, {}, True
    for prop in each(component, "RDATE"):
        for value in zoned(prop):
            if isinstance(value, tuple):
                start = series.instant(value[0])
                by_length = isinstance(value[1], timedelta)
                ends[start] = start + value[1] if by_length else series.instant(value[1])
            else:
                start = series.instant(value)
            moments.add(start)
    rules = each(component, "RRULE")
    if rules:
        if any(_ends_before(rule, series) for rule in rules):
            raise ValueError("UNTIL")
        moments.discard(first)
        whole &= _add(moments, rules, series, begin, end, steps)
    gone: set[datetime] = set()
    whole &= _add(gone, each(component, "EXRULE"), series, begin, end, steps)
    days: set[date] = set()
    for prop in each(component, "EXDATE"):
        for value in zoned(prop):
            if isinstance(value, datetime) or series.whole_day:
                gone.add(series.instant(value))
            else:
                days.add(value)
    left = sorted(
        moment for moment in moments - gone if not days or series.wall(moment).date() not in days
    )
    return Starts(moments=left, ends=ends, whole=whole)


def _add(
    moments: set[datetime],
    rules: list[Any],
    series: Series,
    begin: datetime,
    end: datetime,
    steps: Steps,
) -> bool:
    """Whether all the rules' dates were added."""
    whole = True
    for rule in rules:
        near = (date for date in _repeated(rule, series, begin, end, steps) if date >= begin)
        dates = list(islice(near, MOST + 1))
        whole &= len(dates) <= MOST
        moments |= set(dates[:MOST])
    return whole


def _repeated(
    rule: Any, series: Series, begin: datetime, end: datetime, steps: Steps
) -> Iterator[datetime]:
    """By the wall clock of the event's own time zone: at nine stays at nine."""
    parts = _parts(rule)
    start = series.wall(series.instant(series.own))
    # Clocks change by an hour or two; where countries changed sides of the date line, by a day.
    margin = timedelta(hours=3) if parts["FREQ"] in ("SECONDLY", "MINUTELY") else timedelta(days=1)
    after, stop = series.wall(begin) - margin, series.wall(end) + margin
    if until := parts.pop("UNTIL", ""):  # dateutil wants it as naive as the start
        stop = min(stop, _until(until, series) + timedelta(seconds=1))
    if start >= stop:
        return
    walls = _short if parts["FREQ"] in PERIODS else _long
    for wall in walls(parts, start, after, stop, steps):
        yield series.at_wall(wall)


def _ends_before(rule: Any, series: Series) -> bool:
    """Whether its UNTIL is before the first date, as no sound calendar has it."""
    until = _parts(rule).get("UNTIL")
    return bool(until) and _until(str(until), series) < series.wall(series.instant(series.own))


def _parts(rule: Any) -> dict[str, str]:
    """Also of a rule that icalendar does not read, in small letters or with white space."""
    text = str(rule) if isinstance(rule, str) else rule.to_ical().decode()
    pieces = [part.strip() for part in text.upper().split(";")]
    parts = dict(part.split("=", 1) for part in pieces if part)
    if parts.pop("RSCALE", "GREGORIAN") != "GREGORIAN" or parts.pop("SKIP", "OMIT") != "OMIT":
        raise ValueError("RSCALE")  # RFC 7529: other calendars, and dates that move
    for name, (least, most) in BOUNDS.items():
        for number in map(int, parts[name].split(",") if name in parts else ()):
            if not least <= abs(number) <= most or (number < 0 and name not in FROM_THE_END):
                raise ValueError(name)
    return parts


def _until(text: str, series: Series) -> datetime:
    """The last wall clock that counts."""
    until = read_time(text)
    if series.whole_day or not isinstance(until, datetime):
        day = until.date() if isinstance(until, datetime) else until
        return datetime.combine(day, time(23, 59, 59))
    return series.wall(moment_of(until, series.source))


def _short(
    parts: dict[str, str], start: datetime, after: datetime, stop: datetime, steps: Steps
) -> Iterator[datetime]:
    """By the second to the week.  What only leaves dates out is looked at here and not by dateutil,
    which therefore always finds a next date."""
    names = {"BYMONTH", "BYMONTHDAY", "BYYEARDAY"}
    if parts["FREQ"] != "WEEKLY":  # where it adds days
        names.add("BYDAY")
    filters = {name: parts.pop(name).split(",") for name in names & set(parts)}
    if parts["FREQ"] == "WEEKLY" and filters.keys() - {"BYMONTH"}:
        parts.setdefault("BYDAY", ",".join(WEEKDAYS))  # else it would be the start's alone
    days = len(parts.get("BYDAY", "").split(","))
    positions = [abs(int(each)) for each in parts.get("BYSETPOS", "1").split(",")]
    if "BYWEEKNO" in parts or max(positions) > days or ("BYSETPOS" in parts and filters):
        raise ValueError("no such rule")
    count = int(parts.pop("COUNT", "0"))
    simple = not filters and not any(name.startswith("BY") for name in parts)
    if simple or not count:  # begin near the window, as many whole periods later
        period = PERIODS[parts["FREQ"]] * int(parts.get("INTERVAL", "1"))
        periods = max(0, (after - start) // period - 1)
        start += periods * period
        if count and (count := count - periods) <= 0:
            return
    met = (wall for wall in _walls(parts, start, stop, steps) if _meets(wall, filters))
    yield from _window(met, after, count)


def _long(
    parts: dict[str, str], start: datetime, after: datetime, stop: datetime, steps: Steps
) -> Iterator[datetime]:
    """By the month or year, as late as can be: the calendar is the same every 400 years, and
    dateutil has less far to go to the year 9999."""
    if parts["FREQ"] not in ("MONTHLY", "YEARLY") or "BYEASTER" in parts:
        raise ValueError("no such rule")
    years = max(0, (9998 - stop.year) // 400 * 400)
    start, after, stop = (each.replace(year=each.year + years) for each in (start, after, stop))
    for wall in _window(_walls(parts, start, stop, steps), after, 0):
        yield wall.replace(year=wall.year - years)


def _walls(
    parts: Mapping[str, str], start: datetime, stop: datetime, steps: Steps
) -> Iterator[datetime]:
    from dateutil.rrule import rrulestr

    text = ";".join(f"{name}={value}" for name, value in parts.items())
    for step, wall in enumerate(rrulestr(text, dtstart=start)):
        if wall >= stop:
            return
        if step == STEPS or not steps.left:
            raise ValueError("too many dates")
        steps.left -= 1
        yield wall


def _window(walls: Iterator[datetime], after: datetime, count: int) -> Iterator[datetime]:
    """Those from `after` on; count: of all that there are, 0 for no end."""
    for number, wall in enumerate(walls, 1):
        if wall >= after:
            yield wall
        if number == count:
            return


def _meets(wall: datetime, filters: Mapping[str, list[str]]) -> bool:
    month = calendar.monthrange(wall.year, wall.month)[1]
    year = 365 + calendar.isleap(wall.year)
    number = wall.timetuple().tm_yday
    values = {
        "BYMONTH": {wall.month},
        "BYMONTHDAY": {wall.day, wall.day - month - 1},
        "BYYEARDAY": {number, number - year - 1},
        "BYDAY": {wall.weekday()},
    }
    return all(
        any(
            (WEEKDAYS.index(each[-2:]) if name == "BYDAY" else int(each)) in values[name]
            for each in listed
        )
        for name, listed in filters.items()
    )
