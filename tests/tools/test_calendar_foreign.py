"""Calendars of other programs, with mistakes in them: no event hides another, and none is lost."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import Corrupt
from fireside.tools import events
from fireside.tools.calendar_file import FileCalendar
from fireside.tools.calendar_tools import calendar_tools
from fireside.tools.calls import call
from fireside.tools.events import Occurrences
from fireside.tools.tool import ToolContext
from tests.measures import seconds

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 10, 30, tzinfo=BERLIN)  # a Monday
GOOD = "UID:good\nSUMMARY:Good\nDTSTART:20261124T100000Z\nDTEND:20261124T110000Z"
OTHER = "SUMMARY:Other\nDTSTART:20261124T130000Z\nDTEND:20261124T140000Z"


def calendar(*events: str) -> str:
    inner = "".join(f"BEGIN:VEVENT\n{each}\nEND:VEVENT\n" for each in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\n{inner}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def between(text: str, begin: datetime = NOW, days: int = 9) -> Occurrences:
    return events.between(text, begin, begin + timedelta(days), BERLIN)


def asked(path: Path, name: str, **arguments: object) -> str:
    tools = {each.name: each for each in calendar_tools(lambda _: FileCalendar(path))}
    context = ToolContext(now=NOW, timezone=BERLIN)
    return call(tools[f"calendar_{name}"], json.dumps(arguments), context).outcome.for_model


BROKEN = f"BEGIN:VEVENT\n{OTHER}\n"
ZONE = "BEGIN:VTIMEZONE\nTZID:Moon\nBEGIN:STANDARD\nDTSTART:x\nEND:STANDARD\nEND:VTIMEZONE\n"


@pytest.mark.parametrize(
    ("between_events", "unread"),
    [
        ("a stray line\n", "a stray line"),
        ("END:VEVENT\n", "END:VEVENT"),
        (BROKEN, "Other"),  # without its END
        (ZONE, "VTIMEZONE Moon"),
        ("BEGIN:VFREEBUSY\nFREEBUSY:x\nEND:VFREEBUSY\n", "VFREEBUSY"),
        ("BEGIN:VTODO\nSUMMARY:Wash\nDUE:x\nEND:VTODO\n", "VTODO Wash"),
    ],
)
def test_a_damaged_part_hides_no_event_and_is_named(between_events: str, unread: str) -> None:
    first, last = calendar(GOOD), calendar("UID:late\nSUMMARY:Late\nDTSTART:20261125T100000Z")
    head, tail = first.removesuffix("END:VCALENDAR\r\n"), last.partition("//EN\r\n")[2]
    found = between(head + between_events.replace("\n", "\r\n") + tail)
    assert [each.title for each in found.events] == ["Good", "Late"]
    assert found.unread == [unread]


def test_an_unreadable_alarm_costs_no_event() -> None:
    found = between(calendar(f"{GOOD}\nBEGIN:VALARM\nTRIGGER:soon\nEND:VALARM"))
    assert [each.title for each in found.events] == ["Good"]
    assert found.unread == []


def test_a_line_is_no_name_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "END:VCALENDAR"
    path.write_text(calendar(GOOD), newline="")
    with pytest.raises(Corrupt):
        between(str(path))


@pytest.mark.parametrize(
    ("event", "unread"),
    [
        (f"{OTHER}\nRECURRENCE-ID:garbage", "Other"),
        ("SUMMARY:Other\nDTSTART:yesterday", "Other"),
        (f"{OTHER}\nRRULE:FREQ=DAILY;INTERVAL=0", "how Other repeats"),
        (f"{OTHER}\nRRULE:FREQ=SECONDLY", "how Other repeats"),
        (f"{OTHER}\nRRULE:FREQ=NONSENSE", "how Other repeats"),
        (f"{OTHER}\nRRULE:FREQ=DAILY;BYSETPOS=5", "how Other repeats"),
        (f"{OTHER}\nRDATE:garbage", "how Other repeats"),
    ],
)
def test_a_bad_event_hides_no_other_and_is_named(tmp_path: Path, event: str, unread: str) -> None:
    path = tmp_path / "me.ics"
    path.write_text(calendar(event, GOOD), newline="")
    found = FileCalendar(path).between(NOW, NOW + timedelta(9))
    assert "Good" in [each.title for each in found.events]
    assert found.unread == [unread]
    assert f"[1 not read, see in a calendar program: {unread}]" in asked(
        path, "list", when="tomorrow"
    )
    assert "1 in the calendar could not be read" in asked(path, "free", when="tomorrow")
    assert asked(path, "add", title="Tea", when="tomorrow at 11").startswith("Added: Tea")
    assert asked(path, "move", title="Good", to="Friday").startswith("Moved: Good")
    kept = path.read_text()
    assert event.split("\n")[-1] in kept


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYYEARDAY=300;BYMONTH=1;COUNT=3",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=1,2,3;BYMINUTE=1,2,3,4,5,6,7;BYSECOND=1,2,3",
    ],
)  # fmt: skip
def test_a_rule_that_no_date_meets_ends_soon(rule: str) -> None:
    text = calendar(f"SUMMARY:Never\nDTSTART:19000101T100000Z\nRRULE:{rule}", GOOD)
    assert [each.title for each in between(text).events] == ["Good"]
    assert seconds(lambda: between(text)) < 1.5


def test_a_rule_since_1900_is_read_from_today() -> None:
    text = calendar("SUMMARY:Chime\nDTSTART:19000101T000000\nDURATION:PT1M\nRRULE:FREQ=HOURLY")
    found = between(text, days=1).events
    assert seconds(lambda: between(text, days=1)) < 0.5
    assert [each.start.hour for each in found] == [*range(11, 24), *range(11)]


RULES = st.builds(
    lambda *parts: ";".join(part for part in parts if part),
    st.sampled_from(["FREQ=HOURLY", "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY"]),
    st.sampled_from(["", "INTERVAL=2", "INTERVAL=5"]),
    st.sampled_from(["", "COUNT=4", "COUNT=40", "UNTIL=20261130T100000"]),
    st.sampled_from(["", "BYDAY=MO,WE", "BYDAY=SU"]),
    st.sampled_from(["", "BYMONTH=11,12", "BYMONTHDAY=-1,25", "BYYEARDAY=330,-30"]),
    st.sampled_from(["", "BYHOUR=9,17"]),
)


@given(RULES, st.datetimes(datetime(2025, 6, 1), datetime(2026, 11, 30)))
def test_rules_are_those_of_dateutil(rule: str, start: datetime) -> None:
    start = start.replace(minute=0, second=0, microsecond=0)
    text = calendar(f"SUMMARY:E\nDTSTART:{start:%Y%m%dT%H%M%S}\nDURATION:PT1H\nRRULE:{rule}")
    begin, end = datetime(2026, 11, 23), datetime(2026, 12, 23)
    try:
        expected = rrulestr(rule, dtstart=start).between(begin, end, inc=True)
    except ValueError:  # an INTERVAL of hours that never comes to BYHOUR
        return
    found = between(text, begin.replace(tzinfo=BERLIN), 30)
    assert not found.unread
    starts = [each.start.replace(tzinfo=None) for each in found.events]
    assert [each for each in starts if each >= begin] == [each for each in expected if each < end]


def test_of_a_property_that_stands_twice_the_first_counts(tmp_path: Path) -> None:
    twice = OTHER.replace("SUMMARY:Other", "SUMMARY:A\nSUMMARY:b\nLOCATION:Here\nLOCATION:There")
    path = tmp_path / "me.ics"
    again = f"UID:x\n{OTHER}\nRECURRENCE-ID:20261124T130000Z\nRECURRENCE-ID:20261125T130000Z"
    path.write_text(calendar(twice, again), newline="")
    assert asked(path, "list", when="tomorrow") == (
        "A (Here), Tuesday 24 November 2026, 14:00 to 15:00\n"
        "Other, Tuesday 24 November 2026, 14:00 to 15:00"
    )


@pytest.mark.parametrize("sequence", ["SEQUENCE:abc", "SEQUENCE:1\nSEQUENCE:2", "SEQUENCE:"])
def test_a_bad_sequence_does_not_hinder_a_move(tmp_path: Path, sequence: str) -> None:
    path = tmp_path / "me.ics"
    path.write_text(calendar(f"{GOOD}\n{sequence}"), newline="")
    assert asked(path, "move", title="Good", to="Friday at 3 pm").endswith("15:00 to 16:00.")


def test_events_without_a_uid_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "me.ics"
    beta = "SUMMARY:Beta\nDTSTART:20261124T150000Z\nDTEND:20261124T160000Z"
    path.write_text(calendar(OTHER, beta, beta.replace("20261124", "20261125")), newline="")
    assert "Several events match 'Beta'" in asked(path, "move", title="Beta", to="Friday")
    path.write_text(calendar(OTHER, beta), newline="")
    assert asked(path, "move", title="Beta", to="Friday").startswith("Moved: Beta")
    found = FileCalendar(path).between(NOW, NOW + timedelta(9)).events
    assert [(each.title, each.start.day) for each in found] == [("Other", 24), ("Beta", 27)]


def test_what_is_not_utf_8_is_listed_and_never_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "me.ics"
    path.write_bytes(calendar(GOOD, OTHER.replace("Other", "Café")).encode("latin-1"))
    before = path.read_bytes()
    assert "Good" in asked(path, "list", when="tomorrow")
    for name, more in (("add", {"title": "a", "when": "today at 4"}), ("move", {"title": "Good"})):
        told = asked(path, name, **more, **({"to": "Friday"} if name == "move" else {}))
        assert "convert its file to UTF-8" in told
    assert path.read_bytes() == before


def test_a_link_to_a_calendar_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "elsewhere" / "mine.ics", tmp_path / "me.ics"
    target.parent.mkdir()
    target.write_text(calendar(GOOD), newline="")
    link.symlink_to(target)
    assert asked(link, "move", title="Good", to="Friday").startswith("Moved")
    assert link.is_symlink()
    assert "20261127T100000Z" in target.read_text()


@pytest.mark.parametrize(
    ("length", "ends"),
    [
        ("PT24H", "10:00"),  # 24 hours later, whatever the clocks did
        ("PT26H", "12:00"),
        ("PT1440M", "10:00"),
        ("P1D", "09:00"),  # the same time of the next day
        ("P1DT2H", "11:00"),
    ],
)
def test_a_duration_across_a_change_of_clocks(length: str, ends: str) -> None:
    """RFC 5545, section 3.3.6: days are days, and hours are exact."""
    event = f"SUMMARY:A\nDTSTART;TZID=Europe/Berlin:20260328T090000\nDURATION:{length}"
    begin = datetime(2026, 3, 28, tzinfo=BERLIN)
    for text in (calendar(event), calendar(event + "\nRRULE:FREQ=WEEKLY;COUNT=2")):
        first = between(text, begin, 3).events[0]
        assert first.end.strftime("%d %H:%M") == f"29 {ends}"


def test_a_rule_that_ends_before_it_begins_hides_no_event() -> None:
    """Its first date is an event all the same, and the rule is named."""
    late = "RRULE:FREQ=DAILY;UNTIL=20261101T000000Z"
    found = between(calendar(f"{GOOD}\n{late}", f"UID:b\n{OTHER}"))
    assert [each.title for each in found.events] == ["Good", "Other"]
    assert found.unread == ["how Good repeats"]
    gone = "RRULE:FREQ=DAILY;COUNT=2\nEXRULE:FREQ=DAILY;UNTIL=20261101T000000Z"
    found = between(calendar(f"{GOOD}\n{gone}"))
    assert ([each.start.day for each in found.events], found.unread) == ([24, 25], [])


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=-1", "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=YEARLY;BYMONTH=13", "FREQ=YEARLY;BYMONTH=-1",
        "FREQ=DAILY;BYHOUR=24", "FREQ=YEARLY;BYYEARDAY=0", "FREQ=YEARLY;BYWEEKNO=54",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=x",
    ],
)  # fmt: skip
def test_a_rule_with_a_number_that_cannot_be(rule: str) -> None:
    """Its first date is an event all the same, and the rule is named."""
    found = between(calendar(f"{GOOD}\nRRULE:{rule}"))
    assert [each.start.day for each in found.events] == [24]
    assert found.unread == ["how Good repeats"]


def test_a_day_that_is_written_with_a_time_is_a_day() -> None:
    (day,) = between(calendar("SUMMARY:A\nDTSTART;VALUE=DATE:20261125T000000")).events
    assert day.whole_day
    assert (day.start.day, day.end.day, day.start.hour) == (25, 26, 0)
