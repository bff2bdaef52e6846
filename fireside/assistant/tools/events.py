"""Events of a calendar, as RFC 5545 writes them: read, made, moved, repeated, and the gaps between.

What we write is plain (times in UTC, no repetition); what others wrote is read with its time zones,
repetitions, exceptions, and kept as it is where nothing is to change.  It refuses rules that repeat
by the minute: no calendar means them, and they never end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from fireside.errors import BadRequest, Corrupt

if TYPE_CHECKING:
    import icalendar

MOST: Final = 1000  # occurrences of one event in one window
PRODUCT: Final = "-//Fireside//calendar//EN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """start, end: with a time zone.  place: where the calendar keeps it, for `Calendar.move`."""

    uid: str
    title: str
    start: datetime
    end: datetime
    whole_day: bool = False
    repeats: bool = False
    place: str = ""
    where: str = ""


def parsed(data: bytes | str) -> icalendar.Calendar:
    """
    Raises:
        Corrupt: no calendar.
    """
    import icalendar

    try:
        found = icalendar.Calendar.from_ical(data)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Corrupt(f"The calendar cannot be read: {str(error)[:120]}.") from None
    ending = data.rstrip()[-13:]
    last = ending.decode(errors="replace") if isinstance(ending, bytes) else ending
    if not isinstance(found, icalendar.Calendar) or last.upper() != "END:VCALENDAR":
        raise Corrupt("The calendar cannot be read: it is no whole VCALENDAR.")
    return found


def new_calendar() -> icalendar.Calendar:
    import icalendar

    made = icalendar.Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    return made


def component(event: Event, now: datetime) -> icalendar.Event:
    import icalendar

    made = icalendar.Event()
    made.add("uid", event.uid)
    made.add("dtstamp", now.astimezone(UTC))
    made.add("summary", event.title)
    set_times(made, event)
    return made


def set_times(made: Any, event: Event) -> None:
    for name in ("dtstart", "dtend", "duration"):
        if name in made:
            del made[name]
    if event.whole_day:
        made.add("dtstart", event.start.date())
        made.add("dtend", event.end.date())
    else:
        made.add("dtstart", event.start.astimezone(UTC))
        made.add("dtend", event.end.astimezone(UTC))


def occurrences(
    calendar: icalendar.Calendar, begin: datetime, end: datetime, zone: tzinfo, place: str = ""
) -> list[Event]:
    """What happens between two times, in order.  Cancelled events do not.

    Raises:
        Corrupt: an event cannot be read; names it.
    """
    found: list[Event] = []
    components: list[Any] = [each for each in calendar.walk("VEVENT") if "DTSTART" in each]
    replaced = {
        (str(each.get("UID", "")), _moment(each["RECURRENCE-ID"].dt, zone))
        for each in components
        if "RECURRENCE-ID" in each
    }
    for each in components:
        if str(each.get("STATUS", "")).upper() == "CANCELLED":
            continue
        try:
            first = _event(each, zone, place)
            starts = list(_starts(each, first, begin, end, zone))
        except (ValueError, TypeError, AttributeError, OverflowError):
            name = str(each.get("SUMMARY", ""))[:60]
            raise Corrupt(f"The event {name!r} of the calendar cannot be read.") from None
        for start in starts:
            if "RECURRENCE-ID" not in each and (first.uid, start) in replaced:
                continue
            stop = start + (first.end - first.start)
            if start < end and (stop > begin or start == stop >= begin):
                found.append(replace(first, start=start, end=stop))
    return sorted(found, key=lambda event: (event.start, event.title))


def _event(component: Any, zone: tzinfo, place: str) -> Event:
    start = component["DTSTART"].dt
    whole_day = not isinstance(start, datetime)
    begin = _moment(start, zone)
    if "DTEND" in component:
        end = _moment(component["DTEND"].dt, zone)
    elif "DURATION" in component:
        end = begin + component["DURATION"].dt
    else:
        end = begin + timedelta(days=1 if whole_day else 0)
    return Event(
        uid=str(component.get("UID", "")),
        title=str(component.get("SUMMARY", "")) or "(no title)",
        start=begin,
        end=max(begin, end),
        whole_day=whole_day,
        repeats="RRULE" in component or "RDATE" in component or "RECURRENCE-ID" in component,
        place=place,
        where=str(component.get("LOCATION", "")),
    )


def _moment(value: date | datetime, zone: tzinfo) -> datetime:
    """A day begins, and a floating time is meant, where the person is."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), tzinfo=zone)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(zone)


