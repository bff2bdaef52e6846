"""Arithmetic as text, exactly: a parser and rational numbers, and no `eval` anywhere.

    value("2 ** 10 / 3")    -> Fraction(1024, 3)
    value("17% of 240")     -> Fraction(204, 5)
    value("sqrt(2)")        -> 1.414... (a Decimal: 50 digits, not exact)

Precedence and associativity are Python's; `^` is a power, × ÷ − are what they look like.  Numbers
stay exact until a root, a logarithm or an angle makes them decimal.  It refuses powers and numbers
beyond `DIGITS` digits, and nesting deeper than `DEPTH`, before it computes them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation, Overflow, localcontext
from fractions import Fraction
from typing import Final

from fireside.errors import BadRequest

Number = Fraction | Decimal

LONGEST: Final = 1000
DIGITS: Final = 1000
DEPTH: Final = 50
PRECISION: Final = 50
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
_E = Decimal("2.71828182845904523536028747135266249775724709369995957496696763")
CONSTANTS: Final[dict[str, Number]] = {"pi": _PI, "e": _E, "tau": 2 * _PI, "π": _PI}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d[\d_]*(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[a-zπ]+\d*)"
    r"|(?P<sign>\*\*|//|[-+*/%^(),×÷−·√!]))",
    re.IGNORECASE,
)
_SAME = {"^": "**", "×": "*", "·": "*", "÷": "/", "−": "-"}


class _Bad(BadRequest):
    """What is wrong with an expression."""


def value(expression: str) -> Number:
    """
    Raises:
        BadRequest: no arithmetic, too large, or without a value (a division by zero).
    """
    if len(expression) > LONGEST:
        raise _Bad(f"An expression has at most {LONGEST} letters.")
    with localcontext(prec=PRECISION, Emax=10 * DIGITS, Emin=-10 * DIGITS) as context:
        context.traps[Overflow] = True
        try:
            return _Parser(_tokens(expression)).whole()
        except ZeroDivisionError:
            raise _Bad("This divides by zero.") from None
        except (InvalidOperation, Overflow, ValueError, OverflowError):
            raise _Bad("This has no value, or one that is too large.") from None


def written(number: Number) -> str:
    """A number as a person writes it: exact where it ends, else rounded to 12 digits, with ≈."""
    if isinstance(number, Decimal):
        rounded = +number.normalize()
        with localcontext(prec=12):
            return f"≈ {_plain(+rounded)}"
    if number.denominator == 1:
        return str(number.numerator)
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    with localcontext(prec=DIGITS):
        decimal = Decimal(number.numerator) / Decimal(number.denominator)
    if rest == 1 and len(decimal.as_tuple().digits) <= PRECISION:
        return _plain(decimal)
    with localcontext(prec=12):
        return f"{number.numerator}/{number.denominator} ≈ {_plain(+decimal)}"


def _plain(decimal: Decimal) -> str:
    decimal = decimal.normalize()
    return f"{decimal:f}" if -12 < decimal.adjusted() < 21 else f"{decimal}"


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip(" =?\n\t")
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _Bad(f"{text[at : at + 20].strip()!r} is no arithmetic.")
        piece = match[0].strip()
        found.append(_SAME.get(piece, piece.replace(",", "") if match["number"] else piece))
        at = match.end()
    return found


class _Parser:
    """sum: product (+ product)*; product: signed (* signed)*; signed: -signed | power;
    power: postfix (** signed)?; postfix: atom !*; atom: number | name | name(...) | (sum)."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Number:
        if not self._tokens:
            raise _Bad("There is nothing to calculate.")
        result = self._sum()
        if self._at < len(self._tokens):
            raise _Bad(f"{self._tokens[self._at][:20]!r} is not expected there.")
        return result

    def _next(self, *signs: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at].lower() in signs:
            self._at += 1
            return self._tokens[self._at - 1].lower()
        return None

    def _sum(self) -> Number:
        self._depth += 1
        if self._depth > DEPTH:
            raise _Bad(f"This is nested deeper than {DEPTH}.")
        result = self._product()
        while sign := self._next("+", "-", "plus", "minus"):
            right = self._product()
            result = _with(result, right if sign in ("+", "plus") else -right, "+")
        self._depth -= 1
        return result

    def _product(self) -> Number:
        result = self._signed()
        while True:
            if self._percent():
                result = _with(result, Fraction(1, 100), "*")
                if self._next("of"):
                    result = _with(result, self._signed(), "*")
            elif sign := self._next("*", "/", "//", "%", "times", "x", "mod"):
                result = _with(result, self._signed(), _WORDS.get(sign, sign))
            else:
                return result

    def _percent(self) -> bool:
        """Whether a % stands here that is no remainder: nothing that could be divided follows."""
        after = self._tokens[self._at + 1 : self._at + 2]
        is_percent = not after or after[0].lower() in ("of", ")", "+", "*", "/", ",")
        if is_percent and self._next("%"):
            return True
        return self._next("percent") is not None

    def _signed(self) -> Number:
        signs = 0
        while sign := self._next("-", "+"):
            signs += sign == "-"
        result = self._power()
        return -result if signs % 2 else result

    def _power(self) -> Number:
        base = self._postfix()
        if self._next("**"):
            self._depth += 1
            if self._depth > DEPTH:
                raise _Bad(f"This is nested deeper than {DEPTH}.")
            base = _power(base, self._signed())
            self._depth -= 1
        return base

    def _postfix(self) -> Number:
        result = self._atom()
        while self._next("!"):
            result = _factorial(result)
        return result

    def _atom(self) -> Number:
        if self._next("("):
            result = self._sum()
            if not self._next(")"):
                raise _Bad("A parenthesis is not closed.")
            return result
        if self._next("√"):
            return _root(self._atom())
        if self._at == len(self._tokens):
            raise _Bad("Something is missing at the end.")
        token = self._tokens[self._at].lower()
        self._at += 1
        if token[0].isdigit() or token[0] == ".":
            return _number(token)
        if token in FUNCTIONS:
            return self._call(token)
        if token in CONSTANTS:
            return CONSTANTS[token]
        known = ", ".join(sorted([*FUNCTIONS, "pi", "e", "tau"]))
        raise _Bad(f"{token[:20]!r} is not known; there are {known}.")

    def _call(self, name: str) -> Number:
        if not self._next("("):
            raise _Bad(f"{name} takes its number in parentheses.")
        given = [self._sum()]
        while self._next(","):
            given.append(self._sum())
        if not self._next(")"):
            raise _Bad("A parenthesis is not closed.")
        function, least, most = FUNCTIONS[name]
        if not least <= len(given) <= most:
            raise _Bad(f"{name} does not take {len(given)} numbers.")
        return _held(function(*given))


