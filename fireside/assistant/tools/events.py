"""Events of a calendar, as RFC 5545 writes them: read, made, moved, repeated, and the gaps between.

What we write is plain (times in UTC, no repetition); what others wrote is read with its time zones,
repetitions (`events_repeated.py`) and exceptions, and kept as it is where nothing is to change.  An
event that cannot be read hides none of the others: it is named.  It refuses to write again what is
not UTF-8, as RFC 5545 demands: its letters would be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.tools.events_repeated import moment_of, one, starts
from fireside.errors import BadRequest, Corrupt

if TYPE_CHECKING:
    import icalendar

PRODUCT: Final = "-//Fireside//calendar//EN"
UNREADABLE: Final = (
    ValueError, TypeError, AttributeError, ArithmeticError, KeyError, IndexError
)  # fmt: skip  # what icalendar and dateutil raise of properties that lie


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """uid: its own, or what tells it apart (`identity`).  start, end: with a time zone.
    place: where the calendar keeps it, for `Calendar.move`."""

    uid: str
    title: str
    start: datetime
    end: datetime
    whole_day: bool = False
    repeats: bool = False
    place: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """events: in order.  unread: titles of what could not be read, whenever it may be."""

    events: list[Event] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


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


def rewritable(data: bytes) -> icalendar.Calendar:
    """
    Raises:
        Corrupt: no calendar, or none that can be written again as it is.
    """
    found = parsed(data)
    try:
        data.decode()
    except UnicodeDecodeError:
        raise Corrupt(
            "The calendar is not written in UTF-8 and was left as it is: convert its file to UTF-8."
        ) from None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """instead: the start of the occurrence that it replaces."""

    component: Any
    event: Event
    instead: datetime | None = None


def occurrences(
    calendar: icalendar.Calendar, begin: datetime, end: datetime, zone: tzinfo, place: str = ""
) -> Found:
    """What happens between two times.  Cancelled events do not."""
    entries: list[_Entry] = []
    unread: list[str] = []
    for each in calendar.walk("VEVENT"):
        if "DTSTART" not in each:
            continue
        try:
            entries.append(_entry(each, zone, place))
        except UNREADABLE:
            unread.append(_title(each))
    replaced = {(each.event.uid, each.instead) for each in entries if each.instead}
    found: list[Event] = []
    for entry in entries:
        if str(one(entry.component, "STATUS", "")).upper() == "CANCELLED":
            continue
        first = entry.event
        length = first.end - first.start
        try:
            times = starts(entry.component, first.start, begin - length, end, zone)
        except UNREADABLE:
            unread.append(f"how {first.title} repeats")
            times = [first.start]
        for start in times:
            if entry.instead is None and (first.uid, start) in replaced:
                continue
            stop = start + length
            if start < end and (stop > begin or start == stop >= begin):
                found.append(replace(first, start=start, end=stop))
    found.sort(key=lambda event: (event.start, event.title))
    return Found(events=found, unread=unread)


def _entry(component: Any, zone: tzinfo, place: str) -> _Entry:
    start = one(component, "DTSTART").dt
    whole_day = not isinstance(start, datetime)
    begin = moment_of(start, zone)
    if "DTEND" in component:
        end = moment_of(one(component, "DTEND").dt, zone)
    elif "DURATION" in component:
        end = begin + one(component, "DURATION").dt
    else:
        end = begin + timedelta(days=1 if whole_day else 0)
    replaces = "RECURRENCE-ID" in component
    event = Event(
        uid=identity(component),
        title=_title(component),
        start=begin,
        end=max(begin, end),
        whole_day=whole_day,
        repeats="RRULE" in component or "RDATE" in component or replaces,
        place=place,
        where=str(one(component, "LOCATION", "")),
    )
    instead = moment_of(one(component, "RECURRENCE-ID").dt, zone) if replaces else None
    return _Entry(component=component, event=event, instead=instead)


def _title(component: Any) -> str:
    return str(one(component, "SUMMARY", "")) or "(no title)"


def identity(component: Any) -> str:
    """Its UID; of an event that has none, its start and its title."""
    if uid := str(one(component, "UID", "")):
        return uid
    start = one(component, "DTSTART")
    return f"{start.to_ical().decode() if start else ''} {_title(component)}"


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
