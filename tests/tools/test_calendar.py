"""A calendar in a file: what others wrote is read and kept, what we write others can read."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import Corrupt
from fireside.tools.calendar_file import FileCalendar, path_of
from fireside.tools.calendar_tools import calendar_tools
from fireside.tools.calls import call
from fireside.tools.events import Event, free, occurrences, parsed
from fireside.tools.tool import ToolContext

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 9, tzinfo=BERLIN)  # a Sunday
DAWN = datetime(2027, 3, 28, 0, 30, tzinfo=BERLIN)  # the clocks go from 2 to 3

OTHERS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Somebody//else//EN
BEGIN:VTIMEZONE
TZID:America/New_York
BEGIN:STANDARD
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:weekly
SUMMARY:Stand-up
LOCATION:Room 3
DTSTART;TZID=America/New_York:20261005T090000
DURATION:PT30M
RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20261214T235959Z
EXDATE;TZID=America/New_York:20261130T090000
END:VEVENT
BEGIN:VEVENT
UID:weekly
RECURRENCE-ID;TZID=America/New_York:20261207T090000
SUMMARY:Stand-up (late)
DTSTART;TZID=America/New_York:20261207T110000
DURATION:PT30M
END:VEVENT
BEGIN:VEVENT
UID:birthday
SUMMARY:Birthday
DTSTART;VALUE=DATE:19800124
RRULE:FREQ=YEARLY
END:VEVENT
BEGIN:VEVENT
UID:gone
SUMMARY:Gone
STATUS:CANCELLED
DTSTART:20261124T100000Z
DTEND:20261124T110000Z
END:VEVENT
BEGIN:VEVENT
UID:floating
SUMMARY:Floating
DTSTART:20261124T100000
DTEND:20261124T110000
END:VEVENT
BEGIN:VTODO
UID:todo
SUMMARY:Keep me
END:VTODO
END:VCALENDAR
""".replace("\n", "\r\n")


def between(text: str, begin: datetime, days: int) -> list[tuple[str, str]]:
    found = occurrences(parsed(text), begin, begin + timedelta(days), BERLIN).events
    return [(each.title, f"{each.start:%m-%d %H:%M}") for each in found]


def test_what_others_wrote_is_read_with_its_zones_and_repetitions() -> None:
    assert between(OTHERS, NOW, 9) == [
        ("Stand-up", "11-23 15:00"),
        ("Floating", "11-24 10:00"),
    ]
    later = NOW + timedelta(14)
    assert between(OTHERS, later, 10) == [
        ("Stand-up (late)", "12-07 17:00"),
        ("Stand-up", "12-14 15:00"),  # UNTIL is a whole day in UTC
    ]
    assert between(OTHERS, datetime(2027, 1, 20, tzinfo=BERLIN), 9) == [("Birthday", "01-24 00:00")]
    october = datetime(2026, 10, 26, tzinfo=BERLIN)  # Berlin has changed its clocks, New York not
    assert between(OTHERS, october, 1) == [("Stand-up", "10-26 14:00")]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "BEGIN:VCALENDAR\r\nEND:VEVENT", "BEGIN:VEVENT\r\nEND:VEVENT\r\n", "\x00\xff"],
)
def test_what_is_no_calendar_is_refused_and_not_written_over(text: str, tmp_path: Path) -> None:
    path = tmp_path / "me.ics"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Corrupt, match="cannot be read"):
        FileCalendar(path).add(event("a", 9, 10), NOW)
    assert path.read_bytes() == text.encode("latin-1")


def event(title: str, begin: int, end: int, **more: bool) -> Event:
    day = NOW.replace(hour=0)
    return Event(
        uid=title, title=title, start=day.replace(hour=begin), end=day.replace(hour=end), **more
    )


def test_what_others_wrote_stays_when_we_write(tmp_path: Path) -> None:
    path = tmp_path / "me.ics"
    path.write_text(OTHERS, newline="")
    calendar = FileCalendar(path)
    calendar.add(event("Ours", 9, 10), NOW)
    found = icalendar.Calendar.from_ical(path.read_bytes())
    assert [str(each["SUMMARY"]) for each in found.walk("VTODO")] == ["Keep me"]
    assert len(found.walk("VTIMEZONE")) == 1
    assert len(found.walk("VEVENT")) == 6
    assert between(path.read_text(), NOW, 9)[1:] == between(OTHERS, NOW, 9)


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    calendar = FileCalendar(tmp_path / "me.ics")
    threads = [
        threading.Thread(target=calendar.add, args=(event(f"e{n}", 9, 10), NOW)) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calendar.between(NOW.replace(hour=0), NOW + timedelta(1)).events) == 8
    assert (tmp_path / "me.ics").stat().st_mode & 0o077 == 0


@given(st.lists(st.tuples(st.integers(0, 22), st.integers(1, 6)), max_size=8), st.integers(1, 120))
def test_free_time_is_what_no_event_takes(taken: list[tuple[int, int]], minutes: int) -> None:
    busy = [event(f"e{n}", hour, min(23, hour + long)) for n, (hour, long) in enumerate(taken)]
    begin, end = NOW.replace(hour=8), NOW.replace(hour=18)
    gaps = free(busy, begin, end, timedelta(minutes=minutes))
    for start, stop in gaps:
        assert begin <= start < stop <= end
        assert stop - start >= timedelta(minutes=minutes)
        assert not any(each.start < stop and each.end > start for each in busy)
    for step in range(0, 600, 30):  # every slot that is free lies in a gap
        slot = begin + timedelta(minutes=step)
        stop = slot + timedelta(minutes=minutes)
        if stop <= end and not any(e.start < stop and e.end > slot for e in busy):
            assert any(a <= slot and stop <= b for a, b in gaps)


