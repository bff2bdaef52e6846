"""Arithmetic as text: Python's own, exactly, and nothing that takes long."""

from __future__ import annotations

import ast
import contextlib
import json
import operator
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.language.arithmetic import evaluate, format_number
from fireside.language.exact_numbers import FUNCTIONS
from fireside.tools.calculator import calculate
from fireside.tools.calls import call
from fireside.tools.tool import ToolContext

NUMBERS = st.integers(0, 99).map(str) | st.decimals(0, 99, places=2).map(str)


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from([" + ", "-", " * ", "/", " // ", " % "])
    return (
        st.tuples(parts, signs, parts).map("".join)
        | parts.map(lambda inner: f"({inner})")
        | parts.map(lambda inner: f"-{inner}")
        | st.tuples(parts.map(lambda p: f"({p})"), st.integers(0, 3)).map(
            lambda p: f"{p[0]}**{p[1]}"
        )
    )


def tried(text: str) -> Fraction | Decimal | str:
    """The value, or the line that says why there is none."""
    try:
        return evaluate(text)
    except BadRequest as error:
        return error.message


OPERATIONS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip


def by_python(node: ast.expr, text: str) -> Fraction:
    """Python's grammar, over fractions."""
    match node:
        case ast.BinOp(left=left, op=sign, right=right):
            return Fraction(OPERATIONS[type(sign)](by_python(left, text), by_python(right, text)))
        case ast.UnaryOp(operand=operand):
            return -by_python(operand, text)
    return Fraction(ast.get_source_segment(text, node) or "")


@given(st.recursive(NUMBERS, joined, max_leaves=12))
def test_it_is_pythons_arithmetic_over_fractions(text: str) -> None:
    try:
        expected = by_python(ast.parse(text, mode="eval").body, text)
    except ZeroDivisionError:
        with pytest.raises(BadRequest, match=r"zero|digits"):
            evaluate(text)
        return
    found = tried(text)
    assert found == expected or (isinstance(found, str) and "digits" in found)


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_one_clear_line(text: str) -> None:
    found = tried(text)
    assert "\n" not in (found if isinstance(found, str) else format_number(found))


PIECES = st.sampled_from(
    [f"{name}(" for name in FUNCTIONS]
    + ["0", "2", "9", "0.5", "1e9", "pi", "e", "(", ")", "(", ")", ")", ","]
    + ["**", "//", "%", "!", "-", "+", "of"]
)


@given(st.lists(PIECES, max_size=12).map(" ".join))
def test_functions_of_anything_too(text: str) -> None:
    found = tried(text)
    assert isinstance(found, str) or format_number(found)


@given(st.text(alphabet="0123456789+-*/%^()., esqrtpi!", max_size=40))
def test_what_looks_like_arithmetic_too(text: str) -> None:
    with contextlib.suppress(BadRequest):
        format_number(evaluate(text))


@given(st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=10**6))
def test_what_is_written_exactly_reads_back(number: Fraction) -> None:
    text = format_number(number)
    exact = text.partition(" ≈ ")[0]
    assert evaluate(exact) == number


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("17% of 240", "40.8"), ("50%", "0.5"), ("20% * 50", "10"), ("5 % 3", "2"), ("-7 % 3", "2"),
        ("12 x 7", "84"), ("12 times 7", "84"), ("1,234.5 + 1", "1235.5"), ("2^10", "1024"),
        ("6 ÷ 4 × 2 − 1", "2"), ("2**3**2", "512"), ("-2**2", "-4"), ("2**-1", "0.5"),
        ("0.1 + 0.2", "0.3"), ("sqrt(16)", "4"), ("√16", "4"), ("sqrt(2)", "≈ 1.41421356237"),
        ("1/3", "1/3 ≈ 0.333333333333"), ("5!", "120"), ("round(2.567, 2)", "2.57"),
        ("max(1, 2, 3) - min(4, 5)", "-1"), ("ln(e)", "≈ 1"), ("sin(pi / 2)", "≈ 1"),
        ("log(1000)", "≈ 3"), ("log(8, 2)", "≈ 3"), ("cbrt(27)", "≈ 3"), ("0**0", "1"),
        ("1 ** 99999999999", "1"), ("(-1) ** 99999999999", "-1"), ("2 + 2 = ?", "4"),
        ("1e3", "1000"),
        ("abs(-3) + floor(2.5) + ceil(2.5)", "8"), ("7 mod 3", "1"),
        ("max(9)", "9"), ("max(1, sqrt(2))", "≈ 1.41421356237"),
        ("100% + 5", "6"), ("100% - 5", "-4"), ("100%-5", "-4"), ("50% - 10%", "0.4"),
        ("50 % - 10 %", "0.4"), ("50% − 10%", "0.4"), ("50% minus 10", "-9.5"),
        ("50% plus 1", "1.5"), ("50% times 4", "2"), ("50% // 0.2", "2"), ("5 % -3", "-1"),
        ("20% x 50", "10"), ("7x8", "56"), ("7 x8", "56"), ("2X3x4", "24"), ("max(7x8, 9)", "56"),
        ("max(3,100)", "100"), ("min(5,100)", "5"), ("max(3,100.5)", "100.5"),
        ("max(1,000,5)", "5"), ("max((1,000), 5)", "1000"), ("1,000 + 5", "1005"),
        ("(1,000 + 5) + max(1,2)", "1007"), ("1,234,567.5", "1234567.5"),
    ],
)  # fmt: skip
def test_as_people_write_it(text: str, result: str) -> None:
    assert format_number(evaluate(text)) == result


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9**9**9", "at most 1000 digits"), ("2**99999999999", "at most 1000 digits"),
        ("1e999999999", "at most 1000 digits"), ("(" * 100 + "1" + ")" * 100, "nested deeper"),
        ("2**" * 100 + "1", "nested deeper"), ("400!!", "factorial"), ("1/0", "divides by zero"),
        ("0**-1", "divides by zero"), ("5 % 0", "divides by zero"),
        ("", "nothing"), ("2 +", "missing"),
        ("(1", "not closed"), ("2 3", "not expected"), ("__import__('os')", "no arithmetic"),
        ("sqrt(-1)", "not real"), ("(-8) ** (1/3)", "not real"), ("exp(99999)", "no value"),
        ("apples + 1", "'apples' is not known"), ("sqrt(1, 2, 3)", "does not take 3"),
        ("sqrt(1,000)", "a comma parts them"), ("0x10", "in decimal"),
        ("10 over 2", "'over' is not"), ("sqrt 4", "in parentheses"), ("log(0)", "above zero"),
        ("1" * 1001, "at most 1000 letters"),
        ("round(1.5, 9999)", "at most 50"), ("9" * 600 + "*" + "9" * 300 + "e200", "1000 digits"),
    ],
)  # fmt: skip
def test_what_has_no_value_says_why(text: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        evaluate(text)


def test_the_tool() -> None:
    called = call(calculate, json.dumps({"expression": "17% of 240"}), ToolContext())
    assert called.outcome.text == "17% of 240 = 40.8"
    assert called.outcome.data == {"value": "40.8"}
