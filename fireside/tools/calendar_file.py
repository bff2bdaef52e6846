"""A calendar in one file of RFC 5545, one per owner under FIRESIDE_HOME/calendars.

Written beside and renamed, under a lock: two processes lose nothing of each other, and a crash
leaves the old file.  What others wrote into it (time zones, alarms, to-dos) stays, and a link to a
file elsewhere stays a link.  It refuses a file that it cannot read, rather than begin a new one
over it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from fireside.errors import Conflict, Corrupt, NotFound, Unavailable
from fireside.tools import events
from fireside.tools.events import Event, Occurrences
from fireside.tools.events_zones import one

if TYPE_CHECKING:
    import icalendar

LARGEST: Final = 16 * 2**20
PATIENCE: Final = 5.0  # seconds for another process's write


def path_of(folder: Path, owner: str) -> Path:
    """`me.ics` for the one person of an open server."""
    plain = re.fullmatch(r"[A-Za-z0-9_-]{1,80}", owner or "me")
    name = (owner or "me") if plain else hashlib.sha256(owner.encode()).hexdigest()[:40]
    return folder / f"{name}.ics"


class FileCalendar:
    shared = False

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.realpath(path))  # `resolve` raises of links in a circle

    def between(self, begin: datetime, end: datetime) -> Occurrences:
        assert begin.tzinfo is not None
        data = self._read()
        if data is None:
            return Occurrences()
        return events.between(data, begin, end, begin.tzinfo)

    def add(self, event: Event, now: datetime) -> None:
        with self._locked():
            calendars = self._rewritable()
            events.own_calendar(calendars).add_component(events.component(event, now))
            self._write(calendars)

    def move(self, event: Event, now: datetime) -> None:
        """The latest revision of the event gets the times of this one.

        Raises:
            NotFound: it has gone meanwhile.
        """
        with self._locked():
            calendars = self._rewritable()
            if (component := events.newest(calendars, event.uid)) is not None:
                moved(component, event, now)
                self._write(calendars)
                return
        raise NotFound(f"The event {event.title[:60]!r} has gone meanwhile.")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock", timeout=PATIENCE):
                yield
        except Timeout:
            raise Conflict("The calendar is being written by another process; try again.") from None
        except OSError as error:
            raise Unavailable(f"The calendar cannot be written: {error.strerror}.") from None

    def _rewritable(self) -> list[icalendar.Calendar]:
        data = self._read()
        return [events.new_calendar()] if data is None else events.rewritable(data)

    def _read(self) -> bytes | None:
        """None: there is no file yet."""
        try:
            if self._path.stat().st_size > LARGEST:
                raise Corrupt(f"The calendar {self._path.name} is larger than {LARGEST} bytes.")
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"The calendar cannot be read: {error.strerror}.") from None

    def _write(self, calendars: list[icalendar.Calendar]) -> None:
        beside = self._path.with_suffix(f".{os.getpid()}.new")
        beside.touch(mode=0o600)
        beside.write_bytes(events.written(calendars))
        os.replace(beside, self._path)


def moved(component: Any, event: Event, now: datetime) -> None:
    """The component with the event's times; whoever was invited sees by SEQUENCE that it moved."""
    events.set_times(component, event)
    try:
        sequence = int(one(component, "SEQUENCE", 0)) + 1
    except (ValueError, TypeError):  # what stood there was no number
        sequence = 1
    for name, value in (("sequence", sequence), ("dtstamp", now.astimezone(UTC))):
        if name in component:
            del component[name]
        component.add(name, value)
