"""Answers to sums: found, checked exactly, and counted; what is no answer is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.practice import PracticeConfig, Progress, progress_of
from fireside.language.sums.answers import check_answer, find_question


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
        ("What is the sum of 3 + 4?", "3 + 4"),
        ("What is √16 + 9?", "√16 + 9"),
        ("What is 17% of 240?", "17% of 240"),
        ("What is half of 8 + 2?", None),
        ("What is 60 × 2 in hours?", None),
        ("", None),
    ],
)
def test_the_question(text: str, found: str | None) -> None:
    assert find_question(text) == found


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
    assert [each.right for each in check_answer(message, question)] == right


@pytest.mark.parametrize(
    ("message", "right"),
    [
        ("1/2 + 1/4 = 3/4", True),
        ("1/2 + 1/4 = 2/6", False),
        ("7 × 8 = 7 × 4 × 2 = 56", True),
        ("7 × 8 = 7 × 4 × 2 = 54", False),
        ("5 + 3 = 4 + 4", True),
        ("5 + 3 = 4 + 5", False),
        ("54 = 7 × 8", False),
        ("12 × 5 = 10 × 5 + 2 × 5 = 60", True),
        ("12 × 5\n= 10 × 5 + 2 × 5\n= 61", False),
        ("3/4 = 75%", True),
        ("1/2 is 50%", True),
        ("1/2 is 40%", False),
        ("1/2 = 2/4", True),
        ("10 / 3 = 3 1/3", True),
        ("10 / 4 = 2 remainder 2", True),
        ("10 / 4 = 2 r 2", True),
        ("10 / 4 = 2 R3", False),
        ("√16 + 2 = 6", True),
        ("√2 * √2 = 2", True),
        ("- 2 + 5 = 3", True),
        ("6 ÷ 4 = 1,5", True),
        ("2,5 * 2 = 5", True),
        ("5 - 8 = minus 3", True),
        ("**7 × 8 = 56**", True),
        ("(7 × 8 = 54)", False),
        ("7 × 8 = 54 :)", False),
        ("7 × 8 = 54 (I think)", False),
        ("Is 7 × 8 = 54?", False),
        ("5² + 3 = 28", True),
        ("7 × 8 != 54", True),
        ("7 × 8 is not 56", False),
        ("5 / 2 = 2 and a half", True),
        ("5 / 2 = 2 and 1/2", True),
        ("10 / 4 = 2 (r 2)", True),
        ("so 3/4 of 20 is 12", False),
        ("the square of 12 is 154", False),
        ("seven times eight is fifty-four", False),
        ("seven and eight make fifteen", True),
        ("56 is 7 times 8", True),
        ("54 is 7 times 8", False),
        ("Is 7 × 8 54?", False),
        ("isn't 7 × 8 56?", True),
        ("is 54 the answer to 7 × 8?", False),
        ("for 7 × 8 I got 54", False),
        ("7 × 8? 54!", False),
        ("3 cm + 4 cm = 8 cm", False),
        ("7 × 8 = 54 apples", False),
        ("7 × 8 > 60", False),
        ("7 × 8 is more than 50", True),
        ("I don't think 7 × 8 is 54", True),
        ("7 × 8 = 56 is wrong", False),
        ("3.50 + 1.25 = 4.8", False),
        ("1.25 + 2.25 = 3.50", True),
        ("-3 + 5 = 2", True),
        ("17% of 240 is 41", False),
        ("七乘以八等于五十四", False),
    ],
)
def test_both_sides_are_calculated(message: str, right: bool) -> None:
    assert [each.right for each in check_answer(message, None)] == [right]


@pytest.mark.parametrize(
    "message",
    [
        "x + 3 + 4 = 11",
        "2x + 3 = 7",
        "2x - 3 = 7",
        "3! - 2 × 2 = 2",
        "2024-12-25 is 3 days away",
        "60 × 2 = 2 hours",
        "10 * 100 = 1 000",
        "2,500 * 2 = 5",
        "7×8=56,3+4=7",
        "the square root of 16 + 9 = 5",
        "10 + 20% = 12",
        "Problem 4 is 5 - 2",
        "7 × 8 = 7 × 8",
    ],
)
def test_what_is_not_read_whole_is_not_judged(message: str) -> None:
    assert check_answer(message, None) == []


@pytest.mark.parametrize(
    ("message", "asked", "right"),
    [
        ("minus 3", "What is 5 - 8?", [True]),
        ("75%", "What is 3 / 4?", [True]),
        ("3 1/3", "What is 10 / 3?", [True]),
        ("2 r 2", "What is 10 / 4?", [True]),
        ("2,5", "What is 10 : 4?", [True]),
        ("12", "What is 10 + 20%?", []),
        ("give me 2 hints", "What is 7 x 8?", []),
        ("question 2", "What is 7 x 8?", []),
        ("I'm 12", "What is 7 x 8?", []),
        ("not 54", "What is 7 x 8?", []),
        ("3/4", "What is 3/4?", []),
    ],
)
def test_an_answer_alone(message: str, asked: str, right: list[bool]) -> None:
    assert [each.right for each in check_answer(message, find_question(asked))] == right


def test_two_lines_of_a_list() -> None:
    said = check_answer("- 7 × 8 = 56\n- 3 + 4 = 8", None)
    assert [each.right for each in said] == [True, False]
    assert check_answer("- 7 × 8 = 56", None) == []  # a dash, or a minus?


def test_what_is_said() -> None:
    config = PracticeConfig(sums=True)
    (right,), (wrong,) = check_answer("56", "7 × 8"), check_answer("54", "7 × 8")
    assert config.verdict_on(right) == "Right: 7 × 8 = 56."
    assert config.verdict_on(wrong) == "Not yet: 7 × 8 is not 54."
    (whole,) = check_answer("1/2 + 1/4 = 3/4", None)
    assert config.verdict_on(whole) == "Right: 1/2 + 1/4 = 3/4."
    assert right.kind == "multiplication"
    assert check_answer("1", "2 - 3 + 2")[0].kind == "arithmetic"


def test_a_flood_of_sums_is_bounded() -> None:
    assert len(check_answer("1 + 1 = 2 " * 10_000, None)) == 10
    assert check_answer("5", find_question("1 + " * 100_000 + "1?")) == []
    assert check_answer("9" * 100_000, "1 + 1") == []


@given(st.integers(-999, 999), st.sampled_from("+-*"), st.integers(0, 999), st.integers(-5, 5))
def test_it_is_arithmetic(left: int, sign: str, right: int, off: int) -> None:
    result = {"+": left + right, "-": left - right, "*": left * right}[sign]
    (one,) = check_answer(f"so it's {result + off}", f"{left} {sign} {right}")
    assert one.right == (off == 0)
    assert one.result == str(result)


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_read(message: str, question: str) -> None:
    check_answer(message, find_question(question))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_progress_is_read_as_it_is_written(right: int, of: int) -> None:
    progress = Progress(kind="addition", right=right, of=of)
    assert progress_of(progress.text) == progress
