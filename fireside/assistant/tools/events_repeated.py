"""When an event begins: once, on dates that are listed, or by a rule (RFC 5545, section 3.8.5).

Rules are dateutil's, kept within bounds: it looks for the next date until the year 9999, so a rule
that no date meets ("30 February, daily") would take seconds, and an INTERVAL of 0 for ever.  It
refuses rules that repeat by the minute: no calendar means them.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

MOST: Final = 1000  # occurrences of one event in one window
STEPS: Final = 100_000  # dates that a rule may name before the window
PERIODS: Final = {
    "HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(days=7),
}  # fmt: skip
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def one(component: Any, name: str, default: Any = None) -> Any:
    """A property, the first where somebody wrote it twice."""
    found = component.get(name, default)
    return found[0] if isinstance(found, list) and found else found


def moment_of(value: date | datetime, zone: tzinfo) -> datetime:
    """A day begins, and a floating time is meant, where the person is."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), tzinfo=zone)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(zone)


def starts(
    component: Any, first: datetime, begin: datetime, end: datetime, zone: tzinfo
) -> list[datetime]:
    """In order, of an event that begins at `first`; those before `begin` may be missing.

    Raises:
        ValueError, TypeError, AttributeError, ArithmeticError: the rule cannot be read.
    """
    if "RRULE" not in component and "RDATE" not in component:
        return [first]
    found = set(_dates(component, "RDATE", zone))
    if "RRULE" in component:
        found |= set(_repeated(component, first, begin, end, zone))
    else:
        found.add(first)
    return sorted(found - set(_dates(component, "EXDATE", zone)))


def _dates(component: Any, name: str, zone: tzinfo) -> Iterator[datetime]:
    given = component.get(name, [])
    for listed in given if isinstance(given, list) else [given]:
        for value in listed.dts:
            if isinstance(value.dt, date):
                yield moment_of(value.dt, zone)


def _repeated(
    component: Any, first: datetime, begin: datetime, end: datetime, zone: tzinfo
) -> Iterator[datetime]:
    """By the wall clock of the event's own time zone: at nine stays at nine."""
    own, rule = one(component, "DTSTART").dt, component["RRULE"]
    source = own.tzinfo if isinstance(own, datetime) and own.tzinfo else zone
    parts = dict(part.split("=", 1) for part in rule.to_ical().decode().upper().split(";"))
    start, after, stop = (
        each.astimezone(source).replace(tzinfo=None) for each in (first, begin, end)
    )
    after, stop = after - timedelta(days=1), stop + timedelta(days=1)
    if until := rule.get("UNTIL", [None])[0]:  # dateutil wants it as naive as the start
        last = moment_of(until, source).astimezone(source).replace(tzinfo=None)
        if not isinstance(until, datetime):
            last = last.replace(hour=23, minute=59)
        stop = min(stop, last + timedelta(seconds=1))
        del parts["UNTIL"]
    if int(parts.get("INTERVAL", "1")) < 1:
        raise ValueError("INTERVAL")
    if start >= stop:
        return
    walls = _short if parts["FREQ"] in PERIODS else _long
    for wall in walls(parts, start, after, stop):
        yield wall.replace(tzinfo=source).astimezone(zone)


def _short(
    parts: dict[str, str], start: datetime, after: datetime, stop: datetime
) -> Iterator[datetime]:
    """By the hour, day or week.  What only leaves dates out is looked at here and not by dateutil,
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
    if not count:  # begin near the window, as many whole periods later
        period = PERIODS[parts["FREQ"]] * int(parts.get("INTERVAL", "1"))
        start += max(0, (after - start) // period - 1) * period
    met = (wall for wall in _walls(parts, start, stop) if _meets(wall, filters))
    yield from _window(met, after, count)


def _long(
    parts: dict[str, str], start: datetime, after: datetime, stop: datetime
) -> Iterator[datetime]:
    """By the month or year, as late as can be: the calendar is the same every 400 years, and
    dateutil has less far to go to the year 9999."""
    if parts["FREQ"] not in ("MONTHLY", "YEARLY") or "BYEASTER" in parts:
        raise ValueError("no such rule")
    years = max(0, (9998 - stop.year) // 400 * 400)
    start, after, stop = (each.replace(year=each.year + years) for each in (start, after, stop))
    for wall in _window(_walls(parts, start, stop), after, 0):
        yield wall.replace(year=wall.year - years)


def _walls(parts: Mapping[str, str], start: datetime, stop: datetime) -> Iterator[datetime]:
    from dateutil.rrule import rrulestr

    text = ";".join(f"{name}={value}" for name, value in parts.items())
    for step, wall in enumerate(rrulestr(text, dtstart=start)):
        if step == STEPS:
            raise ValueError("too many dates")
        if wall >= stop:
            return
        yield wall


def _window(walls: Iterator[datetime], after: datetime, count: int) -> Iterator[datetime]:
    """Those from `after` on, at most MOST; count: of all that there are, 0 for no end."""
    given = 0
    for number, wall in enumerate(walls, 1):
        if wall >= after:
            given += 1
            yield wall
        if number == count or given == MOST:
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
