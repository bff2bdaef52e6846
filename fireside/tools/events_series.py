"""What happens between two times, of all that calendars say about it.

Of one event a calendar may hold several revisions (SEQUENCE, DTSTAMP), a series, occurrences that
replace some of it (RECURRENCE-ID, for one or for this and all later ones), and cancellations
(STATUS, METHOD): RFC 5545, section 3.8, and RFC 5546.  What cannot be read is named and hides
nothing else.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from fireside.tools.events_repeated import Series, Starts, Steps, starts
from fireside.tools.events_zones import moment_of, one, own_time

if TYPE_CHECKING:
    import icalendar

UNREADABLE: Final = (
    ValueError, TypeError, AttributeError, ArithmeticError, KeyError, IndexError
)  # fmt: skip  # what icalendar and dateutil raise of properties that lie
ANSWERS: Final = frozenset(("REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"))
"""Methods of messages about an event that are not the event (RFC 5546, section 1.4)."""

EXACT: Final = "X-EXACT"
"""A parameter of ours: once parsed, 24 hours (PT24H) and a day (P1D) are the same."""
_HOURS: Final = re.compile(r"(?im)^(DURATION(?:;[^:\r\n]*)?):(?=[+-]?PT)")


def marked_exact(text: str) -> str:
    """A calendar whose durations in hours say that they pass whatever clocks do."""
    return _HOURS.sub(rf"\1;{EXACT}=1:", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """uid: its own, or what tells it apart (`identity`).  start, end: with a time zone.
    place: where the calendar keeps it, for `Calendar.move`.  busy: False if its time stays free."""

    uid: str
    title: str
    start: datetime
    end: datetime
    whole_day: bool = False
    repeats: bool = False
    busy: bool = True
    place: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrences:
    """events: in order.  unread: titles of what could not be read, whenever it may be."""

    events: list[Event] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One VEVENT.  series: None where a cancellation names no time.  instead: the occurrence that
    it replaces, as written; later: and all after it.  revision: SEQUENCE, then DTSTAMP."""

    component: Any
    event: Event
    series: Series | None
    instead: date | datetime | None
    later: bool
    cancelled: bool
    revision: tuple[int, str]


def occurrences(
    calendars: Sequence[icalendar.Calendar],
    begin: datetime,
    end: datetime,
    zone: tzinfo,
    place: str = "",
) -> Occurrences:
    """What happens between two times.  Cancelled events do not."""
    reading = _Reading(begin=begin, end=end, zone=zone)
    groups: dict[str, list[_Entry]] = {}
    for entry in _entries(calendars, reading, place):
        groups.setdefault(entry.event.uid, []).append(entry)
    for entries in groups.values():
        reading.read(entries)
    reading.events.sort(key=lambda event: (event.start, event.title))
    return Occurrences(events=reading.events, unread=reading.unread)


def newest(calendars: Sequence[icalendar.Calendar], uid: str) -> Any | None:
    """The component of the latest revision of an event that is no part of a series."""
    same = [
        component
        for calendar in calendars
        for component in calendar.walk("VEVENT")
        if identity(component) == uid and "RECURRENCE-ID" not in component
    ]
    return max(same, key=_revision, default=None)


def _entries(
    calendars: Sequence[icalendar.Calendar], reading: _Reading, place: str
) -> Iterator[_Entry]:
    for calendar in calendars:
        method = str(one(calendar, "METHOD", "")).upper()
        if method in ANSWERS:
            continue
        if calendar.walk("VFREEBUSY"):
            reading.unread.append("free/busy times")
        for component in calendar.walk("VEVENT"):
            try:
                yield _entry(component, method, reading.zone, place)
            except UNREADABLE:
                reading.unread.append(title_of(component))


def _entry(component: Any, method: str, zone: tzinfo, place: str) -> _Entry:
    status = str(one(component, "STATUS", "")).upper()
    cancelled = method == "CANCEL" or status == "CANCELLED"
    instead = own_time(component, "RECURRENCE-ID") if "RECURRENCE-ID" in component else None
    scope = "" if instead is None else one(component, "RECURRENCE-ID").params.get("RANGE", "")
    if scope and str(scope).upper() != "THISANDFUTURE":
        raise ValueError(scope)  # RFC 2445's THISANDPRIOR
    if "DTSTART" not in component and cancelled:
        now = moment_of(date(1970, 1, 1), zone)
        series, start, stop = None, now, now
    else:
        series = Series.of(component, zone)
        start = moment_of(series.own, zone)
        stop = _end(component, series, start.astimezone(UTC)).astimezone(zone)
    event = Event(
        uid=identity(component),
        title=title_of(component),
        start=start,
        end=stop,
        whole_day=series is not None and series.whole_day,
        repeats="RRULE" in component or "RDATE" in component or instead is not None,
        busy=_is_busy(component),
        place=place,
        where=str(one(component, "LOCATION", "")),
    )
    return _Entry(
        component=component, event=event, series=series, instead=instead, later=bool(scope),
        cancelled=cancelled, revision=_revision(component),
    )  # fmt: skip


def _end(component: Any, series: Series, start: datetime) -> datetime:
    """Of the occurrence that begins at `start`, in UTC.  A DTEND gives all of them the same exact
    length, a DURATION the same one by the clock (RFC 5545, section 3.8.5.3)."""
    if "DTEND" in component and series.whole_day:
        last = own_time(component, "DTEND")
        last = last.date() if isinstance(last, datetime) else last
        assert not isinstance(series.own, datetime)
        length = max(timedelta(1), last - series.own)
    elif "DTEND" in component:
        stop = series.instant(own_time(component, "DTEND"))
        return start + max(timedelta(), stop - series.instant(series.own))
    elif "DURATION" in component:
        length = one(component, "DURATION").dt
        if not isinstance(length, timedelta):
            raise ValueError("DURATION")
        length = max(timedelta(1 if series.whole_day else 0), length)
    else:
        length = timedelta(1 if series.whole_day else 0)
    is_exact = (
        "DTEND" not in component
        and "DURATION" in component
        and (EXACT in one(component, "DURATION").params)
    )
    days = timedelta(0 if is_exact else length.days)
    return series.at_wall(series.wall(start) + days) + (length - days) if days else start + length


