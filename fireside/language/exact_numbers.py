"""Exact numbers as long as they can be, decimals where they cannot: operations, roots, logarithms.

A whole power, a quotient, a percentage stay fractions.  It refuses numbers beyond `DIGITS` digits,
before it computes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Final

from fireside.errors import BadRequest

Number = Fraction | Decimal

DIGITS: Final = 1000
PRECISION: Final = 50
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
_E = Decimal("2.71828182845904523536028747135266249775724709369995957496696763")
CONSTANTS: Final[dict[str, Number]] = {"pi": _PI, "e": _E, "tau": 2 * _PI, "π": _PI}


def within_digits(number: Number) -> Number:
    """
    Raises:
        BadRequest: longer than `DIGITS`.
    """
    if isinstance(number, Fraction):
        bits = max(number.numerator.bit_length(), number.denominator.bit_length())
        if bits > DIGITS * 3.3220:
            raise BadRequest(f"Numbers have at most {DIGITS} digits.")
    elif not number.is_finite():
        raise ValueError
    return number


def _decimal(number: Number) -> Decimal:
    if isinstance(number, Decimal):
        return number
    return Decimal(number.numerator) / Decimal(number.denominator)


def combine(left: Number, right: Number, sign: str) -> Number:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return within_digits(_EXACT[sign](left, right))
    a, b = _decimal(left), _decimal(right)
    match sign:
        case "+":
            return within_digits(a + b)
        case "*":
            return within_digits(a * b)
        case "/":
            return within_digits(a / b)
    floor = (a / b).to_integral_value(rounding="ROUND_FLOOR")
    return within_digits(floor if sign == "//" else a - b * floor)


_EXACT: Final[dict[str, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: Fraction(a // b),
    "%": lambda a, b: a % b,
}


def power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - 1
        if bits * abs(exponent) > DIGITS * 3.33:
            raise BadRequest(f"Numbers have at most {DIGITS} digits.")
        if base == 0 and exponent < 0:
            raise ZeroDivisionError
        if bits == 0:  # 0, 1 and -1, whatever the exponent
            return (
                base
                if base.numerator >= 0 and exponent
                else Fraction(1)
                if exponent % 2 == 0
                else base
            )
        return within_digits(base ** int(exponent))
    if base < 0:
        raise BadRequest("A root of a negative number is not real.")
    return within_digits(_decimal(base) ** _decimal(exponent))


def root(number: Number, nth: Number = Fraction(2)) -> Number:
    if number < 0:
        raise BadRequest("A root of a negative number is not real.")
    if isinstance(number, Fraction) and nth == 2:
        top, bottom = math.isqrt(number.numerator), math.isqrt(number.denominator)
        if top * top == number.numerator and bottom * bottom == number.denominator:
            return Fraction(top, bottom)
    if nth == 0:
        raise ZeroDivisionError
    if nth == 2:
        return _decimal(number).sqrt()
    return _decimal(number) ** (1 / _decimal(nth)) if number else Fraction(0)


def factorial(number: Number) -> Number:
    if not isinstance(number, Fraction) or number.denominator != 1 or not 0 <= number <= 400:
        raise BadRequest("A factorial takes a whole number from 0 to 400.")
    return Fraction(math.factorial(number.numerator))


def _round(number: Number, digits: Number = Fraction(0)) -> Number:
    if not -50 <= digits <= 50:
        raise BadRequest("round takes at most 50 digits.")
    if isinstance(number, Decimal):
        return number.quantize(Decimal(1).scaleb(-int(digits)))
    return Fraction(round(number, int(digits)))


def _floor(number: Number) -> Number:
    return Fraction(math.floor(number))


def _ceil(number: Number) -> Number:
    return Fraction(math.ceil(number))


def _logarithm(number: Number, base: Number = Fraction(10)) -> Number:
    if number <= 0 or base <= 0 or base == 1:
        raise BadRequest("A logarithm takes numbers above zero.")
    if base == 10:
        return _decimal(number).log10()
    return _decimal(number).ln() / _decimal(base).ln()


def _float(function: Callable[[float], float]) -> Callable[[Number], Number]:
    """Angles are radians; 15 digits are good enough for them."""
    return lambda number: Decimal(repr(function(float(number))))


FUNCTIONS: Final[dict[str, tuple[Callable[..., Number], int, int]]] = {
    "sqrt": (root, 1, 1),
    "cbrt": (lambda x: -root(-x, Fraction(3)) if x < 0 else root(x, Fraction(3)), 1, 1),
    "root": (root, 1, 2),
    "abs": (abs, 1, 1),
    "round": (_round, 1, 2),
    "floor": (_floor, 1, 1),
    "ceil": (_ceil, 1, 1),
    "min": (lambda *given: min(given), 1, 99),
    "max": (lambda *given: max(given), 1, 99),
    "factorial": (factorial, 1, 1),
    "exp": (lambda x: _decimal(x).exp(), 1, 1),
    "ln": (lambda x: _logarithm(x, _E), 1, 1),
    "log": (_logarithm, 1, 2),
    "log2": (lambda x: _logarithm(x, Fraction(2)), 1, 1),
    "log10": (_logarithm, 1, 1),
    "sin": (_float(math.sin), 1, 1),
    "cos": (_float(math.cos), 1, 1),
    "tan": (_float(math.tan), 1, 1),
    "asin": (_float(math.asin), 1, 1),
    "acos": (_float(math.acos), 1, 1),
    "atan": (_float(math.atan), 1, 1),
    "radians": (lambda x: _decimal(x) * _PI / 180, 1, 1),
    "degrees": (lambda x: _decimal(x) * 180 / _PI, 1, 1),
}
