"""Times in words, on a clock that stands still: Wednesday 25 November 2026, 10:30 in Berlin."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.language.dates.vocabulary import DAYS
from fireside.language.moments import read_moment, shift
from fireside.tools.calls import call
from fireside.tools.clock import date_time, zone_of
from fireside.tools.tool import ToolContext

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=BERLIN)
CLOCKS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)).map(
    lambda naive: naive.replace(tzinfo=UTC).astimezone(BERLIN)
)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("next Tuesday at noon", "2026-12-01 12:00", None),
        ("Tuesday", "2026-12-01", "2026-12-02"),
        ("this Friday at 3 pm", "2026-11-27 15:00", None),
        ("Wednesday", "2026-12-02", "2026-12-03"),  # never today
        ("last Friday", "2026-11-20", "2026-11-21"),
        ("tomorrow", "2026-11-26", "2026-11-27"),
        ("the day after tomorrow at 5pm", "2026-11-27 17:00", None),
        ("tomorrow morning", "2026-11-26 08:00", "2026-11-26 12:00"),
        ("Friday in the evening", "2026-11-27 17:00", "2026-11-27 21:00"),
        ("tonight at 8", "2026-11-25 20:00", None),
        ("at 9", "2026-11-26 09:00", None),  # nine has passed
        ("at 4", "2026-11-25 16:00", None),
        ("at 03:30 tomorrow", "2026-11-26 03:30", None),
        ("at 3:30 tomorrow", "2026-11-26 15:30", None),
        ("quarter to 5 tomorrow", "2026-11-26 16:45", None),
        ("half past 12 on Monday", "2026-11-30 12:30", None),
        ("midnight", "2026-11-26 00:00", None),
        ("3 March", "2027-03-03", "2027-03-04"),
        ("March 3rd, 2027 at 14:00", "2027-03-03 14:00", None),
        ("the 3rd of March at 9.15 am", "2027-03-03 09:15", None),
        ("on the 15th", "2026-12-15", "2026-12-16"),
        ("29 February", "2028-02-29", "2028-03-01"),
        ("2026-12-24 15:00", "2026-12-24 15:00", None),
        ("2026-12-24T15:00", "2026-12-24 15:00", None),
        ("Thursday, 26 November 2026", "2026-11-26", "2026-11-27"),
        ("in two weeks", "2026-12-09", "2026-12-10"),
        ("in 3 days at 4 pm", "2026-11-28 16:00", None),
        ("in 20 minutes", "2026-11-25 10:50", None),
        ("in half an hour", "2026-11-25 11:00", None),
        ("2 hours ago", "2026-11-25 08:30", None),
        ("a week from tomorrow", "2026-12-03", "2026-12-04"),
        ("10 days before 3 March", "2027-02-21", "2027-02-22"),
        ("next week", "2026-11-30", "2026-12-07"),
        ("this weekend", "2026-11-28", "2026-11-30"),
        ("next month", "2026-12-01", "2027-01-01"),
        ("Tuesday next week at 2", "2026-12-01 14:00", None),
        ("tomorrow between 2 and 4 pm", "2026-11-26 14:00", "2026-11-26 16:00"),
        ("tomorrow from 11 to 1 pm", "2026-11-26 11:00", "2026-11-26 13:00"),
        ("now", "2026-11-25 10:30", None),
        ("tonight at midnight", "2026-11-26 00:00", None),
        ("midnight tonight", "2026-11-26 00:00", None),
        ("tonight at 12", "2026-11-26 00:00", None),
        ("tonight at 1", "2026-11-26 01:00", None),
        ("tonight at 1 am", "2026-11-26 01:00", None),
        ("tonight from 10 to 2", "2026-11-25 22:00", "2026-11-26 02:00"),
        ("Friday night at 1", "2026-11-28 01:00", None),
        ("tonight", "2026-11-25 17:00", "2026-11-25 21:00"),
        ("tomorrow at lunchtime at 1", "2026-11-26 13:00", None),
        ("this morning at 9", "2026-11-25 09:00", None),  # has passed, and is what was said
        ("9 this morning", "2026-11-25 09:00", None),
        ("in the morning at 9", "2026-11-26 09:00", None),
        ("12.11.", "2027-11-12", "2027-11-13"),
        ("12.12. at 3 pm", "2026-12-12 15:00", None),
        ("Saturday, 12. 12. 2026", "2026-12-12", "2026-12-13"),
        ("1.3.2027 14.30", "2027-03-01 14:30", None),
        ("tomorrow at 12.11.", "2026-11-26 12:11", None),
        ("tomorrow 15.30.", "2026-11-26 15:30", None),
        ("in 2 hours 30 minutes", "2026-11-25 13:00", None),
        ("in two hours and 5 minutes", "2026-11-25 12:35", None),
        ("in an hour and a half", "2026-11-25 12:00", None),
        ("in one and a half hours", "2026-11-25 12:00", None),
        ("tomorrow Thursday", "2026-11-26", "2026-11-27"),
        ("today Wednesday at 4", "2026-11-25 16:00", None),
        ("tomorrow, 26 November, at 4", "2026-11-26 16:00", None),
        ("Thursday 2026-11-26", "2026-11-26", "2026-11-27"),
        ("2026-11-26T15:00Z", "2026-11-26 16:00", None),
        ("2026-11-26T15:00:00.000Z", "2026-11-26 16:00", None),
        ("2026-11-26T23:30:00-05:00", "2026-11-27 05:30", None),
    ],
)
def test_as_people_say_it(words: str, start: str, end: str | None) -> None:
    found = read_moment(words, NOW)
    assert found.start == datetime.fromisoformat(start).replace(tzinfo=BERLIN)
    assert found.end == (end and datetime.fromisoformat(end).replace(tzinfo=BERLIN))
    assert found.timed == (":" in start)


@pytest.mark.parametrize(
    ("words", "begin", "end"),
    [
        ("7 pm to 9", "26T19:00", "26T21:00"), ("8pm to 10", "26T20:00", "26T22:00"),
        ("from 6 pm to 8", "26T18:00", "26T20:00"), ("6 to 7", "26T18:00", "26T19:00"),
        ("9 to 11", "26T09:00", "26T11:00"), ("9 to 5", "26T09:00", "26T17:00"),
        ("11 to 1", "26T11:00", "26T13:00"), ("8 to 12", "26T08:00", "26T12:00"),
        ("7 am to 9", "26T07:00", "26T09:00"), ("11 am to 1", "26T11:00", "26T13:00"),
        ("10 pm to 2", "26T22:00", "27T02:00"), ("7 pm to 12", "26T19:00", "27T00:00"),
        ("11 to 2 am", "26T23:00", "27T02:00"), ("noon to 2", "26T12:00", "26T14:00"),
        ("14:00 to 4", "26T14:00", "26T16:00"), ("22:00 to 6:00", "26T22:00", "27T06:00"),
        ("evening 7 to 9", "26T19:00", "26T21:00"), ("morning 9 to 1", "26T09:00", "26T13:00"),
        ("10 pm to midnight", "26T22:00", "27T00:00"),
    ],
)  # fmt: skip
def test_an_end_takes_the_half_of_the_day_that_lies_ahead(words: str, begin: str, end: str) -> None:
    found = read_moment(f"tomorrow {words}", NOW)
    assert (found.start, found.end) == tuple(
        datetime.fromisoformat(f"2026-11-{each}").replace(tzinfo=BERLIN) for each in (begin, end)
    )


@pytest.mark.parametrize(
    ("words", "dated"),
    [("at 4", False), ("2 to 4", False), ("in the afternoon", False), ("today at 4", True),
     ("tonight at 8", True), ("this afternoon at 4", True), ("Friday at 4", True),
     ("in 2 hours", True), ("12.12. at 4", True)],
)  # fmt: skip
def test_it_says_whether_a_day_was_named(words: str, dated: bool) -> None:
    assert read_moment(words, NOW).dated == dated


def test_after_midnight_tonight_is_the_night_that_lasts() -> None:
    assert read_moment("tonight at 1", NOW.replace(hour=0)).start == NOW.replace(hour=1, minute=0)


@pytest.mark.parametrize(
    "words",
    ["", "soon", "tonight at 9 am", "tomorrow evening at 1", "31.2.", "Thursday 12.12.2026",
     "next blursday", "31 February", "tomorrow at 25:00", "12/25", "Tuesday or Friday",
     "tomorrow Wednesday", "today 24 November", "Friday 2026-11-26", "in 2 hours 30",
     "tomorrow if it rains", "in 99999999 years", "13 pm", "x" * 300, "from", "in 5", "\x00",
     "Tuesday, 25 November 2026"],
)  # fmt: skip
def test_half_a_date_is_no_date(words: str) -> None:
    with pytest.raises(BadRequest, match=r"not clear|at most|which is meant"):
        read_moment(words, NOW)


@given(st.text(max_size=60), CLOCKS)
def test_any_words_are_a_time_or_one_clear_line(words: str, now: datetime) -> None:
    try:
        found = read_moment(words, now)
    except BadRequest as error:
        told = error.message
    else:
        told = ""
        assert found.end is None or found.start <= found.end
    assert "\n" not in told


WORDS = st.lists(
    st.sampled_from(
        [*DAYS, "next", "in", "3", "days", "at", "noon", "pm", "tomorrow", "march", "the", "5th",
         "week", "ago", "from", "2", "to", "half", "past", "morning", ":", "2026-11-30"]
    ),
    max_size=7,
).map(" ".join)  # fmt: skip


@given(WORDS, CLOCKS)
def test_also_words_that_look_like_one(words: str, now: datetime) -> None:
    with contextlib.suppress(BadRequest):
        read_moment(words, now)


@given(st.sampled_from(DAYS), CLOCKS)
def test_weekdays_keep_their_promise(day: str, now: datetime) -> None:
    today = now.date()
    plain, following, gone = (
        read_moment(f"{which}{day}", now).start.date() for which in ("", "next ", "last ")
    )
    assert {plain.weekday(), following.weekday(), gone.weekday()} == {DAYS.index(day)}
    assert today < plain <= today + timedelta(7)
    monday = today - timedelta(today.weekday())
    assert monday + timedelta(7) <= following < monday + timedelta(14)
    assert today - timedelta(7) <= gone < today


@given(st.dates(date(2001, 1, 1), date(2089, 1, 1)), CLOCKS)
def test_a_date_written_out_is_that_date(day: date, now: datetime) -> None:
    for text in (f"{day:%Y-%m-%d}", f"{day.day} {day:%B %Y}", f"{day:%B} {day.day}, {day:%Y}"):
        assert read_moment(text, now).start.date() == day


@given(CLOCKS, st.integers(1, 500))
def test_days_keep_the_wall_clock_and_hours_pass_as_they_do(now: datetime, count: int) -> None:
    hours = shift(now, count, "hour")
    assert hours - now.astimezone(UTC) == timedelta(hours=count)
    days = shift(now, count, "day")
    assert days.date() == now.date() + timedelta(count)
    skipped = days.time() != now.time()
    assert not skipped or days.utcoffset() != now.utcoffset() or now.fold


def test_a_time_that_a_change_of_clocks_leaves_out_moves_on() -> None:
    now = datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    assert read_moment("tomorrow at 02:30", now).start.strftime("%H:%M %z") == "03:30 +0200"


def said(now: datetime = NOW, **arguments: str) -> str:
    context = ToolContext(now=now, timezone=BERLIN)
    return call(date_time, json.dumps(arguments), context).outcome.for_model


def test_the_tool_says_what_it_understood() -> None:
    assert said(when="next Tuesday") == "Tuesday 1 December 2026, 6 days after now."
    assert said(when="25 December", since="1 December") == (
        "Friday 25 December 2026, 24 days after 1 December 2026."
    )
    assert said(when="now", place="Tokyo") == (
        "Wednesday 25 November 2026, 18:30, time zone Asia/Tokyo."
    )
    assert said(when="today") == "Wednesday 25 November 2026, today."
    assert said(when="tomorrow at noon").startswith("Thursday 26 November 2026, 12:00, 1 day after")
    assert said(when="at 13:15").endswith("2 hours 45 minutes after now, time zone Europe/Berlin.")
    assert said(when="now", place="Atlantis").startswith("Error: The time zone of 'Atlantis'")


@pytest.mark.parametrize("place", ["New York", "new york", "America/New_York", "Beijing", "UTC"])
def test_places_are_cities_or_zones(place: str) -> None:
    assert zone_of(place)
