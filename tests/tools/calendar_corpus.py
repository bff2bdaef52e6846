"""Small calendars, each with what RFC 5545 (and 5546, 7529) says that happens in a window.

Used by the tests of our reader and by `benchmarks/calendars.py`, which asks other libraries too.
An event is written as `06-03 08:00 Title` in the window's time zone, `06-03 08:00+90 Title` where
its minutes matter, and `06-03 day Title` (or `06-03 day+2 Title`) if it is of whole days.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Case:
    """unread: words that must stand among what was not read, where nobody can know the answer.
    either: other right readings, where the RFC leaves it open."""

    name: str
    data: bytes
    events: tuple[str, ...]
    begin: str = "2024-06-01"
    end: str = "2024-07-01"
    zone: str = "UTC"
    unread: tuple[str, ...] = ()
    either: tuple[tuple[str, ...], ...] = field(default=())

    @property
    def window(self) -> tuple[datetime, datetime]:
        zone = ZoneInfo(self.zone)
        begin, end = map(datetime.fromisoformat, (self.begin, self.end))
        return begin.replace(tzinfo=zone), end.replace(tzinfo=zone)


CASES: list[Case] = []


def whole(inner: str, head: str = "") -> bytes:
    begin = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//corpus//EN\n{head}"
    lines = f"{begin}{inner.strip()}\nEND:VCALENDAR\n"
    return lines.replace("\n", "\r\n").encode()


def event(*lines: str, uid: str = "a", title: str = "A") -> str:
    first = [f"UID:{uid}", "DTSTAMP:20240101T000000Z", *([f"SUMMARY:{title}"] if title else [])]
    return "\n".join(["BEGIN:VEVENT", *first, *lines, "END:VEVENT"]) + "\n"


def case(name: str, inner: str | bytes, *events: str, head: str = "", **more: object) -> None:
    data = inner if isinstance(inner, bytes) else whole(inner, head)
    CASES.append(Case(name=name, data=data, events=events, **more))  # type: ignore[arg-type]


MORNING = ("DTSTART:20240603T080000Z", "DTEND:20240603T090000Z")
WEEKLY = (*MORNING, "RRULE:FREQ=WEEKLY;COUNT=4")
NEW_YORK = """BEGIN:VTIMEZONE
TZID:{id}
BEGIN:STANDARD
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
TZNAME:EST
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
TZNAME:EDT
END:DAYLIGHT
END:VTIMEZONE
"""

# Overrides (3.8.4.4) and ranges (3.2.13)
case(
    "one occurrence is moved",
    event(*WEEKLY)
    + event("RECURRENCE-ID:20240610T080000Z", "DTSTART:20240611T100000Z", "DTEND:20240611T103000Z"),
    "06-03 08:00 A",
    "06-11 10:00+30 A",
    "06-17 08:00 A",
    "06-24 08:00 A",
)
case(
    "this and future",
    event(*WEEKLY)
    + event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20240617T080000Z",
        "DTSTART:20240617T130000Z",
        "DTEND:20240617T140000Z",
    ),
    "06-03 08:00 A",
    "06-10 08:00 A",
    "06-17 13:00+60 A",
    "06-24 13:00+60 A",
)
case(
    "this and future with another length and title",
    event(*WEEKLY)
    + event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20240610T080000Z",
        "DTSTART:20240611T080000Z",
        "DTEND:20240611T100000Z",
        title="B",
    ),
    "06-03 08:00+60 A",
    "06-11 08:00+120 B",
    "06-18 08:00+120 B",
    "06-25 08:00+120 B",
)
case(
    "two ranges, the later one counts from its place on",
    event(*WEEKLY)
    + event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20240610T080000Z",
        "DTSTART:20240610T100000Z",
        "DTEND:20240610T110000Z",
    )
    + event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20240624T080000Z",
        "DTSTART:20240624T120000Z",
        "DTEND:20240624T130000Z",
    ),
    "06-03 08:00 A",
    "06-10 10:00 A",
    "06-17 10:00 A",
    "06-24 12:00 A",
)
case(
    "a single override within a range",
    event(*WEEKLY)
    + event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20240610T080000Z",
        "DTSTART:20240610T100000Z",
        "DTEND:20240610T110000Z",
    )
    + event("RECURRENCE-ID:20240617T080000Z", "DTSTART:20240617T150000Z", "DTEND:20240617T160000Z"),
    "06-03 08:00 A",
    "06-10 10:00 A",
    "06-17 15:00 A",
    "06-24 10:00 A",
)
case(
    "a range of whole days",
    event("DTSTART;VALUE=DATE:20240603", "RRULE:FREQ=WEEKLY;COUNT=4")
    + event("RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20240617", "DTSTART;VALUE=DATE:20240618"),
    "06-03 day A",
    "06-10 day A",
    "06-18 day A",
    "06-25 day A",
)
case(
    "the rest of a series is cancelled",
    event(*WEEKLY)
    + event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20240617T080000Z",
        "DTSTART:20240617T080000Z",
        "STATUS:CANCELLED",
    ),
    "06-03 08:00 A",
    "06-10 08:00 A",
)
case(
    "a range keeps the wall clock over a change of clocks",
    event(
        "DTSTART;TZID=America/New_York:20241027T080000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY;COUNT=3",
    )
    + event(
        "RECURRENCE-ID;TZID=America/New_York;RANGE=THISANDFUTURE:20241027T080000",
        "DTSTART;TZID=America/New_York:20241027T100000",
        "DURATION:PT1H",
    ),
    "10-27 14:00 A",
    "11-03 15:00 A",
    "11-10 15:00 A",
    begin="2024-10-20",
    end="2024-11-20",
)
case(
    "a range whose occurrences move into the window",
    event("DTSTART:20240527T080000Z", "DTEND:20240527T090000Z", "RRULE:FREQ=WEEKLY;COUNT=2")
    + event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20240527T080000Z",
        "DTSTART:20240602T080000Z",
        "DTEND:20240602T090000Z",
    ),
    "06-02 08:00 A",
    "06-09 08:00 A",
)
case(
    "an override moves out of the window",
    event(*WEEKLY)
    + event("RECURRENCE-ID:20240624T080000Z", "DTSTART:20240702T080000Z", "DTEND:20240702T090000Z"),
    "06-03 08:00 A",
    "06-10 08:00 A",
    "06-17 08:00 A",
)
case(
    "an override moves into the window",
    event(*WEEKLY)
    + event("RECURRENCE-ID:20240617T080000Z", "DTSTART:20240625T080000Z", "DTEND:20240625T090000Z"),
    "06-25 08:00 A",
    begin="2024-06-25",
    end="2024-06-26",
)
case(
    "an override without its series",
    event("RECURRENCE-ID:20240610T080000Z", "DTSTART:20240611T100000Z", "DTEND:20240611T110000Z"),
    "06-11 10:00 A",
)
case(
    "an override in another time zone than the series",
    event(
        "DTSTART;TZID=Europe/Berlin:20240603T100000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2"
    )
    + event(
        "RECURRENCE-ID:20240610T080000Z",
        "DTSTART;TZID=America/New_York:20240610T100000",
        "DURATION:PT1H",
    ),
    "06-03 08:00 A",
    "06-10 14:00 A",
)
case(
    "an override named by its day alone",
    event(*WEEKLY)
    + event(
        "RECURRENCE-ID;VALUE=DATE:20240610", "DTSTART:20240610T100000Z", "DTEND:20240610T110000Z"
    ),
    "06-03 08:00 A",
    "06-10 10:00 A",
    "06-17 08:00 A",
    "06-24 08:00 A",
)
case(
    "an override with floating time in a zoned series",
    event(
        "DTSTART;TZID=Europe/Berlin:20240603T100000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2"
    )
    + event(
        "RECURRENCE-ID:20240610T100000",
        "DTSTART;TZID=Europe/Berlin:20240610T120000",
        "DURATION:PT1H",
    ),
    "06-03 08:00 A",
    "06-10 10:00 A",
)
case(
    "one occurrence is cancelled",
    event(*WEEKLY)
    + event("RECURRENCE-ID:20240610T080000Z", "DTSTART:20240610T080000Z", "STATUS:CANCELLED"),
    "06-03 08:00 A",
    "06-17 08:00 A",
    "06-24 08:00 A",
)
case(
    "the same override twice, the later revision counts",
    event(*WEEKLY)
    + event(
        "RECURRENCE-ID:20240610T080000Z",
        "SEQUENCE:2",
        "DTSTART:20240610T110000Z",
        "DTEND:20240610T120000Z",
    )
    + event(
        "RECURRENCE-ID:20240610T080000Z",
        "SEQUENCE:1",
        "DTSTART:20240610T100000Z",
        "DTEND:20240610T110000Z",
    ),
    "06-03 08:00 A",
    "06-10 11:00 A",
    "06-17 08:00 A",
    "06-24 08:00 A",
)

# Revisions (3.8.7.4; RFC 5546)
case(
    "a higher SEQUENCE replaces",
    event("SEQUENCE:0", *MORNING)
    + event("SEQUENCE:3", "DTSTART:20240604T100000Z", "DTEND:20240604T110000Z"),
    "06-04 10:00 A",
)
case(
    "a higher SEQUENCE replaces, whatever the order",
    event("SEQUENCE:3", "DTSTART:20240604T100000Z", "DTEND:20240604T110000Z")
    + event("SEQUENCE:0", *MORNING),
    "06-04 10:00 A",
)
case(
    "a later DTSTAMP replaces",
    event(*MORNING)
    + event("DTSTART:20240604T100000Z", "DTEND:20240604T110000Z").replace("20240101T", "20240301T"),
    "06-04 10:00 A",
)
case(
    "a revised series forgets the old rule",
    event("SEQUENCE:1", *WEEKLY) + event("SEQUENCE:2", *MORNING, "RRULE:FREQ=WEEKLY;COUNT=2"),
    "06-03 08:00 A",
    "06-10 08:00 A",
)
case(
    "METHOD:CANCEL of an event",
    whole(event("SEQUENCE:0", *MORNING)) + whole(event("SEQUENCE:1", *MORNING), "METHOD:CANCEL\n"),
)
case(
    "METHOD:CANCEL of one occurrence",
    whole(event(*WEEKLY))
    + whole(
        event("RECURRENCE-ID:20240610T080000Z", "DTSTART:20240610T080000Z", "SEQUENCE:1"),
        "METHOD:CANCEL\n",
    ),
    "06-03 08:00 A",
    "06-17 08:00 A",
    "06-24 08:00 A",
)
case(
    "METHOD:CANCEL without a DTSTART",
    whole(event("SEQUENCE:0", *MORNING)) + whole(event("SEQUENCE:1"), "METHOD:CANCEL\n"),
)
case(
    "METHOD:CANCEL with the SEQUENCE that it cancels",
    whole(event("SEQUENCE:1", *MORNING)) + whole(event("SEQUENCE:1", *MORNING), "METHOD:CANCEL\n"),
)
case(
    "METHOD:CANCEL of an occurrence that was moved",
    whole(
        event(*WEEKLY)
        + event("RECURRENCE-ID:20240610T080000Z", "DTSTART:20240611T080000Z", "SEQUENCE:1")
    )
    + whole(event("RECURRENCE-ID:20240610T080000Z", "SEQUENCE:1"), "METHOD:CANCEL\n"),
    "06-03 08:00 A",
    "06-17 08:00 A",
    "06-24 08:00 A",
)
case(
    "a revision after a cancellation",
    whole(event("SEQUENCE:1", *MORNING), "METHOD:CANCEL\n")
    + whole(event("SEQUENCE:2", *MORNING), "METHOD:REQUEST\n"),
    "06-03 08:00 A",
)
case("STATUS:CANCELLED of a series", event(*WEEKLY, "STATUS:CANCELLED"))
case(
    "STATUS:CANCELLED in a later revision",
    event("SEQUENCE:1", *WEEKLY) + event("SEQUENCE:2", *WEEKLY, "STATUS:CANCELLED"),
)
case(
    "a reply is no event of its own",
    whole(event(*MORNING))
    + whole(event(*MORNING, "ATTENDEE;PARTSTAT=DECLINED:mailto:a@example.com"), "METHOD:REPLY\n"),
    "06-03 08:00 A",
)
case(
    "two events of one title and time with two uids",
    event(*MORNING) + event(*MORNING, uid="b"),
    "06-03 08:00 A",
    "06-03 08:00 A",
)
case(
    "one uid twice, and nothing says which is newer",
    event(*MORNING) + event("DTSTART:20240604T100000Z", "DTEND:20240604T110000Z", title="B"),
    "06-03 08:00 A",
    "06-04 10:00 B",
    unread=("B",),
    either=(("06-04 10:00 B",),),
)

# RDATE, EXDATE, EXRULE
case(
    "RDATE adds dates",
    event(*MORNING, "RDATE:20240605T080000Z,20240607T080000Z"),
    "06-03 08:00+60 A",
    "06-05 08:00+60 A",
    "06-07 08:00+60 A",
)
case(
    "RDATE with periods",
    event(*MORNING, "RDATE;VALUE=PERIOD:20240605T080000Z/20240605T110000Z,20240607T080000Z/PT30M"),
    "06-03 08:00+60 A",
    "06-05 08:00+180 A",
    "06-07 08:00+30 A",
)
case(
    "RDATE of a zone",
    event(
        "DTSTART;TZID=Europe/Berlin:20240603T100000",
        "DURATION:PT1H",
        "RDATE;TZID=Europe/Berlin:20240605T120000",
    ),
    "06-03 08:00 A",
    "06-05 10:00 A",
)
case(
    "RDATE that a rule has too",
    event(*WEEKLY, "RDATE:20240610T080000Z"),
    "06-03 08:00 A",
    "06-10 08:00 A",
    "06-17 08:00 A",
    "06-24 08:00 A",
)
case(
    "RDATE of days",
    event("DTSTART;VALUE=DATE:20240603", "RDATE;VALUE=DATE:20240605"),
    "06-03 day A",
    "06-05 day A",
)
case(
    "EXDATE in a list, and twice",
    event(*WEEKLY, "EXDATE:20240610T080000Z,20240624T080000Z", "EXDATE:20240603T080000Z"),
    "06-17 08:00 A",
)
case(
    "EXDATE in the zone of the series",
    event(
        "DTSTART;TZID=Europe/Berlin:20240603T100000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "EXDATE;TZID=Europe/Berlin:20240610T100000",
    ),
    "06-03 08:00 A",
    "06-17 08:00 A",
)
case(
    "EXDATE in another zone",
    event(
        "DTSTART;TZID=Europe/Berlin:20240603T100000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "EXDATE:20240610T080000Z",
    ),
    "06-03 08:00 A",
    "06-17 08:00 A",
)
case(
    "EXDATE without a zone in a series with one",
    event(
        "DTSTART;TZID=Europe/Berlin:20240603T100000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "EXDATE:20240610T100000",
    ),
    "06-03 08:00 A",
    "06-17 08:00 A",
)
case(
    "EXDATE of a day in a series of hours",
    event(*WEEKLY, "EXDATE;VALUE=DATE:20240610"),
    "06-03 08:00 A",
    "06-17 08:00 A",
    "06-24 08:00 A",
)
case(
    "EXDATE of days",
    event("DTSTART;VALUE=DATE:20240603", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20240604"),
    "06-03 day A",
    "06-05 day A",
)
case(
    "EXDATE with an hour in a series of days",
    event("DTSTART;VALUE=DATE:20240603", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20240604T000000Z"),
    "06-03 day A",
    "06-05 day A",
    zone="America/New_York",
)
case(
    "EXDATE does not add to COUNT",
    event(*MORNING, "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20240604T080000Z"),
    "06-03 08:00 A",
    "06-05 08:00 A",
)
case(
    "EXDATE removes the first",
    event(*WEEKLY, "EXDATE:20240603T080000Z"),
    "06-10 08:00 A",
    "06-17 08:00 A",
    "06-24 08:00 A",
)
case(
    "EXDATE removes an RDATE",
    event(*MORNING, "RDATE:20240605T080000Z", "EXDATE:20240605T080000Z"),
    "06-03 08:00 A",
)
case("EXDATE without any rule", event(*MORNING, "EXDATE:20240603T080000Z"))
case(
    "EXRULE of RFC 2445",
    event(*MORNING, "RRULE:FREQ=DAILY;COUNT=7", "EXRULE:FREQ=WEEKLY;BYDAY=SA,SU"),
    "06-03 08:00 A",
    "06-04 08:00 A",
    "06-05 08:00 A",
    "06-06 08:00 A",
    "06-07 08:00 A",
)
case(
    "two rules are one set",
    event(*MORNING, "RRULE:FREQ=WEEKLY;COUNT=2", "RRULE:FREQ=MONTHLY;BYMONTHDAY=3,5;COUNT=2"),
    "06-03 08:00 A",
    "06-05 08:00 A",
    "06-10 08:00 A",
)

# Rules (3.3.10, examples of 3.8.5.3)
NY = "DTSTART;TZID=America/New_York:"
Z = {"zone": "America/New_York"}


def rule(name: str, start: str, text: str, *days: str, **more: str) -> None:
    """Every hour is nine unless said otherwise."""
    events = [f"{day} A" if ":" in day else f"{day} 09:00 A" for day in days]
    case(name, event(f"{NY}{start}", "DURATION:PT30M", f"RRULE:{text}"), *events, **{**Z, **more})  # type: ignore[arg-type]


S97 = "19970902T090000"
SEP = {"begin": "1997-09-01", "end": "1997-10-01"}
rule("daily for three times", S97, "FREQ=DAILY;COUNT=3", "09-02", "09-03", "09-04", **SEP)
rule(
    "every other day",
    S97,
    "FREQ=DAILY;INTERVAL=2",
    "09-26",
    "09-28",
    "09-30",
    begin="1997-09-25",
    end="1997-10-01",
)
rule(
    "until, in UTC, exclusive of what comes after",
    S97,
    "FREQ=DAILY;UNTIL=19970904T130000Z",
    "09-02",
    "09-03",
    "09-04",
    **SEP,
)
rule("until a second too early", S97, "FREQ=DAILY;UNTIL=19970904T125959Z", "09-02", "09-03", **SEP)
rule(
    "until a day, of a series of hours",
    S97,
    "FREQ=DAILY;UNTIL=19970904",
    "09-02",
    "09-03",
    "09-04",
    **SEP,
)
rule(
    "every 10 days, 5 times",
    S97,
    "FREQ=DAILY;INTERVAL=10;COUNT=5",
    "09-02",
    "09-12",
    "09-22",
    "10-02",
    "10-12",
    begin="1997-09-01",
    end="1998-01-01",
)
rule(
    "every other week on Tuesday and Thursday, weeks from Sunday",
    S97,
    "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
    "09-02",
    "09-04",
    "09-16",
    "09-18",
    "09-30",
    "10-02",
    "10-14",
    "10-16",
    begin="1997-09-01",
    end="1998-01-01",
)
rule(
    "WKST=MO",
    "19970805T090000",
    "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
    "08-05",
    "08-10",
    "08-19",
    "08-24",
    begin="1997-08-01",
    end="1997-10-01",
)
rule(
    "WKST=SU",
    "19970805T090000",
    "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
    "08-05",
    "08-17",
    "08-19",
    "08-31",
    begin="1997-08-01",
    end="1997-10-01",
)
rule(
    "WKST without a COUNT, years later",
    "19970805T090000",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
    "06-02",
    "06-04",
    "06-16",
    "06-18",
    "06-30",
    begin="2024-06-01",
    end="2024-07-01",
)
rule(
    "the first Friday",
    "19970905T090000",
    "FREQ=MONTHLY;COUNT=3;BYDAY=1FR",
    "09-05",
    "10-03",
    "11-07",
    begin="1997-09-01",
    end="1998-06-01",
)
rule(
    "the second-to-last Monday",
    "19970922T090000",
    "FREQ=MONTHLY;COUNT=3;BYDAY=-2MO",
    "09-22",
    "10-20",
    "11-17",
    begin="1997-09-01",
    end="1998-06-01",
)
rule(
    "the third-to-last day",
    "19970928T090000",
    "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3",
    "09-28",
    "10-29",
    "11-28",
    begin="1997-09-01",
    end="1998-06-01",
)
rule(
    "first and last day of the month",
    "19970930T090000",
    "FREQ=MONTHLY;COUNT=4;BYMONTHDAY=1,-1",
    "09-30",
    "10-01",
    "10-31",
    "11-01",
    begin="1997-09-01",
    end="1998-06-01",
)
rule(
    "Friday the 13th",
    "19980213T090000",
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3",
    "02-13",
    "03-13",
    "11-13",
    begin="1998-01-01",
    end="1999-06-01",
)
rule(
    "the last work day",
    "19970930T090000",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3",
    "09-30",
    "10-31",
    "11-28",
    begin="1997-09-01",
    end="1998-06-01",
)
rule(
    "the third of three weekdays",
    "19970904T090000",
    "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
    "09-04",
    "10-07",
    "11-06",
    begin="1997-09-01",
    end="1998-06-01",
)
rule(
    "the 100th and 200th day of the year",
    "19970101T090000",
    "FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200",
    "01-01",
    "04-10",
    "07-19",
    "01-01",
    begin="1997-01-01",
    end="2001-01-01",
)
rule(
    "the 20th Monday",
    "19970519T090000",
    "FREQ=YEARLY;BYDAY=20MO;COUNT=3",
    "05-19",
    "05-18",
    "05-17",
    begin="1997-01-01",
    end="2001-01-01",
)
rule(
    "Monday of week 20",
    "19970512T090000",
    "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3",
    "05-12",
    "05-11",
    "05-17",
    begin="1997-01-01",
    end="2001-01-01",
)
rule(
    "election day",
    "19961105T090000",
    "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
    "11-05",
    "11-07",
    "11-02",
    begin="1996-01-01",
    end="2005-01-01",
)
rule(
    "29 February is in leap years alone",
    "20200229T090000",
    "FREQ=YEARLY",
    "02-29",
    begin="2021-01-01",
    end="2025-01-01",
)
rule(
    "the 31st is left out of shorter months",
    "20240131T090000",
    "FREQ=MONTHLY",
    "01-31",
    "03-31",
    "05-31",
    begin="2024-01-01",
    end="2024-07-01",
)
rule(
    "every 90 minutes",
    S97,
    "FREQ=MINUTELY;INTERVAL=90;COUNT=4",
    "09-02 09:00",
    "09-02 10:30",
    "09-02 12:00",
    "09-02 13:30",
    **SEP,
)
rule(
    "every 20 minutes within hours",
    S97,
    "FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,30;COUNT=5",
    "09-02 09:00",
    "09-02 09:30",
    "09-02 10:00",
    "09-02 10:30",
    "09-03 09:00",
    **SEP,
)
rule(
    "the same, by the minute",
    S97,
    "FREQ=MINUTELY;INTERVAL=30;BYHOUR=9,10;COUNT=5",
    "09-02 09:00",
    "09-02 09:30",
    "09-02 10:00",
    "09-02 10:30",
    "09-03 09:00",
    **SEP,
)
rule(
    "every three hours until",
    S97,
    "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z",
    "09-02 09:00",
    "09-02 12:00",
    "09-02 15:00",
    **SEP,
)
rule(
    "small letters and white space",
    "20240603T090000",
    "freq=weekly;count=2;byday=mo ",
    "06-03",
    "06-10",
)
rule(
    "SKIP=OMIT of RFC 7529 is the usual",
    "20240131T090000",
    "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=OMIT;COUNT=2",
    "01-31",
    "03-31",
    begin="2024-01-01",
    end="2024-07-01",
)
case(
    "SKIP=BACKWARD of RFC 7529",
    event(f"{NY}20240131T090000", "RRULE:RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=3"),
    "01-31 09:00 A",
    "02-29 09:00 A",
    "03-31 09:00 A",
    begin="2024-01-01",
    end="2024-07-01",
    **Z,
)  # type: ignore[arg-type]
case(
    "another calendar of RFC 7529",
    event("DTSTART;VALUE=DATE:20240210", "RRULE:RSCALE=CHINESE;FREQ=YEARLY"),
    "02-10 day A",
    begin="2024-01-01",
    end="2025-01-01",
    unread=("how A repeats",),
)
case(
    "until a time in UTC, of days",
    event("DTSTART;VALUE=DATE:20240603", "RRULE:FREQ=DAILY;UNTIL=20240605T000000Z"),
    "06-03 day A",
    "06-04 day A",
    "06-05 day A",
    zone="America/New_York",
)

# Lengths (3.6.1, 3.8.2.5)
case("a DURATION", event("DTSTART:20240603T080000Z", "DURATION:PT1H30M"), "06-03 08:00+90 A")
case("neither end nor duration", event("DTSTART:20240603T080000Z"), "06-03 08:00+0 A")
case("a day has a day", event("DTSTART;VALUE=DATE:20240603"), "06-03 day+1 A")
case(
    "three days", event("DTSTART;VALUE=DATE:20240603", "DTEND;VALUE=DATE:20240606"), "06-03 day+3 A"
)
case(
    "a day that ends on itself",
    event("DTSTART;VALUE=DATE:20240603", "DTEND;VALUE=DATE:20240603"),
    "06-03 day+1 A",
)
case("a DURATION of days", event("DTSTART;VALUE=DATE:20240603", "DURATION:P2D"), "06-03 day+2 A")
case("a date without VALUE=DATE", event("DTSTART:20240603", "DTEND:20240604"), "06-03 day+1 A")
case(
    "an event that began before the window",
    event("DTSTART:20240531T230000Z", "DTEND:20240601T010000Z"),
    "05-31 23:00+120 A",
)
case(
    "an exact length over a change of clocks",
    event(
        "DTSTART;TZID=America/New_York:20241102T220000",
        "DTEND;TZID=America/New_York:20241103T040000",
        "RRULE:FREQ=DAILY;COUNT=2",
    ),
    "11-02 22:00+420 A",
    "11-03 22:00+420 A",
    begin="2024-11-01",
    end="2024-11-10",
    **Z,
)  # type: ignore[arg-type]
case(
    "a week of days over a change of clocks",
    event("DTSTART;TZID=America/New_York:20241101T120000", "DURATION:P3D"),
    "11-01 12:00+4380 A",
    begin="2024-11-01",
    end="2024-11-10",
    **Z,
)  # type: ignore[arg-type]

# Time zones (3.2.19, 3.6.5, 3.3.5)
case(
    "floating time is the person's",
    event("DTSTART:20240603T080000", "DTEND:20240603T090000"),
    "06-03 08:00 A",
    zone="Asia/Tokyo",
)
case(
    "a day is the person's", event("DTSTART;VALUE=DATE:20240603"), "06-03 day A", zone="Asia/Tokyo"
)
case(
    "a zone with its own definition",
    NEW_YORK.format(id="My-Zone") + event("DTSTART;TZID=My-Zone:20240603T080000", "DURATION:PT1H"),
    "06-03 12:00 A",
)
case(
    "a series in a zone with its own definition",
    NEW_YORK.format(id="My-Zone")
    + event("DTSTART;TZID=My-Zone:20241027T080000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3"),
    "10-27 12:00 A",
    "11-03 13:00 A",
    "11-10 13:00 A",
    begin="2024-10-01",
    end="2024-12-01",
)
case(
    "a definition behind its use",
    event("DTSTART;TZID=My-Zone:20240603T080000", "DURATION:PT1H") + NEW_YORK.format(id="My-Zone"),
    "06-03 12:00 A",
)
case(
    "a Windows name without a definition",
    event("DTSTART;TZID=W. Europe Standard Time:20240603T080000", "DURATION:PT1H"),
    "06-03 06:00 A",
)
case(
    "a Windows name in quotes",
    event('DTSTART;TZID="Eastern Standard Time":20240603T080000', "DURATION:PT1H"),
    "06-03 12:00 A",
)
case(
    "a Windows name with a definition",
    NEW_YORK.format(id="Eastern Standard Time")
    + event("DTSTART;TZID=Eastern Standard Time:20240603T080000", "DURATION:PT1H"),
    "06-03 12:00 A",
)
case(
    "a Mozilla name",
    event("DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20240603T080000", "DURATION:PT1H"),
    "06-03 06:00 A",
)
case(
    "tzone://Microsoft/Utc",
    event('DTSTART;TZID="tzone://Microsoft/Utc":20240603T080000', "DURATION:PT1H"),
    "06-03 08:00 A",
)
case(
    "a zone that nobody knows",
    event("DTSTART;TZID=Middle-earth/Shire:20240603T080000", "DURATION:PT1H"),
    unread=("A",),
)
case(
    "an hour that a change of clocks leaves out",
    event(
        "DTSTART;TZID=America/New_York:20240309T023000",
        "DURATION:PT30M",
        "RRULE:FREQ=DAILY;COUNT=3",
    ),
    "03-09 02:30+30 A",
    "03-10 03:30+30 A",
    "03-11 02:30+30 A",
    begin="2024-03-01",
    end="2024-04-01",
    **Z,
)  # type: ignore[arg-type]
case(
    "an hour that comes twice is the first",
    event("DTSTART;TZID=America/New_York:20241103T013000", "DURATION:PT30M"),
    "11-03 05:30+30 A",
    begin="2024-11-01",
    end="2024-11-10",
)

# Files
case(
    "folded lines",
    whole(event("DESCRIPTION:x", *MORNING, title="A long t\n itle")),
    "06-03 08:00 A long title",
)
case(
    "folded with a tab within a letter",
    whole(event(*MORNING, title="@")).replace(
        b"@", "Ü".encode()[:1] + b"\r\n\t" + "Ü".encode()[1:]
    ),
    "06-03 08:00 Ü",
)
case("line feeds alone", whole(event(*MORNING)).replace(b"\r\n", b"\n"), "06-03 08:00 A")
case("a byte order mark", b"\xef\xbb\xbf" + whole(event(*MORNING)), "06-03 08:00 A")
case(
    "Latin-1",
    whole(event(*MORNING, title="@")).replace(b"@", b"Caf\xe9"),
    "06-03 08:00 Café",
    either=(("06-03 08:00 Caf\ufffd",),),
)
case("blank lines", whole(event(*MORNING)).replace(b"\r\nUID", b"\r\n\r\nUID"), "06-03 08:00 A")
case(
    "several calendars in one file",
    whole(event(*MORNING)) + whole(event("DTSTART:20240604T080000Z", uid="b", title="B")),
    "06-03 08:00 A",
    "06-04 08:00 B",
)
case(
    "one zone in each of two calendars",
    whole(NEW_YORK.format(id="Z") + event("DTSTART;TZID=Z:20240603T080000"))
    + whole(event("DTSTART:20240604T080000Z", uid="b", title="B")),
    "06-03 12:00 A",
    "06-04 08:00 B",
)
case(
    "small letters",
    whole(event(*MORNING))
    .lower()
    .replace(b"t080000z", b"T080000Z")
    .replace(b"t090000z", b"T090000Z")
    .replace(b"t000000z", b"T000000Z"),
    "06-03 08:00 a",
)
case(
    "to-dos and journals are no events",
    whole(
        event(*MORNING) + "BEGIN:VTODO\nUID:t\nDUE:20240604T080000Z\nSUMMARY:T\nEND:VTODO\n"
        "BEGIN:VJOURNAL\nUID:j\nDTSTART:20240604T080000Z\nSUMMARY:J\nEND:VJOURNAL\n"
    ),
    "06-03 08:00 A",
)
case(
    "free and busy times are named",
    whole(
        event(*MORNING)
        + "BEGIN:VFREEBUSY\nUID:f\nDTSTART:20240604T080000Z\nDTEND:20240605T080000Z\n"
        "FREEBUSY:20240604T080000Z/PT3H\nEND:VFREEBUSY\n"
    ),
    "06-03 08:00 A",
    unread=("free/busy",),
)
case(
    "an alarm's times are its own",
    event(*MORNING, "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nEND:VALARM"),
    "06-03 08:00 A",
)
case(
    "an event without a DTSTART is named",
    event(*MORNING) + event(uid="b", title="B"),
    "06-03 08:00 A",
    unread=("B",),
)
case(
    "Outlook's own properties",
    event(
        'DTSTART;TZID="W. Europe Standard Time":20240603T100000',
        'DTEND;TZID="W. Europe Standard Time":20240603T110000',
        "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
        "CLASS:PUBLIC",
        "X-ALT-DESC;FMTTYPE=text/html:<html>a:b\\;c</html>",
    ),
    "06-03 08:00+60 A",
)
case(
    "Apple's own properties",
    event(
        "DTSTART;TZID=Europe/Berlin:20240603T100000",
        "DTEND;TZID=Europe/Berlin:20240603T110000",
        "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC",
        "X-APPLE-STRUCTURED-LOCATION;VALUE=URI;"
        'X-ADDRESS="1 Infinite Loop\\nCupertino":geo:37.33,-122.03',
    ),
    "06-03 08:00+60 A",
)
case(
    "Google's moved occurrence",
    event(
        "DTSTART;TZID=America/Los_Angeles:20240603T100000",
        "DTEND;TZID=America/Los_Angeles:20240603T110000",
        "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2",
        "SEQUENCE:1",
    )
    + event(
        "DTSTART;TZID=America/Los_Angeles:20240611T100000",
        "DTEND;TZID=America/Los_Angeles:20240611T110000",
        "RECURRENCE-ID;TZID=America/Los_Angeles:20240610T100000",
        "SEQUENCE:0",
    ),
    "06-03 17:00 A",
    "06-11 17:00 A",
)