def _is_busy(component: Any) -> bool:
    free = str(one(component, "X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() == "FREE"
    return not free and str(one(component, "TRANSP", "")).upper() != "TRANSPARENT"


def _revision(component: Any) -> tuple[int, str]:
    try:
        sequence = int(one(component, "SEQUENCE", 0))
    except (ValueError, TypeError):  # what stands there is no number
        sequence = 0
    try:
        stamp = moment_of(one(component, "DTSTAMP").dt, UTC).isoformat()
    except UNREADABLE:
        stamp = ""
    return sequence, stamp


@dataclass(slots=True, kw_only=True)
class _Reading:
    begin: datetime
    end: datetime
    zone: tzinfo
    steps: Steps = field(default_factory=Steps)
    events: list[Event] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def read(self, entries: list[_Entry]) -> None:
        """All that is said of one event."""
        masters = self._latest([each for each in entries if each.instead is None])
        parts = [each for each in entries if each.instead is not None]
        if len(masters) == 1 and masters[0].cancelled:
            # Who calls a series off means what was said of its occurrences before, too.
            parts = [each for each in parts if each.revision[0] > masters[0].revision[0]]
        series = masters[-1].series if masters else None
        groups: dict[datetime, list[_Entry]] = {}
        for part in parts:
            groups.setdefault(self._key(part, series), []).append(part)
        overrides = {key: self._latest(group)[-1] for key, group in groups.items()}
        for master in masters:
            if not master.cancelled:
                self._series(master, overrides)
        for part in overrides.values():
            if not part.cancelled and (not part.later or not masters):
                self._emit(part, part.event.start, part.event.end)
                if part.later:
                    self.unread.append(f"how {part.event.title} repeats")

    def _latest(self, entries: list[_Entry]) -> list[_Entry]:
        """The newest revision; all of those between which nothing decides, and they are named."""
        if not entries:
            return []
        # A cancellation need not have a higher SEQUENCE than what it cancels (RFC 5546, 3.2.5).
        order = [(each.revision[0], each.cancelled, each.revision[1]) for each in entries]
        newest = [each for each, place in zip(entries, order, strict=True) if place == max(order)]
        different = {each.component.to_ical(): each for each in newest}
        if len(different) > 1 and entries[0].instead is None:
            for entry in list(different.values())[1:]:
                self.unread.append(f"which revision of {entry.event.title} holds")
            return list(different.values())
        return newest[-1:]

    def _key(self, part: _Entry, series: Series | None) -> datetime:
        assert part.instead is not None
        known = series or part.series
        return known.instant(part.instead) if known else moment_of(part.instead, self.zone)

    def _series(self, master: _Entry, overrides: dict[datetime, _Entry]) -> None:
        """The occurrences of a series that no override replaces, moved where a range says so."""
        series, event = master.series, master.event
        assert series is not None
        ranges = sorted((key, part) for key, part in overrides.items() if part.later)
        keys = [key for key, _ in ranges]
        moves = [_Move.of(key, part, series) for key, part in ranges]
        longest = max((part.event.end - part.event.start for part in
                       [master, *(part for _, part in ranges)]), default=timedelta())  # fmt: skip
        shifts = [timedelta(), *(move.by for move in moves)]
        window = self.begin - longest - max(shifts), self.end - min(shifts)
        try:
            found = starts(series, *window, self.steps)
        except UNREADABLE:
            found = Starts(moments=[series.instant(series.own)], whole=False)
        if not found.whole:
            self.unread.append(f"how {event.title} repeats")
        for start in found.moments:
            if start in overrides and not overrides[start].later:
                continue
            at = bisect_right(keys, start) - 1
            if at >= 0:
                part = ranges[at][1]
                if not part.cancelled:
                    self._emit(part, *moves[at].of_occurrence(start))
                continue
            stop = found.ends.get(start) or _end(master.component, series, start)
            self._emit(master, start, stop)

    def _emit(self, entry: _Entry, start: datetime, stop: datetime) -> None:
        if start < self.end and (stop > self.begin or start == stop >= self.begin):
            self.events.append(
                replace(
                    entry.event, start=start.astimezone(self.zone), end=stop.astimezone(self.zone)
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """How an override for this and all later ones moves each: by the wall clock of the series."""

    part: _Entry
    series: Series
    by: timedelta

    @classmethod
    def of(cls, key: datetime, part: _Entry, series: Series) -> _Move:
        start = part.event.start.astimezone(UTC)
        by = timedelta() if part.cancelled else series.wall(start) - series.wall(key)
        return cls(part=part, series=series, by=by)

    def of_occurrence(self, start: datetime) -> tuple[datetime, datetime]:
        moved = self.series.at_wall(self.series.wall(start) + self.by)
        assert self.part.series is not None
        return moved, _end(self.part.component, self.part.series, moved)


def title_of(component: Any) -> str:
    return str(one(component, "SUMMARY", "")) or "(no title)"


def identity(component: Any) -> str:
    """Its UID; of an event that has none, its start and its title."""
    if uid := str(one(component, "UID", "")):
        return uid
    start = one(component, "DTSTART")
    return f"{start.to_ical().decode() if start else ''} {title_of(component)}"
