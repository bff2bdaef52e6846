"""Times of a calendar as moments: the names that programs give to time zones, and floating times.

A name counts if the calendar defines it, if it is of the IANA's list, also behind a program's own
path ("/mozilla.org/2005/Europe/Berlin"), if it is Windows's, or if it is an offset ("GMT+02:00").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones


def one(component: Any, name: str, default: Any = None) -> Any:
    """A property, the first where somebody wrote it twice."""
    value = component.get(name, default)
    return value[0] if isinstance(value, list) and value else value


def each(component: Any, name: str) -> list[Any]:
    """All the properties of a name."""
    value = component.get(name, [])
    return value if isinstance(value, list) else [value]


def moment_of(value: date | datetime, zone: tzinfo) -> datetime:
    """A day begins, and a floating time is meant, where the person is.  A time that a change of
    clocks leaves out is later by that change."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC).astimezone(zone)


def zoned(prop: Any) -> Iterator[Any]:
    """The dates, times and periods of a property, in the time zone that it names.

    Raises:
        ValueError, AttributeError: nobody knows the zone, or the property is none of these.
    """
    name = prop.params.get("TZID") if getattr(prop, "params", None) else None
    if name is not None and isinstance(prop, str):  # icalendar reads no name such as "tzone://…"
        items = [read_time(text) for text in prop.split(",")]
    else:
        items = [item.dt for item in getattr(prop, "dts", [prop])]
    is_day = str(getattr(prop, "params", {}).get("VALUE", "")).upper() == "DATE"
    for value in items:
        if is_day and isinstance(value, datetime):  # "VALUE=DATE:20260602T000000"
            yield value.date()
        elif name is None or not isinstance(value, datetime) or value.tzinfo is not None:
            yield value
        else:
            yield value.replace(tzinfo=zone_named(str(name)))


def read_time(text: str) -> Any:
    """A date or time as RFC 5545 writes it.

    Raises:
        ValueError: it is none.
    """
    from icalendar.prop import vDDDTypes

    return vDDDTypes.from_ical(text)  # type: ignore[no-untyped-call]


def own_time(component: Any, name: str) -> date | datetime:
    """The date or time of a property, in its zone."""
    (value,) = zoned(one(component, name))
    if not isinstance(value, date):
        raise ValueError(name)
    return value


@cache
def zone_named(name: str) -> tzinfo:
    """
    Raises:
        ValueError: nobody knows it.
    """
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    name = name.strip().strip('"')
    known = WINDOWS_TO_OLSON.get(name) or next(
        (path for path in _endings(name) if path in available_timezones()), None
    )
    if known is not None:
        return ZoneInfo(known)
    if name.rpartition("/")[2].upper() in ("UTC", "GMT", "Z", "ETC/UTC"):
        return UTC
    if found := re.fullmatch(r"\(?(?:UTC|GMT)([+-])(\d{1,2}):?(\d{2})?\)?.{0,80}", name):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        return timezone(-offset if found[1] == "-" else offset)
    raise ValueError(f"time zone {name[:40]}")


def _endings(name: str) -> Iterator[str]:
    parts = name.split("/")
    for first in range(min(len(parts), 8)):
        yield "/".join(parts[first:])
