"""A multi grader's arithmetic: as Python counts, and nothing that Python runs."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.graders.formula import BadFormula, check, evaluate

NUMBERS = st.floats(0, 100, allow_nan=False).map(lambda x: f"{x:.3f}")
FORMULAS = st.recursive(
    NUMBERS | st.sampled_from(["a", "b_2"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"{t[0]}{t[1]} {t[2]}"),
        inner.map(lambda x: f"-({x})"),
        st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]}, 1)"),
        inner.map(lambda x: f"abs({x})"),
    ),
    max_leaves=12,
)
VALUES = {"a": 0.25, "b_2": 3.0}


@given(FORMULAS)
def test_it_counts_as_python_does(text: str) -> None:
    try:
        expected = eval(text, {"max": max, "abs": abs}, dict(VALUES))  # our own text
    except ZeroDivisionError:
        expected = math.nan
    if not math.isfinite(expected):
        with pytest.raises(BadFormula, match="no finite value"):
            evaluate(text, VALUES)
    else:
        assert evaluate(text, VALUES) == pytest.approx(expected)
    check(text, list(VALUES))


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    with suppress(BadFormula):
        assert math.isfinite(evaluate(text, VALUES))


@pytest.mark.parametrize(
    "text",
    [
        "", "1 +", "(1", "1)", "c", "a b_2", "__import__('os')", "a.real", "max()", "sqrt(1, 2)",
        "sqrt(-1)", "log(0)", "exp(1e9)", "9^9^9^9", "1/0", "(" * 5000, "1" * 3000, "^" * 100,
        "2^" * 900 + "2", "lambda: 1", "a if a else 1", "[1]", "'a'",
    ],
)  # fmt: skip
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(BadFormula):
        evaluate(text, VALUES)


def test_powers_bind_first_and_to_the_right() -> None:
    assert evaluate("2^3^2", {}) == 512
    assert evaluate("-2^2", {}) == -4
    assert evaluate("2 * 3 ^ 2 + floor(1.5) + ceil(1.2) + sqrt(4)", {}) == 23


def test_a_grader_may_be_called_as_a_function_is() -> None:
    assert evaluate("max + 1", {"max": 2.0}) == 3.0
