"""Our reader of calendars on the corpus: right, or what is missing is named; and hostile ones."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fireside.errors import Corrupt
from fireside.tools import events
from fireside.tools.calendar_file import FileCalendar
from fireside.tools.events import Event, Occurrences, free, occurrences, parsed
from tests.measures import seconds

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.calendars import ours, verdict
from tests.tools.calendar_corpus import CASES, MORNING, Case, event, whole

NAMED = {"SKIP=BACKWARD of RFC 7529"}
"""What we do not read, and say so."""
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
NEW = Event(uid="new@x", title="New", start=NOW, end=NOW + timedelta(hours=1))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_happens_is_what_the_rfc_says(case: Case) -> None:
    result = verdict(case, *ours(case))
    assert result == ("named" if case.name in NAMED else "right"), ours(case)


def lines(data: bytes) -> list[str]:
    """Of a file; the order of a rule's parts means nothing."""
    text = re.sub(rb"\r?\n[ \t]", b"", data.removeprefix(b"\xef\xbb\xbf")).decode()
    text = text.replace('"', "")  # a name of a zone needs none
    return [
        ":".join(";".join(sorted(part.split(";"))) for part in line.split(":"))
        for line in text.split("\r\n")
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_that_is_written_into_keeps_all_that_it_had(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "me.ics"
    path.write_bytes(case.data)
    if case.name == "Latin-1":
        with pytest.raises(Corrupt, match="UTF-8"):
            FileCalendar(path).add(NEW, NOW)
        assert path.read_bytes() == case.data
        return
    FileCalendar(path).add(NEW, NOW)
    after = Case(**{**vars_of(case), "data": path.read_bytes()})
    assert ours(after) == ours(case)
    assert [one.title for one in FileCalendar(path).between(NOW, NEW.end).events] == ["New"]


def vars_of(case: Case) -> dict[str, object]:
    return {name: getattr(case, name) for name in case.__dataclass_fields__}


def test_what_others_wrote_is_written_again_letter_for_letter(tmp_path: Path) -> None:
    theirs = [case for case in CASES if "own properties" in case.name or "moved occ" in case.name]
    assert len(theirs) == 3
    for case in theirs:
        path = tmp_path / "me.ics"
        path.write_bytes(case.data)
        FileCalendar(path).add(NEW, NOW)
        missing = set(lines(case.data)) - set(lines(path.read_bytes()))
        assert not missing


def test_a_move_changes_the_latest_revision_alone(tmp_path: Path) -> None:
    path = tmp_path / "me.ics"
    later = ("SEQUENCE:3", "DTSTART:20240604T100000Z", "DTEND:20240604T110000Z")
    path.write_bytes(whole(event(*later) + event("SEQUENCE:0", *MORNING)))
    calendar = FileCalendar(path)
    begin = datetime(2024, 6, 1, tzinfo=UTC)
    (found,) = calendar.between(begin, begin + timedelta(30)).events
    moved = Event(uid=found.uid, title="A", start=begin, end=begin + timedelta(hours=1))
    calendar.move(moved, NOW)
    assert [one.start for one in calendar.between(begin, begin + timedelta(30)).events] == [begin]
    assert b"20240603T080000Z" in path.read_bytes()


def test_a_free_time_of_an_event_blocks_nothing() -> None:
    data = whole(event(*MORNING, "TRANSP:TRANSPARENT"))
    begin = datetime(2024, 6, 3, tzinfo=UTC)
    found = occurrences(parsed(data), begin, begin + timedelta(1), UTC).events
    assert [one.title for one in found] == ["A"]
    assert free(found, begin, begin + timedelta(1), timedelta(hours=23)) != []


def read(lines: str, days: int = 1) -> tuple[Occurrences, float]:
    return timed(whole(event("DTSTART:20240601T000000Z", *lines.split("\n"))), 2, days)


def timed(data: bytes, day: int, days: int = 1) -> tuple[Occurrences, float]:
    """What happens from that day of June, and the seconds that it takes to know."""
    begin = datetime(2024, 6, day, tzinfo=UTC)
    found = []
    taken = seconds(
        lambda: found.append(occurrences(parsed(data), begin, begin + timedelta(days), UTC))
    )
    return found[0], taken


@pytest.mark.parametrize(
    "rule",
    ["RRULE:FREQ=SECONDLY", "RRULE:FREQ=MINUTELY;COUNT=1000000000", "RRULE:FREQ=MINUTELY",
     "RRULE:FREQ=SECONDLY;BYMONTHDAY=2", "RRULE:FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24)))
     + ";BYMINUTE=" + ",".join(map(str, range(60)))],
)  # fmt: skip
def test_more_than_a_thousand_times_are_named(rule: str) -> None:
    found, taken = read(rule)
    assert found.unread == ["how A repeats"]
    assert 1 <= len(found.events) <= 1001
    assert taken < 8


@pytest.mark.parametrize(
    "rule",
    ["RRULE:FREQ=SECONDLY;INTERVAL=7;BYSECOND=3;BYMINUTE=4;BYHOUR=5;BYMONTH=2;BYMONTHDAY=30",
     "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=100000000",
     "EXRULE:FREQ=SECONDLY\nRRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY;BYSETPOS=366;BYDAY=MO"],
)  # fmt: skip
def test_a_hostile_rule_ends_soon(rule: str) -> None:
    assert read(rule)[1] < 8


def test_many_dates_and_events_cost_no_more_than_their_number() -> None:
    def dates(count: int) -> str:
        first = datetime(2024, 1, 1)
        return "RDATE:" + ",".join(
            f"{first + timedelta(hours=n):%Y%m%dT%H%M%SZ}" for n in range(count)
        )

    small, large = (min(read(dates(n))[1] for _ in range(2)) for n in (1_500, 6_000))
    assert large < 10 * small + 0.2
    found = read(dates(6_000))[0]
    assert len(found.events) == 24
    assert found.unread == []


def test_all_rules_of_a_calendar_share_their_steps() -> None:
    """Nine rules of millions of dates cost no more than two."""
    one = ("DTSTART:19000101T000000Z", "RRULE:FREQ=HOURLY;BYMINUTE=1,2,3,4,5,6,7,8,9;COUNT=9999999")
    data = whole("".join(event(*one, uid=str(n)) for n in range(9)))
    found, taken = timed(data, 1)
    assert taken < 15
    assert found.unread == ["how A repeats"] * 9


def test_a_calendar_of_too_many_events_is_refused_by_number() -> None:
    data = b"BEGIN:VEVENT\r\n" * (events.MOST_EVENTS + 1)
    with pytest.raises(Corrupt, match="more than 20,000 events"):
        parsed(b"BEGIN:VCALENDAR\r\n" + data + b"END:VCALENDAR\r\n")