def test_each_owner_has_a_file_and_no_name_leads_out(tmp_path: Path) -> None:
    paths = {path_of(tmp_path, owner) for owner in ("", "proj_1", "../../x", "a/b", "é")}
    assert len(paths) == 5
    assert all(path.parent == tmp_path for path in paths)


class Secretary:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tools = {
            tool.name: tool
            for tool in calendar_tools(lambda owner: FileCalendar(path_of(folder, owner)))
        }

    def __call__(self, name: str, owner: str = "", now: datetime = NOW, **arguments: object) -> str:
        context = ToolContext(now=now, timezone=BERLIN, owner=owner)
        return call(
            self._tools[f"calendar_{name}"], json.dumps(arguments), context
        ).outcome.for_model


def test_a_week_with_a_secretary(tmp_path: Path) -> None:
    ask = Secretary(tmp_path)
    assert ask("list", when="next week").startswith("Nothing in the calendar for Monday 23")
    assert ask("add", title="Lunch with Ana", when="next Tuesday at noon") == (
        "Added: Lunch with Ana, Tuesday 24 November 2026, 12:00 to 13:00."
    )
    assert "It overlaps Lunch with Ana" in ask("add", title="Dentist", when="Tuesday at 12:30")
    assert ask("add", title="Holiday", when="25 December").endswith("2026, all day.")
    assert ask("move", title="lunch", to="Wednesday") == (
        "Moved: Lunch with Ana, Wednesday 25 November 2026, 12:00 to 13:00."
    )
    assert "Thursday 26 November 2026, 09:00 to 10:00" in ask(
        "move", title="dentist", to="Thursday at 9"
    )
    assert ask("free", when="Wednesday") == (
        "Free: Wednesday 25 November, 08:00 to 12:00; Wednesday 25 November, 13:00 to 18:00."
    )
    assert ask("free", when="Wednesday from 12 to 1 pm").startswith("No 30 minutes are free")
    assert ask("free", when="today").startswith("Free: Sunday 22 November, 09:00")  # not the past
    assert ask("list", when="next week") == (
        "Lunch with Ana, Wednesday 25 November 2026, 12:00 to 13:00\n"
        "Dentist, Thursday 26 November 2026, 09:00 to 10:00"
    )
    assert ask("list", owner="proj_2", when="next week").startswith("Nothing")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("add", {"title": "", "when": "today"}, "one line"),
        ("add", {"title": "a\x1bb", "when": "today"}, "one line"),
        ("add", {"title": "a", "when": "one day"}, "is not clear"),
        ("add", {"title": "a", "when": "tomorrow", "minutes": 30}, "At what hour"),
        ("add", {"title": "a", "when": "tomorrow at 9", "minutes": 0}, "from 1 to 1440"),
        ("move", {"title": "nothing", "to": "tomorrow"}, "no event 'nothing'"),
        ("move", {"title": "stand-up", "to": "tomorrow"}, "repeats"),
        ("move", {"title": "meeting", "to": "tomorrow"}, "Several events match 'meeting'"),
    ],
)
def test_what_cannot_be_done_says_why(
    tmp_path: Path, name: str, arguments: dict[str, object], words: str
) -> None:
    (tmp_path / "me.ics").write_text(OTHERS, newline="")
    ask = Secretary(tmp_path)
    ask("add", title="Meeting with Ana", when="Thursday at 9")
    ask("add", title="Meeting with Ben", when="Thursday at 11")
    before = (tmp_path / "me.ics").read_bytes()
    assert words in ask(name, **arguments)
    assert (tmp_path / "me.ics").read_bytes() == before


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("1 pm", "Tuesday 24 November 2026, 13:00 to 14:30"),  # its own day, as long as it was
        ("from 2 to 3", "Tuesday 24 November 2026, 14:00 to 15:00"),
        ("Thursday 2 to 5 pm", "Thursday 26 November 2026, 14:00 to 17:00"),
        ("Thursday", "Thursday 26 November 2026, 09:00 to 10:30"),
        ("Thursday afternoon", "Thursday 26 November 2026, 12:00 to 13:30"),
        ("today at 4", "Sunday 22 November 2026, 16:00 to 17:30"),
    ],
)
def test_a_move_keeps_what_was_not_said(tmp_path: Path, to: str, told: str) -> None:
    ask = Secretary(tmp_path)
    ask("add", title="Review", when="Tuesday at 9", minutes=90)
    assert ask("move", title="review", to=to) == f"Moved: Review, {told}."


def test_an_hour_of_its_own_day_that_has_passed_is_not_guessed(tmp_path: Path) -> None:
    ask = Secretary(tmp_path)
    ask("add", title="Review", when="today at 4 pm")
    assert "08:30 on its day has passed: say the new day" in ask("move", title="review", to="8:30")


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("Friday at 3 pm", "Friday 27 November 2026, 15:00 to 16:00"),
        ("3 pm", "Tuesday 24 November 2026, 15:00 to 16:00"),
        ("Friday 3 to 5", "Friday 27 November 2026, 15:00 to 17:00"),
        ("Friday", "Friday 27 November 2026, all day"),
    ],
)
def test_a_whole_day_that_gets_an_hour_lasts_one(tmp_path: Path, to: str, told: str) -> None:
    ask = Secretary(tmp_path)
    ask("add", title="Holiday", when="Tuesday")
    assert ask("move", title="holiday", to=to) == f"Moved: Holiday, {told}."


def test_an_end_is_as_the_clock_shows_it_when_clocks_change(tmp_path: Path) -> None:
    ask = Secretary(tmp_path)
    assert "01:30 to 03:30" in ask("add", now=DAWN, title="Tea", when="today at 01:30", minutes=60)
    assert "01:00 to 03:00" in ask("move", now=DAWN, title="Tea", to="today at 01:00")
