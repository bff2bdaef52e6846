"""Answers to sums: found, checked exactly, and counted; what is no answer is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.practice import (
    PracticeConfig,
    Progress,
    checked,
    progress_of,
    question_in,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Good. What is 7 × 8?", "7 × 8"),
        ("Try 12 + 5 = ?", "12 + 5"),
        ("What do you get for 3 times 4?", "3 times 4"),
        ("Can you work out 7x8?", "7x8"),
        ("We know 2 + 2 = 4. What is 4 + 4?", "4 + 4"),
        ("7 × 8 = 56. Well done!", None),
        ("What is the capital of France?", None),
        ("Are you free from 3 to 4?", None),
        ("Between 10-12 people came. Who were they?", None),
        ("", None),
    ],
)
def test_the_question(text: str, found: str | None) -> None:
    assert question_in(text) == found


@pytest.mark.parametrize(
    ("message", "question", "right"),
    [
        ("56", "7 × 8", [True]),
        ("I think it is 54.", "7 × 8", [False]),
        ("7 × 8 = 56", None, [True]),
        ("7 x 8 is 54 and 2 + 2 = 4", None, [False, True]),
        ("3 times 4 makes 12", None, [True]),
        ("1,000", "10 * 100", [True]),
        ("-3", "4 - 7", [True]),
        ("0.33", "1/3", [True]),
        ("0.34", "1/3", [False]),
        ("2.5", "10 : 4", [True]),
        ("54 or 56?", "7 × 8", []),  # which one is it?
        ("I do not know", "7 × 8", []),
        ("What is 3 + 4?", "7 × 8", []),  # asks, and answers nothing
        ("5", "3 / 0", []),
        ("5", None, []),
        ("", "7 × 8", []),
    ],
)
def test_the_answer(message: str, question: str | None, right: list[bool]) -> None:
    assert [each.right for each in checked(message, question)] == right


def test_what_is_said() -> None:
    config = PracticeConfig(sums=True)
    (right,), (wrong,) = checked("56", "7 × 8"), checked("54", "7 × 8")
    assert config.said(right) == "Right: 7 × 8 = 56."
    assert config.said(wrong) == "Not yet: 7 × 8 is not 54."
    assert right.kind == "multiplication"
    assert checked("1", "2 - 3 + 2")[0].kind == "arithmetic"


def test_a_flood_of_sums_is_bounded() -> None:
    assert len(checked("1 + 1 = 2 " * 10_000, None)) == 10
    assert checked("5", question_in("1 + " * 100_000 + "1?")) == []
    assert checked("9" * 100_000, "1 + 1") == []


@given(st.integers(-999, 999), st.sampled_from("+-*"), st.integers(0, 999), st.integers(-5, 5))
def test_it_is_arithmetic(left: int, sign: str, right: int, off: int) -> None:
    result = {"+": left + right, "-": left - right, "*": left * right}[sign]
    (one,) = checked(f"so it's {result + off}", f"{left} {sign} {right}")
    assert one.right == (off == 0)
    assert one.result == str(result)


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_read(message: str, question: str) -> None:
    checked(message, question_in(question))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_progress_is_read_as_it_is_written(right: int, of: int) -> None:
    progress = Progress(kind="addition", right=right, of=of)
    assert progress_of(progress.text) == progress