_WORDS = {"times": "*", "x": "*", "mod": "%"}


def _number(token: str) -> Number:
    exponent = re.search(r"e([+-]?\d+)$", token)
    if exponent and abs(int(exponent[1][:8])) > DIGITS:
        raise _Bad(f"Numbers have at most {DIGITS} digits.")
    return Fraction(token)


def _held(number: Number) -> Number:
    """
    Raises:
        BadRequest: longer than `DIGITS`.
    """
    if isinstance(number, Fraction):
        bits = max(number.numerator.bit_length(), number.denominator.bit_length())
        if bits > DIGITS * 3.3220:
            raise _Bad(f"Numbers have at most {DIGITS} digits.")
    elif not number.is_finite():
        raise ValueError
    return number


def _decimal(number: Number) -> Decimal:
    if isinstance(number, Decimal):
        return number
    return Decimal(number.numerator) / Decimal(number.denominator)


def _with(left: Number, right: Number, sign: str) -> Number:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return _held(_EXACT[sign](left, right))
    a, b = _decimal(left), _decimal(right)
    match sign:
        case "+":
            return _held(a + b)
        case "*":
            return _held(a * b)
        case "/":
            return _held(a / b)
    floor = (a / b).to_integral_value(rounding="ROUND_FLOOR")
    return _held(floor if sign == "//" else a - b * floor)


_EXACT: Final[dict[str, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: Fraction(a // b),
    "%": lambda a, b: a % b,
}


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - 1
        if bits * abs(exponent) > DIGITS * 3.33:
            raise _Bad(f"Numbers have at most {DIGITS} digits.")
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
        return _held(base ** int(exponent))
    if base < 0:
        raise _Bad("A root of a negative number is not real.")
    return _held(_decimal(base) ** _decimal(exponent))


def _root(number: Number, nth: Number = Fraction(2)) -> Number:
    if number < 0:
        raise _Bad("A root of a negative number is not real.")
    if isinstance(number, Fraction) and nth == 2:
        top, bottom = math.isqrt(number.numerator), math.isqrt(number.denominator)
        if top * top == number.numerator and bottom * bottom == number.denominator:
            return Fraction(top, bottom)
    if nth == 0:
        raise ZeroDivisionError
    if nth == 2:
        return _decimal(number).sqrt()
    return _decimal(number) ** (1 / _decimal(nth)) if number else Fraction(0)


def _factorial(number: Number) -> Number:
    if not isinstance(number, Fraction) or number.denominator != 1 or not 0 <= number <= 400:
        raise _Bad("A factorial takes a whole number from 0 to 400.")
    return Fraction(math.factorial(number.numerator))


def _rounded(number: Number, digits: Number = Fraction(0)) -> Number:
    if abs(digits) > 50:
        raise _Bad("round takes at most 50 digits.")
    if isinstance(number, Decimal):
        return number.quantize(Decimal(1).scaleb(-int(digits)))
    return Fraction(round(number, int(digits)))


def _floor(number: Number) -> Number:
    return Fraction(math.floor(number))


def _ceil(number: Number) -> Number:
    return Fraction(math.ceil(number))


def _logarithm(number: Number, base: Number = Fraction(10)) -> Number:
    if number <= 0 or base <= 0 or base == 1:
        raise _Bad("A logarithm takes numbers above zero.")
    if base == 10:
        return _decimal(number).log10()
    return _decimal(number).ln() / _decimal(base).ln()


def _float(function: Callable[[float], float]) -> Callable[[Number], Number]:
    """Angles are radians; 15 digits are good enough for them."""
    return lambda number: Decimal(repr(function(float(number))))


FUNCTIONS: Final[dict[str, tuple[Callable[..., Number], int, int]]] = {
    "sqrt": (_root, 1, 1),
    "cbrt": (lambda x: -_root(-x, Fraction(3)) if x < 0 else _root(x, Fraction(3)), 1, 1),
    "root": (_root, 1, 2),
    "abs": (abs, 1, 1),
    "round": (_rounded, 1, 2),
    "floor": (_floor, 1, 1),
    "ceil": (_ceil, 1, 1),
    "min": (min, 1, 99),
    "max": (max, 1, 99),
    "factorial": (_factorial, 1, 1),
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
