"""Days in words, of both callers: no wrong day, and the plain ones are read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.dialogue.config import SlotConfig
from fireside.dialogue.kinds import candidates
from fireside.errors import BadRequest
from fireside.language.dates.reader import day_phrases
from fireside.language.dates.vocabulary import DAYS
from fireside.language.days import find_days
from fireside.language.moments import read_moment
from fireside.language.times import find_times
from tests.measures import seconds

sys.path.insert(0, str(Path(__file__).parent))

from corpus import (  # type: ignore[import-not-found]
    FOURTH,
    HELD_OUT,
    SECOND,
    SENTENCES,
    THIRD,
    TODAY,
    TUNED,
    cases,
)

NOW = datetime(2024, 11, 13, 10, tzinfo=UTC)


def of_dialogue(words: str) -> set[str]:
    return {each.value for each in find_days(words, TODAY)}


def of_tools(words: str) -> set[str]:
    try:
        moment = read_moment(words, NOW)
    except BadRequest:
        return set()
    whole = moment.end is not None and moment.end - moment.start > timedelta(1)
    return set() if whole else {moment.start.date().isoformat()}


@pytest.mark.parametrize("reader", [of_dialogue, of_tools])
@pytest.mark.parametrize(
    ("words", "allowed", "must"),
    [*cases(TUNED), *cases(HELD_OUT), *cases(SECOND), *cases(THIRD), *cases(FOURTH)],
)
def test_a_day_or_a_question(
    reader: Callable[[str], set[str]], words: str, allowed: frozenset[str], must: bool
) -> None:
    got = reader(words)
    assert got <= allowed
    assert got == allowed or not must


@pytest.mark.parametrize("reader", [of_dialogue, of_tools])
@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ("three quarters of a year from today", set()),
        ("two thirds of a week from Friday", set()),
        ("a fraction of a month from now", set()),
        ("Fri 13", set()),  # the next Friday is the 15th
        ("Friday, 22", set()),
        ("Fri. 13", set()),
        ("Friday 11 at 15:00", set()),
        ("Fri 15", {"2024-11-15"}),
        ("Friday 15 at 3 pm", {"2024-11-15"}),
        ("Fri 13:00", {"2024-11-15"}),
        ("Friday 15 November", {"2024-11-15"}),
        ("a couple of days from now", {"2024-11-15"}),
    ],
)
def test_a_part_of_a_length_and_a_bare_day_of_the_month(
    reader: Callable[[str], set[str]], words: str, allowed: set[str]
) -> None:
    assert reader(words) == allowed


@pytest.mark.parametrize("words", ["Friday 13 people", "on Friday 22 of us"])
def test_a_number_of_something_is_no_day(words: str) -> None:
    assert of_dialogue(words) == {"2024-11-15"}


@pytest.mark.parametrize(("sentence", "allowed", "must"), cases(SENTENCES))
def test_within_a_sentence(sentence: str, allowed: frozenset[str], must: bool) -> None:
    got = of_dialogue(sentence)
    assert got <= allowed
    assert got == allowed or not must


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("from Friday to Monday", ["2024-11-15", "2024-11-18"]),
        ("from Monday to Friday", ["2024-11-18", "2024-11-22"]),
        ("between the 3rd and the 5th of May", ["2025-05-03", "2025-05-05"]),
        ("from 30 December to 2 January", ["2024-12-30", "2025-01-02"]),
        ("3-5 May", []), ("Nov 14-16", []), ("March 3 or 4", []),
        ("more than 2 people on Friday", ["2024-11-15"]),
        ("Find flights about Rome on Friday", ["2024-11-15"]),
        ("I lost my card and need a new one by Friday", ["2024-11-15"]),
        ("not Tuesday but Friday", ["2024-11-15"]), ("no, Tuesday", ["2024-11-19"]),
        ("I am not in the mood to cook today", ["2024-11-13"]),
        ("上周一", ["2024-11-04"]), ("大后天", ["2024-11-16"]), ("不是周一", []),
        ("周一或周二", []),
        ("每周一", []), ("周五之前", []), ("下下周二", ["2024-11-26"]),
    ],
)  # fmt: skip
def test_several_days_and_words_further_off(text: str, days: list[str]) -> None:
    assert [each.value for each in find_days(text, TODAY)] == days


def test_of_two_days_a_form_may_ask_which() -> None:
    slot = SlotConfig(type="date")
    found = candidates(slot, "Monday or Tuesday", today=TODAY)
    assert [each.value for each in found] == ["2024-11-18", "2024-11-19"]
    assert candidates(slot, "not Monday or Tuesday", today=TODAY) == []


def test_a_word_that_a_form_knows_is_no_question() -> None:
    slot = SlotConfig(type="date")
    assert candidates(slot, "until Friday", today=TODAY) == []
    (found,) = candidates(slot, "until Friday", today=TODAY, cues={"until"})
    assert found.value == "2024-11-15"


@pytest.mark.parametrize(
    ("text", "found"),
    [("at 3", ["03:00", "15:00"]), ("at 03:00", ["03:00"]), ("at 3 pm", ["15:00"]),
     ("not at 3 pm", []), ("3 or 4 pm", []), ("before 5 pm", []), ("until 17:00", []),
     ("at 5 pm CET", []), ("at 5 pm UTC", []), ("around 6 pm", ["18:00"]), ("24:00", [])],
)  # fmt: skip
def test_an_hour_of_two_readings_or_changed_by_a_word_is_a_question(
    text: str, found: list[str]
) -> None:
    assert [each.value for each in find_times(text)] == found


@given(st.sampled_from(DAYS), st.dates(date(2001, 1, 1), date(2089, 1, 1)))
def test_both_callers_read_the_same(day: str, today: date) -> None:
    now = datetime(today.year, today.month, today.day, 10, tzinfo=UTC)
    for words in (day, f"next {day}", f"last {day}", f"{day} next week", f"3 days before {day}"):
        (found,) = find_days(words, today)
        assert found.value == read_moment(words, now).start.date().isoformat()


WORDS = st.lists(
    st.sampled_from([*DAYS, "the", "next", "last", "first", "of", "month", "week", "day", "before",
                     "after", "in", "3", "two", "days", "or", "not", "may", "3rd", "2024-02-30",
                     "-", "to", "from", "today", "3/4", "ago", ",", "2024", "周一", "every"]),
    max_size=9,
).map(" ".join)  # fmt: skip


@given(WORDS, st.dates())
def test_any_words_end_in_phrases_that_stand_in_the_text(text: str, today: date) -> None:
    last = 0
    for phrase in day_phrases(text, today):
        assert last <= phrase.start < phrase.end <= len(text)
        last = phrase.end


@pytest.mark.parametrize(
    "seed", ["the day before ", "a week from ", "first Monday of ", "not ", "3 days before Friday ",
             "3rd and ", "monday or ", "may 3 - ", "周一或"],
)  # fmt: skip
def test_twice_the_text_is_about_twice_the_work(seed: str) -> None:
    def cost(size: int) -> float:
        text = (seed * size)[:size]
        return seconds(lambda: day_phrases(text, TODAY), tries=2)

    cost(500)
    assert cost(16_000) < 8 * cost(4_000) + 0.1
