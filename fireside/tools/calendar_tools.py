"""`calendar_add`, `calendar_list`, `calendar_move`, `calendar_free`: a person's own calendar.

Times come as words and are understood against the context's clock.  They refuse to move one
occurrence of an event that repeats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Final, Protocol

from fireside.errors import BadRequest
from fireside.language.moments import Moment, local_time, read_moment, shift
from fireside.storage.ids import new_id
from fireside.tools import events
from fireside.tools.clock import shown
from fireside.tools.events import Event, Occurrences
from fireside.tools.outcome import Outcome
from fireside.tools.tool import Tool, ToolContext, tool

LONGEST_TITLE: Final = 200
LISTED: Final = 50
MINUTES: Final = 60  # of a meeting, unless said otherwise
DAY: Final = (time(8), time(18))  # when a free slot is looked for, if no hours are named
YEAR: Final = timedelta(days=366)


class Calendar(Protocol):
    """shared: strangers can write into it, so its titles are data and never orders."""

    @property
    def shared(self) -> bool: ...
    def between(self, begin: datetime, end: datetime) -> Occurrences: ...
    def add(self, event: Event, now: datetime) -> None: ...
    def move(self, event: Event, now: datetime) -> None: ...


def calendar_tools(calendar_of: Callable[[str], Calendar]) -> list[Tool]:
    """calendar_of: the calendar of an owner."""

    @tool(acts=True)
    def calendar_add(
        context: ToolContext, title: str, when: str, minutes: int | None = None
    ) -> Outcome:
        """Put a meeting into the calendar."""
        title = _title(title)
        event = _timed(title, read_moment(when, context.here), minutes)
        calendar = calendar_of(context.owner)
        there = calendar.between(event.start, event.end).events
        busy = [each for each in there if not each.whole_day]
        calendar.add(event, context.now)
        clash = f" It overlaps {_listed(busy[:3])}." if busy and not event.whole_day else ""
        return Outcome(text=f"Added: {_line(event)}.{clash}", data=_data([event]))

    @tool()
    def calendar_list(context: ToolContext, when: str = "today") -> Outcome:
        """Show the meetings of a day or week."""
        moment = read_moment(when, context.here)
        end = moment.end or moment.start + timedelta(hours=1)
        calendar = calendar_of(context.owner)
        there = calendar.between(moment.start, end)
        found = there.events
        lines = [_line(event) for event in found[:LISTED]]
        lines = lines or [f"Nothing in the calendar for {shown(moment)}."]
        more = [f"[{len(found) - LISTED} more]"] if len(found) > LISTED else []
        if there.unread:
            names = "; ".join(title[:60] for title in there.unread[:5])
            more.append(f"[{len(there.unread)} not read, see in a calendar program: {names}]")
        return Outcome(
            text="\n".join(lines + more),
            data=_data(found[:LISTED]),
            cut=bool(more),
            untrusted=calendar.shared and bool(found or there.unread),
        )

    @tool(acts=True)
    def calendar_move(context: ToolContext, title: str, to: str) -> Outcome:
        """Move a meeting to another time."""
        now, calendar = context.here, calendar_of(context.owner)
        event = events.only(calendar.between(now, now + YEAR).events, _title(title))
        if event.repeats:
            raise BadRequest(f"{event.title} repeats: move it in a calendar program.")
        new = _moved(event, read_moment(to, now), now)
        calendar.move(new, context.now)
        return Outcome(text=f"Moved: {_line(new)}.", data=_data([new]))

    @tool()
    def calendar_free(context: ToolContext, when: str, minutes: int | None = None) -> Outcome:
        """Find free time in the calendar."""
        moment, calendar = read_moment(when, context.here), calendar_of(context.owner)
        length = _length(minutes, 30)
        gaps: list[tuple[datetime, datetime]] = []
        unread = 0
        for begin, end in _hours(moment, context.here):
            there = calendar.between(begin, end)
            gaps += events.free(there.events, begin, end, length)
            unread = max(unread, len(there.unread))
        note = f" {unread} in the calendar could not be read: calendar_list names them."
        note = note if unread else ""
        if not gaps:
            none = f"No {minutes or 30} minutes are free in {shown(moment)}."
            return Outcome(text=none + note, data=[])
        lines = [f"{b:%A} {b.day} {b:%B}, {b:%H:%M} to {e:%H:%M}" for b, e in gaps[:LISTED]]
        data = [[begin.isoformat(), end.isoformat()] for begin, end in gaps[:LISTED]]
        return Outcome(text="Free: " + "; ".join(lines) + "." + note, data=data)

    return [calendar_add, calendar_list, calendar_move, calendar_free]


def _length(minutes: int | None, otherwise: int) -> timedelta:
    if minutes is not None and not 1 <= minutes <= 1440:
        raise BadRequest("minutes: from 1 to 1440.", param="minutes")
    return timedelta(minutes=minutes or otherwise)


def _title(title: str) -> str:
    title = " ".join(title.split())
    if not title or len(title) > LONGEST_TITLE or not title.isprintable():
        raise BadRequest(f"title: one line of 1 to {LONGEST_TITLE} letters.", param="title")
    return title


def _timed(title: str, moment: Moment, minutes: int | None) -> Event:
    """An hour, unless said otherwise; words without an hour are a whole day."""
    uid = f"{new_id('event')}@fireside"
    if not moment.timed and minutes is None:
        end = moment.end or moment.start + timedelta(days=1)
        return Event(uid=uid, title=title, start=moment.start, end=end, whole_day=True)
    if not moment.timed:
        raise BadRequest("At what hour? Ask, or leave minutes out for a whole day.", param="when")
    last = _later(moment.start, _length(minutes, MINUTES))
    if minutes is None and moment.end is not None:
        last = moment.end
    return Event(uid=uid, title=title, start=moment.start, end=last)


def _moved(event: Event, moment: Moment, now: datetime) -> Event:
    """Another hour, for as long as it was said, or lasted; or another day at the same hour."""
    length = event.end.astimezone(UTC) - event.start.astimezone(UTC)
    if not moment.timed:
        start = local_time(moment.start.date(), event.start.time(), now)
        days = event.end.date() - event.start.date()
        end = (
            local_time(start.date() + days, time(), now)
            if event.whole_day
            else _later(start, length)
        )
        return replace(event, start=start, end=end)
    start = moment.start
    if not moment.dated:  # "to 1 pm" is that hour of the event's own day
        start = local_time(event.start.date(), start.time(), now)
        if start <= now:
            raise BadRequest(f"{start:%H:%M} on its day has passed: say the new day.", param="to")
    if event.whole_day:
        length = timedelta(minutes=MINUTES)
    if moment.end is not None and not moment.part:
        length = moment.end.astimezone(UTC) - moment.start.astimezone(UTC)
    return replace(event, start=start, end=_later(start, length), whole_day=False)


def _later(start: datetime, length: timedelta) -> datetime:
    """As time passes, also where clocks change."""
    return shift(start, length.total_seconds() / 60, "minute")


def _hours(moment: Moment, now: datetime) -> list[tuple[datetime, datetime]]:
    """Where to look: named hours as they are, days from morning to evening; nothing of the past."""
    if moment.timed:
        stretches = [(moment.start, moment.end or moment.start + timedelta(hours=2))]
    else:
        end = moment.end or moment.start + timedelta(days=1)
        days = min(31, max(1, (end.date() - moment.start.date()).days))
        dates = [moment.start.date() + timedelta(n) for n in range(days)]
        stretches = [(local_time(day, DAY[0], now), local_time(day, DAY[1], now)) for day in dates]
    return [(max(begin, now), end) for begin, end in stretches if end > now]


def _line(event: Event) -> str:
    start, end = event.start, event.end
    day = f"{start:%A} {start.day} {start:%B %Y}"
    hours = "all day" if event.whole_day else f"{start:%H:%M} to {end:%H:%M}"
    where = f" ({event.where})" if event.where else ""
    return f"{event.title}{where}, {day}, {hours}"


def _listed(found: list[Event]) -> str:
    return "; ".join(_line(event) for event in found)


def _data(found: list[Event]) -> list[dict[str, object]]:
    return [
        {
            "title": event.title,
            "start": event.start.isoformat(),
            "end": event.end.isoformat(),
            "whole_day": event.whole_day,
            "repeats": event.repeats,
        }
        for event in found
    ]
