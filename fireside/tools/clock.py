"""`date_time`: what a time in words is on the calendar, and how far away.

The clock and the time zone are the context's.  It refuses to guess (`moments.py`).
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from fireside.errors import BadRequest
from fireside.language.moments import Moment, read_moment
from fireside.tools.outcome import Outcome
from fireside.tools.tool import ToolContext, tool


@tool()
def date_time(
    context: ToolContext,
    when: str,
    since: str | None = None,
    place: str | None = None,
) -> Outcome:
    """Date, weekday, time of words like now or next Friday; days between two."""
    now = context.here if place is None else context.now.astimezone(zone_of(place))
    moment = read_moment(when, now)
    base = now if since is None else read_moment(since, now).start
    told = [
        shown(moment),
        apart(moment.start, base, "now" if since is None else f"{base.day} {base:%B %Y}"),
    ]
    if moment.timed:
        told.append(f"time zone {now.tzinfo}")
    return Outcome(
        text=", ".join(part for part in told if part) + ".",
        data={"start": moment.start.isoformat(), "timed": moment.timed},
    )


def shown(moment: Moment) -> str:
    """For a person: the weekday says whether it was understood."""
    start, end = moment.start, moment.end
    if moment.timed:
        text = f"{start:%A} {start.day} {start:%B %Y}, {start:%H:%M}"
        return text if end is None else f"{text} to {end:%H:%M}"
    text = f"{start:%A} {start.day} {start:%B %Y}"
    if end is None or (end.date() - start.date()).days <= 1:
        return text
    last = end.date().toordinal() - 1
    until = start.date().fromordinal(last)
    return f"{text} to {until:%A} {until.day} {until:%B %Y}"


def apart(moment: datetime, base: datetime, name: str) -> str:
    """In whole days by the calendar; in hours and minutes within one."""
    days = (moment.date() - base.date()).days
    if days:
        return f"{_counted(abs(days), 'day')} {'after' if days > 0 else 'before'} {name}"
    minutes = round((moment - base).total_seconds() / 60)
    if not minutes or not (moment.hour or moment.minute):
        return "today" if name == "now" and minutes else ""
    hours, rest = divmod(abs(minutes), 60)
    parts = [_counted(hours, "hour")] * bool(hours) + [_counted(rest, "minute")] * bool(rest)
    return f"{' '.join(parts)} {'after' if minutes > 0 else 'before'} {name}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


@cache
def _cities() -> dict[str, str]:
    """`tokyo` -> `Asia/Tokyo`; of two of a name, the one in the longer-standing folder."""
    found: dict[str, str] = {}
    for name in sorted(available_timezones(), reverse=True):
        if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix", "right")):
            found[name.rpartition("/")[2].lower()] = name
    return found | {
        "beijing": "Asia/Shanghai", "mumbai": "Asia/Kolkata", "delhi": "Asia/Kolkata",
        "san_francisco": "America/Los_Angeles", "boston": "America/New_York",
        "washington": "America/New_York", "seattle": "America/Los_Angeles",
        "munich": "Europe/Berlin", "frankfurt": "Europe/Berlin", "geneva": "Europe/Zurich",
        "barcelona": "Europe/Madrid", "milan": "Europe/Rome", "kyoto": "Asia/Tokyo",
        "osaka": "Asia/Tokyo", "utc": "UTC", "gmt": "UTC",
    }  # fmt: skip


def zone_of(place: str) -> tzinfo:
    """A city or an IANA name.

    Raises:
        BadRequest: neither.
    """
    asked = place.strip().replace(" ", "_")
    name = _cities().get(asked.lower(), asked)
    if name not in available_timezones():
        raise BadRequest(
            f"The time zone of {place[:40]!r} is not known: name a large city near, or a zone such "
            "as Europe/Berlin."
        )
    return ZoneInfo(name)
