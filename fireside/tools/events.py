"""Events of a calendar, as RFC 5545 writes them: read, made, moved, repeated, and the gaps between.

What we write is plain (times in UTC, no repetition); what others wrote is read with its time zones
(`events_zones.py`), repetitions (`events_repeated.py`), revisions and exceptions
(`events_series.py`), and kept as it is where nothing is to change.  Of a damaged calendar the sound
parts are read (`events_sound.py`).  What is damaged, or not UTF-8 as RFC 5545 demands, is not
written again: some of it would be lost.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from fireside.errors import BadRequest, Corrupt
from fireside.tools.events_series import (
    Event,
    Occurrences,
    identity,
    marked_exact,
    newest,
    occurrences,
)
from fireside.tools.events_sound import sound_parts

if TYPE_CHECKING:
    import icalendar

PRODUCT: Final = "-//Fireside//calendar//EN"
MOST_EVENTS: Final = 20_000  # reading one takes about a millisecond
UNPARSED: Final = (
    ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError
)  # fmt: skip  # what icalendar raises of a calendar
__all__ = [
    "Event", "Occurrences", "between", "component", "free", "identity", "new_calendar", "newest",
    "occurrences", "only", "own_calendar", "parsed", "rewritable", "set_times", "written",
]  # fmt: skip


def between(
    data: bytes | str, begin: datetime, end: datetime, zone: tzinfo, place: str = ""
) -> Occurrences:
    """What happens between two times, of a file's calendars; what cannot be read is named.

    Raises:
        Corrupt: no whole calendar, or more events than are read.
    """
    text, unread = marked_exact(_read_text(data)), list[str]()
    try:
        calendars = _calendars(text)
    except UNPARSED:
        text, unread = sound_parts(text, _is_sound)
        calendars = parsed(text)
    found = occurrences(calendars, begin, end, zone, place)
    return replace(found, unread=[*unread, *found.unread])


def parsed(data: bytes | str) -> list[icalendar.Calendar]:
    """The calendars of a file; mostly one.

    Raises:
        Corrupt: no calendar, or more events than are read.
    """
    text = _read_text(data)
    try:
        return _calendars(text)
    except UNPARSED as error:
        raise Corrupt(f"The calendar cannot be read: {str(error)[:120]}.") from None


def _read_text(data: bytes | str) -> str:
    text = data if isinstance(data, str) else _decoded(data)
    if text.upper().count("BEGIN:VEVENT") > MOST_EVENTS:
        raise Corrupt(f"The calendar has more than {MOST_EVENTS:,} events: split it.")
    # Asked first: the library takes a text of one line for the name of a file, and reads that.
    if text.rstrip()[-14:].upper() not in ("\nEND:VCALENDAR", "\rEND:VCALENDAR"):
        raise Corrupt("The calendar cannot be read: it is no whole VCALENDAR.")
    return text


def _calendars(text: str) -> list[icalendar.Calendar]:
    import icalendar

    with warnings.catch_warnings():  # of names of zones that it had to guess
        warnings.simplefilter("ignore")
        found = icalendar.Calendar.from_ical(text, multiple=True)
    if not found or not all(isinstance(each, icalendar.Calendar) for each in found):
        raise ValueError("it is no whole VCALENDAR")
    return found


def _is_sound(text: str) -> bool:
    try:
        return bool(_calendars(text))
    except UNPARSED:
        return False


def _decoded(data: bytes) -> str:
    """Lines may be folded within a letter (RFC 5545, section 3.1), so they are joined as bytes.
    Old programs write the letters of Windows."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    joined = re.sub(rb"\r?\n[ \t]", b"", data.removeprefix(b"\xef\xbb\xbf"))
    try:
        return joined.decode()
    except UnicodeDecodeError:
        return joined.decode("cp1252", "replace")


def rewritable(data: bytes) -> list[icalendar.Calendar]:
    """
    Raises:
        Corrupt: no calendar, or none that can be written again as it is.
    """
    found = parsed(data)
    try:
        re.sub(rb"\r?\n[ \t]", b"", data).decode()
    except UnicodeDecodeError:
        raise Corrupt(
            "The calendar is not written in UTF-8 and was left as it is: convert its file to UTF-8."
        ) from None
    return found


def own_calendar(calendars: list[icalendar.Calendar]) -> icalendar.Calendar:
    """The one that new events go into: no message that calls events off, or answers."""
    for each in calendars:
        if str(each.get("METHOD", "PUBLISH")).upper() == "PUBLISH":
            return each
    calendars.append(new_calendar())
    return calendars[-1]


def written(calendars: Sequence[icalendar.Calendar]) -> bytes:
    return b"".join(each.to_ical() for each in calendars)


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


def free(
    busy: Iterable[Event], begin: datetime, end: datetime, length: timedelta
) -> list[tuple[datetime, datetime]]:
    """The gaps of at least `length`, in order.  An event of no length, of a whole day or one that
    leaves its time free blocks nothing: birthdays do not fill a day."""
    gaps, at = [], begin
    for event in sorted(busy, key=lambda event: event.start):
        if event.whole_day or not event.busy or event.end <= event.start:
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
