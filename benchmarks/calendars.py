"""Calendars of RFC 5545: what our reader and other libraries make of the corpus of the tests.

    python benchmarks/calendars.py [--show NAME]

Libraries that are not installed are left out (`pip install recurring-ical-events ical icalevents`).
Right: the events of the corpus.  Named: not all of it is right, and what is missing stands in
`unread`, which ours alone has.  Wrong: another answer, without a word.  Refused: an error, and so
no event at all.  The time is the processor's, for hostile calendars too.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.tools.calendar_corpus import CASES, Case, whole

Line = tuple[datetime | date, datetime | date | None, str]
Reader = Callable[[Case], list[Line]]


def ours(case: Case) -> tuple[list[Line], list[str]]:
    from fireside.tools.events import occurrences, parsed

    begin, end = case.window
    found = occurrences(parsed(case.data), begin, end, ZoneInfo(case.zone))
    lines: list[Line] = [
        (each.start.date(), each.end.date(), each.title)
        if each.whole_day
        else (each.start, each.end, each.title)
        for each in found.events
    ]
    return lines, found.unread


def recurring_ical_events(case: Case) -> list[Line]:
    import icalendar
    import recurring_ical_events as library

    lines: list[Line] = []
    for calendar in icalendar.Calendar.from_ical(case.data, multiple=True):
        for event in library.of(calendar).between(*case.window):
            if event.get("STATUS") == "CANCELLED":
                continue
            end = event.get("DTEND")
            lines.append((event["DTSTART"].dt, end and end.dt, str(event.get("SUMMARY", ""))))
    return lines


def ical(case: Case) -> list[Line]:
    from ical.calendar_stream import CalendarStream

    lines: list[Line] = []
    for calendar in CalendarStream.from_ics(case.data.decode()).calendars:
        timeline = calendar.timeline_tz(ZoneInfo(case.zone))
        lines += [
            (e.dtstart, e.end, e.summary or "")
            for e in timeline.overlapping(*case.window)
            if e.status != "CANCELLED"
        ]
    return lines


def icalevents(case: Case) -> list[Line]:
    from icalevents.icalevents import events

    lines: list[Line] = []
    for event in events(string_content=case.data, start=case.window[0], end=case.window[1]):
        start = event.start.date() if event.all_day else event.start
        lines.append((start, event.end.date() if event.all_day else event.end, event.summary))
    return lines


OTHERS: dict[str, Reader] = {
    "recurring-ical-events": recurring_ical_events, "ical": ical, "icalevents": icalevents,
}  # fmt: skip


def is_expected(case: Case, lines: list[Line]) -> bool:
    return any(
        len(expected) == len(lines)
        and all(map(_matches, expected, sorted(_written(line, case) for line in lines)))
        for expected in (case.events, *case.either)
    )


def _written(line: Line, case: Case) -> tuple[str, int, str]:
    """When, how many minutes (or days), and the title; in an order that is the corpus's."""
    zone, (start, end, title) = ZoneInfo(case.zone), line
    if not isinstance(start, datetime):
        last = end.date() if isinstance(end, datetime) else end
        return f"{start:%Y-%m-%d} day", (last - start).days if last else 1, title
    start = start if start.tzinfo else start.replace(tzinfo=zone)
    minutes = 0
    if isinstance(end, datetime):
        end = end if end.tzinfo else end.replace(tzinfo=zone)
        minutes = round((end.timestamp() - start.timestamp()) / 60)
    return f"{start.astimezone(zone):%Y-%m-%d %H:%M}", minutes, title


def _matches(expected: str, written: tuple[str, int, str]) -> bool:
    day, clock, title = expected.split(" ", 2)
    hour, _, length = clock.partition("+")
    when, got, name = written
    return when[5:] == f"{day} {hour}" and name == title and (not length or int(length) == got)


def verdict(case: Case, lines: list[Line], unread: list[str]) -> str:
    if is_expected(case, lines) and all(any(w in u for u in unread) for w in case.unread):
        return "right"
    return "named" if unread else "wrong"


HOSTILE = {
    "by the second, for ever": "RRULE:FREQ=SECONDLY",
    "a COUNT of 10^9": "RRULE:FREQ=MINUTELY;COUNT=1000000000",
    "30 February": "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "10,000 RDATEs": "RDATE:" + ",".join(
        f"{datetime(2024, 6, 1) + timedelta(minutes=n):%Y%m%dT%H%M%SZ}" for n in range(10_000)
    ),
}  # fmt: skip


SECONDS = 20  # for one calendar


def give_up(*_: object) -> None:
    raise TimeoutError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--show", default="", help="a reader whose failures are listed")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, give_up)
    readers: dict[str, Callable[[Case], tuple[list[Line], list[str]]]] = {"ours": ours}
    for name, reader in OTHERS.items():
        if find_spec(name.replace("-", "_")):
            readers[name] = lambda case, reader=reader: (reader(case), [])  # type: ignore[misc]
    print(
        f"{len(CASES)} calendars{'':14}{'right':>8}{'named':>8}{'wrong':>8}{'refused':>8}{'ms':>8}"
    )
    for name, read in readers.items():
        counts: Counter[str] = Counter()
        began = time.process_time()
        for case in CASES:
            try:
                lines, unread = read(case)
                result = verdict(case, lines, unread)
                why = f"{sorted(_written(line, case) for line in lines)} {unread}"
            except Exception as error:  # what a library raises is its answer
                result, why = "refused", f"{type(error).__name__}: {str(error)[:100]}"
            counts[result] += 1
            if name == given.show and result != "right":
                print(f"  {result}: {case.name}: {why}")
        took = (time.process_time() - began) * 1000
        row = "".join(f"{counts[each]:8}" for each in ("right", "named", "wrong", "refused"))
        print(f"{name:27}{row}{took:8.0f}")
    print("\nhostile rules, one event in a window of a day: seconds and events")
    for what, line in HOSTILE.items():
        data = whole(f"BEGIN:VEVENT\nUID:a\nDTSTART:20240601T000000Z\n{line}\nEND:VEVENT")
        case = Case(name=what, data=data, events=(), begin="2024-06-02", end="2024-06-03")
        for name, read in readers.items():
            began = time.process_time()
            signal.alarm(SECONDS)
            try:
                answer = f"{len(read(case)[0])} events"
            except Exception as error:
                answer = type(error).__name__
            signal.alarm(0)
            print(f"  {what:24} {name:24} {time.process_time() - began:7.2f}  {answer}", flush=True)


if __name__ == "__main__":
    main()
