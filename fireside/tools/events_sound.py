"""The sound components of a calendar that cannot be parsed whole: each is tried by itself.

The library gives up a whole calendar for a stray line, or for a time zone or an alarm that it
cannot read.  What is left out is named.  For reading alone: who writes needs all of a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from fireside.errors import Corrupt

MOST_COMPONENTS: Final = 20_000
NESTED: Final = frozenset(("VALARM", "STANDARD", "DAYLIGHT"))
"""What stands within other components; any other BEGIN ends the component before it."""
_PROPERTY: Final = re.compile(r"[A-Za-z0-9-]+[:;]")
_NAMED_BY: Final = re.compile(r"(?i)(?:SUMMARY|TZID)(?:;[^:]*)?:(.+)")
Takes = Callable[[str], bool]


def sound_parts(text: str, takes: Takes) -> tuple[str, list[str]]:
    """The calendars with what can be read of them, and a name for all else.

    text: ends with END:VCALENDAR.  takes: whether a calendar can be parsed.

    Raises:
        Corrupt: more components than are tried.
    """
    parts = _Parts(takes)
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        if line.strip():
            parts.add(line)
    return "\r\n".join(parts.sound) + "\r\n", parts.unread


class _Parts:
    """sound: lines.  unread: names."""

    def __init__(self, takes: Takes) -> None:
        self.sound: list[str] = []
        self.unread: list[str] = []
        self._takes = takes
        self._component: list[str] = []
        self._count = 0

    def add(self, line: str) -> None:
        mark, _, kind = line.strip().upper().partition(":")
        outer = kind not in NESTED
        if (mark, kind) in (("BEGIN", "VCALENDAR"), ("END", "VCALENDAR")):
            self._end()
            self.sound.append(line)
        elif mark == "BEGIN" and outer:
            self._end()
            self._component = [line]
        elif self._component:
            self._component.append(line)
            if mark == "END" and outer:
                self._end()
        elif _PROPERTY.match(line) and mark not in ("BEGIN", "END"):
            self.sound.append(line)
        else:
            self.unread.append(line.strip()[:60])

    def _end(self) -> None:
        if not self._component:
            return
        self._count += 1
        if self._count > MOST_COMPONENTS:
            raise Corrupt(f"The calendar has more than {MOST_COMPONENTS:,} components: split it.")
        lines = _without_alarms(self._component)
        if self._takes("\r\n".join(("BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""))):
            self.sound += lines
        else:
            self.unread.append(_name(self._component))
        self._component = []


def _without_alarms(lines: list[str]) -> list[str]:
    """An alarm says nothing of when its event is."""
    kept, within = [], False
    for line in lines:
        mark = line.strip().upper()
        within = within or mark == "BEGIN:VALARM"
        if not within:
            kept.append(line)
        within = within and mark != "END:VALARM"
    return kept


def _name(lines: list[str]) -> str:
    """Its title, or what kind of component it is."""
    kind = lines[0].partition(":")[2].strip().upper()
    named = next((found[1] for line in lines if (found := _NAMED_BY.match(line))), "")
    return named if kind == "VEVENT" and named else f"{kind} {named}".strip()[:60]
