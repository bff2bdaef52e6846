"""The next exercise of the tutor, and a hint that tells no result."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.exercises import harder, hint, solution, symbols_of
from fireside.language.arithmetic import evaluate

NUMBERS = st.integers(0, 200)


@pytest.mark.parametrize(
    ("sum_", "exercise"),
    [
        ("3/4", "1/4 × 16"),
        ("1 ÷ 2", "1/2 × 4"),
        ("12 ÷ 4", "20 ÷ 5"),
        ("13 ÷ 4", "20 ÷ 5"),
        ("7 × 8", "8 × 8"),
        ("100 ÷ 0", None),
    ],
)
def test_the_next_exercise(sum_: str, exercise: str | None) -> None:
    assert harder(sum_) == exercise


@given(NUMBERS, st.sampled_from("+-×÷"), NUMBERS)
def test_the_next_exercise_has_a_whole_result_and_is_not_trivial(
    left: int, sign: str, right: int
) -> None:
    following = harder(f"{left} {sign} {right}")
    if following is None:
        assert (sign, right) == ("÷", 0)
        return
    result = Fraction(evaluate(symbols_of(following)))
    assert result.denominator == 1
    assert result >= 0
    if sign == "÷" and left:
        assert result > 1


@pytest.mark.parametrize(
    ("sum_", "word"),
    [
        ("3 ÷ 4", "less than 1"),
        ("7 - 9", "below zero"),
        ("5 ÷ 0", "Is there one?"),
        ("42 ÷ 6", "how often does 6 fit into 42"),
    ],
)
def test_a_hint_fits_the_sum(sum_: str, word: str) -> None:
    assert word in hint(sum_)


def test_a_division_by_zero_has_no_value() -> None:
    assert solution("5 ÷ 0") == "5 ÷ 0 has no value."