def _starts(
    component: Any, first: Event, begin: datetime, end: datetime, zone: tzinfo
) -> Iterator[datetime]:
    if "RRULE" not in component and "RDATE" not in component:
        yield first.start
        return
    without = set(_dates(component, "EXDATE", zone))
    length = first.end - first.start
    found = set(_dates(component, "RDATE", zone))
    if "RRULE" in component:
        found |= set(_repeated(component, first, begin - length, end, zone))
    else:
        found.add(first.start)
    yield from sorted(found - without)


def _repeated(
    component: Any, first: Event, begin: datetime, end: datetime, zone: tzinfo
) -> Iterator[datetime]:
    """By the wall clock of the event's own time zone: at nine stays at nine."""
    from dateutil.rrule import rrulestr

    own = component["DTSTART"].dt
    source = own.tzinfo if isinstance(own, datetime) and own.tzinfo else zone
    rule = component["RRULE"]
    if isinstance(rule, list) or str(rule.get("FREQ", [""])[0]).upper() in ("SECONDLY", "MINUTELY"):
        raise BadRequest(f"The event {first.title[:60]!r} repeats in a way that is not read here.")
    text = rule.to_ical().decode()
    until = rule.get("UNTIL", [None])[0]
    naive = first.start.astimezone(source).replace(tzinfo=None)
    if until is not None:  # dateutil wants it as naive as the start
        last = _moment(until, source).astimezone(source).replace(tzinfo=None)
        parts = [part for part in text.split(";") if not part.startswith("UNTIL")]
        stamp = last if isinstance(until, datetime) else last.replace(hour=23, minute=59)
        text = ";".join([*parts, f"UNTIL={stamp:%Y%m%dT%H%M%S}"])
    repeated = rrulestr(text, dtstart=naive)
    after = begin.astimezone(source).replace(tzinfo=None) - timedelta(days=1)
    for wall in islice(repeated.xafter(after, inc=True), MOST):
        start = wall.replace(tzinfo=source).astimezone(zone)
        if start >= end:
            return
        yield start


def _dates(component: Any, name: str, zone: tzinfo) -> Iterator[datetime]:
    given = component.get(name, [])
    for one in given if isinstance(given, list) else [given]:
        for value in one.dts:
            if isinstance(value.dt, date):
                yield _moment(value.dt, zone)


def free(
    busy: Iterable[Event], begin: datetime, end: datetime, length: timedelta
) -> list[tuple[datetime, datetime]]:
    """The gaps of at least `length`, in order.  An event of no length or of a whole day blocks
    nothing: birthdays do not fill a day."""
    gaps, at = [], begin
    for event in sorted(busy, key=lambda event: event.start):
        if event.whole_day or event.end <= event.start:
            continue
        start = min(event.start, end)
        if start - at >= length:
            gaps.append((at, start))
        at = max(at, event.end)
    if end - at >= length:
        gaps.append((at, end))
    return gaps


def only(found: Sequence[Event], title: str) -> Event:
    """The one event that a person means by a title.

    Raises:
        BadRequest: none, or several; names them.
    """
    wanted = set(_words(title))
    exact = [event for event in found if _words(event.title) == _words(title)]
    near = exact or [event for event in found if wanted and wanted <= set(_words(event.title))]
    if not near:
        raise BadRequest(f"There is no event {title[:60]!r} in the next year.", param="title")
    different = {event.uid: event for event in reversed(near)}
    if len(different) > 1:
        listed = "; ".join(f"{e.title} on {e.start:%A %d %B, %H:%M}" for e in near[:5])
        raise BadRequest(f"Several events match {title[:60]!r}: {listed}. Ask which.")
    return near[0]


def _words(title: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in title.casefold()).split()
