"""Parsers of values: what they find stands in the text, and their normal forms come back."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.dialogue.config import SlotConfig
from fireside.dialogue.kinds import candidates
from fireside.dialogue.spans import after, answer, options
from fireside.language.days import find_days
from fireside.language.mentions import Mention
from fireside.language.numbers import find_numbers, number_of_words
from fireside.language.times import find_times
from tests.measures import seconds

TODAY = date(2026, 11, 22)  # a Sunday
PIECES = """
    12 3/4 5pm noon next tuesday march 3rd the first of in three days half past to 11:30 two hundred
    and 99 - . , : 明天 三点 a@b.de +49 170 1234567 yes no from Rome
""".split()  # noqa: SIM905
ANYTHING = st.text(max_size=80) | st.lists(
    st.sampled_from(PIECES),
    max_size=12,
).map(" ".join)
KINDS = [
    SlotConfig(type="number"),
    SlotConfig(type="date"),
    SlotConfig(type="time"),
    SlotConfig(type="yes_no"),
    SlotConfig(type="email"),
    SlotConfig(type="phone"),
    SlotConfig(type="choice", choices={"red": ("crimson",), "blue": ()}),
    SlotConfig(type="pattern", pattern="[A-Z]{2}-[0-9]+"),
    SlotConfig(type="text"),
]


def values(found: list[Mention]) -> list[str]:
    return [each.value for each in found]


@given(ANYTHING)
def test_whatever_is_found_stands_in_the_text(text: str) -> None:
    found = [each for kind in KINDS for each in candidates(kind, text, today=TODAY)]
    found += [*options(text), *after(["from", "to"], text)]
    whole = answer(text)
    for each in [*found, *([whole] if whole else [])]:
        assert text[each.start : each.end] == each.words
        assert each.words
        assert each.value


@given(st.dates(date(1990, 1, 1), date(2199, 12, 31)))
def test_a_date_in_iso_is_itself(day: date) -> None:
    assert values(find_days(f"on {day.isoformat()}, please", TODAY)) == [day.isoformat()]
    assert values(find_days(f"{day:%B} {day.day}, {day.year}", TODAY)) == [day.isoformat()]


@given(st.dates(date(2020, 1, 1), date(2090, 12, 31)), st.integers(0, 6))
def test_a_weekday_is_in_the_coming_seven_days(today: date, ahead: int) -> None:
    day = today + timedelta(days=ahead or 7)
    assert values(find_days(f"{day:%A}", today)) == [day.isoformat()]


@given(st.integers(0, 23), st.integers(0, 59))
def test_a_time_is_itself_on_both_clocks(hour: int, minute: int) -> None:
    wanted = f"{hour:02}:{minute:02}"
    assert values(find_times(f"at {wanted}")) == [wanted]
    half = "am" if hour < 12 else "pm"
    assert values(find_times(f"at {hour % 12 or 12}:{minute:02} {half}.")) == [wanted]


@given(st.integers(0, 10**9))
def test_digits_are_their_number(number: int) -> None:
    assert values(find_numbers(f"give me {number} of them")) == [str(number)]
    assert values(find_numbers(f"give me {number:,} of them")) == [str(number)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("tomorrow", "2026-11-23"),
        ("the day after tomorrow", "2026-11-24"),
        ("next Tuesday", "2026-11-24"),
        ("in three days", "2026-11-25"),
        ("in a week", "2026-11-29"),
        ("the 12th", "2026-12-12"),
        ("March 3rd", "2027-03-03"),
        ("3rd of March", "2027-03-03"),
        ("on the third of march 2028", "2028-03-03"),
        ("明天", "2026-11-23"),
        ("3月5日", "2027-03-05"),
        ("下周二", "2026-11-24"),
        ("Feb 29", "2028-02-29"),
    ],
)
def test_days(text: str, day: str) -> None:
    assert values(find_days(text, TODAY)) == [day]


@pytest.mark.parametrize(
    "text",
    ["may I sit", "he sat there", "Feb 30", "the first one", "3.4", "1/2/3/4", "the sun", ""],
)
def test_no_days(text: str) -> None:
    assert values(find_days(text, TODAY)) == []


def test_two_readings_are_both_given_and_the_policy_may_prefer_one() -> None:
    assert values(find_days("on 3/4", TODAY)) == ["2027-03-04", "2027-04-03"]
    assert values(find_days("on 25/4", TODAY)) == ["2027-04-25"]
    slot = SlotConfig(type="date")
    for order, wanted in (("day_first", "2027-04-03"), ("month_first", "2027-03-04")):
        found = candidates(slot, "on 3/4", today=TODAY, date_order=order)
        assert values(found) == [wanted]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("half past 11 in the morning", "11:30"),
        ("quarter to six in the evening", "17:45"),
        ("noon", "12:00"),
        ("12:30 am", "00:30"),
        ("5 p.m.", "17:00"),
        ("evening 6:15", "18:15"),
        ("下午三点半", "15:30"),
        ("17h40", "17:40"),
    ],
)
def test_times(text: str, time: str) -> None:
    assert values(find_times(text)) == [time]


@pytest.mark.parametrize("text", ["25:00", "13 pm", "12:75", "1:2:3", "version 11.305"])
def test_no_times(text: str) -> None:
    assert values(find_times(text)) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("two hundred and five", ["205"]),
        ("twenty-two", ["22"]),
        ("a couple of us", ["2"]),
        ("that one, a one way flight", []),
        ("one of them", []),
        ("I have one bag", ["1"]),
        ("三张票", ["3"]),
        ("AB-1234", []),
        ("1,200.50", ["1200.5"]),
    ],
)
def test_numbers(text: str, wanted: list[str]) -> None:
    assert values(find_numbers(text)) == wanted


def test_words_that_make_no_number() -> None:
    assert number_of_words("two three") is None
    assert number_of_words("twenty hundred one two") is None


def test_choices_are_whole_words_in_any_case() -> None:
    slot = SlotConfig(type="choice", choices={"wrong_item": ("not what i ordered",), "red": ()})
    assert values(candidates(slot, "It is NOT what I  ordered!", today=TODAY)) == ["wrong_item"]
    assert values(candidates(slot, "the wrong item", today=TODAY)) == ["wrong_item"]
    assert values(candidates(slot, "I am tired", today=TODAY)) == []


def test_contacts_in_normal_form() -> None:
    mail, phone = SlotConfig(type="email"), SlotConfig(type="phone")
    assert values(candidates(mail, "Write to Me@Example.COM.", today=TODAY)) == ["me@example.com"]
    found = candidates(phone, "call +49 (170) 123-4567 now", today=TODAY)
    assert values(found) == ["+491701234567"]
    assert values(candidates(phone, "order 12345", today=TODAY)) == []


def test_names_by_their_cues_and_answers_without_their_wrapping() -> None:
    assert values(after(["from"], "from New York to Rome")) == ["New York"]
    assert values(after(["at"], "at the House of Pancakes and leave")) == ["House of Pancakes"]
    assert values(after(["to"], "I want to check in to Rome")) == ["Rome"]
    for said in ("Rome", "It's Rome, please.", "I'm going to Rome", "rome thanks"):
        found = answer(said)
        assert found is not None
        assert found.value.lower() == "rome"
    assert answer("  please ") is None


def test_long_text_takes_no_long_time() -> None:
    """Parsers are linear enough: a hundred thousand letters are read by all of them."""
    text = "from Rome to New York on the 3rd of March at 5 pm for two people, " * 1_500
    for kind in KINDS:
        assert seconds(partial(candidates, kind, text, today=TODAY)) < 10
    assert len(options(text)) == 160


def test_a_pattern_that_never_ends_finds_nothing(caplog: pytest.LogCaptureFixture) -> None:
    slot = SlotConfig(type="pattern", pattern=r"(?:\w|\w\w)+[.;]")
    assert values(candidates(slot, "ab 12;", today=TODAY)) == ["12;"]
    assert candidates(slot, "a" * 200, today=TODAY) == []
    assert "was not read" in caplog.text


@pytest.mark.parametrize(
    "tail", ["", ".", ", please!", ", please, if possible。 ", " thanks " * 5_000]
)
def test_the_tail_of_an_answer_is_taken_off(tail: str) -> None:
    found = answer(f"It's Rome{tail}")
    assert found is not None
    assert found.value == "Rome"
