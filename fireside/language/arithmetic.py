"""Arithmetic as text, exactly: a parser and rational numbers, and no `eval` anywhere.

    value("2 ** 10 / 3")    -> Fraction(1024, 3)
    value("17% of 240")     -> Fraction(204, 5)
    value("sqrt(2)")        -> 1.414... (a Decimal: 50 digits, not exact)

Precedence and associativity are Python's; `^` is a power, × ÷ − and the x of 7x8 are what they look
like.  A % is a percent sign before an operation or the end, and a remainder before a number; before
a minus it is a percent sign too ("100% - 5"), unless it stands apart and the minus does not
("5 % -3").  A comma parts a function's numbers, and thousands elsewhere.  Numbers stay exact until
a root, a logarithm or an angle makes them decimal.  It refuses powers and numbers beyond `DIGITS`
digits, and nesting deeper than `DEPTH`, before it computes them.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation, Overflow, localcontext
from fractions import Fraction
from typing import Final

from fireside.errors import BadRequest
from fireside.language.exact_numbers import (
    CONSTANTS,
    DIGITS,
    FUNCTIONS,
    PRECISION,
    Number,
    combine,
    factorial,
    power,
    root,
    within_digits,
)

LONGEST: Final = 1000
DEPTH: Final = 50
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d[\d_]*(?P<thousands>(?:,\d{3})*)(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)"
    r"|(?P<remainder>(?<=\s)%(?=\s+[-−]\S))"
    r"|(?P<sign>\*\*|//|x(?=\d)|[-+*/%^(),×÷−·√!])|(?P<name>[a-zπ]+\d*))",
    re.IGNORECASE,
)
_SAME = {"^": "**", "×": "*", "·": "*", "÷": "/", "−": "-"}
_BEFORE: Final = frozenset("of ) + - * / // , plus minus times x".split())  # noqa: SIM905


def evaluate(expression: str) -> Number:
    """
    Raises:
        BadRequest: no arithmetic, too large, or without a value (a division by zero).
    """
    if len(expression) > LONGEST:
        raise BadRequest(f"An expression has at most {LONGEST} letters.")
    with localcontext(prec=PRECISION, Emax=10 * DIGITS, Emin=-10 * DIGITS) as context:
        context.traps[Overflow] = True
        try:
            return _Parser(_tokens(expression)).whole()
        except ZeroDivisionError:
            raise BadRequest("This divides by zero.") from None
        except (InvalidOperation, Overflow, ValueError, OverflowError):
            raise BadRequest("This has no value, or one that is too large.") from None


def format_number(number: Number) -> str:
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
    found: list[str] = []
    calls: list[bool] = []  # of the parentheses that are open: whether each is a function's
    at = 0
    text = text.rstrip(" =?\n\t")
    if re.search(r"(?<![\d.])0x[\da-f]", text, re.IGNORECASE):
        raise BadRequest("Numbers are written in decimal here, not as 0x...")
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadRequest(f"{text[at : at + 20].strip()!r} is no arithmetic.")
        piece, at = match[0].strip(), match.end()
        if match["thousands"] and calls and calls[-1]:  # max(3,100): two numbers
            at = match.start("thousands")
            piece = text[match.start("number") : at]
        elif piece == "(":
            calls.append(bool(found) and found[-1].lower() in FUNCTIONS)
        elif piece == ")" and calls:
            calls.pop()
        if match["remainder"]:
            piece = "mod"
        found.append(_SAME.get(piece, piece.replace(",", "") if match["number"] else piece))
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
            raise BadRequest("There is nothing to calculate.")
        result = self._sum()
        if self._at < len(self._tokens):
            raise BadRequest(f"{self._tokens[self._at][:20]!r} is not expected there.")
        return result

    def _next(self, *signs: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at].lower() in signs:
            self._at += 1
            return self._tokens[self._at - 1].lower()
        return None

    def _sum(self) -> Number:
        self._depth += 1
        if self._depth > DEPTH:
            raise BadRequest(f"This is nested deeper than {DEPTH}.")
        result = self._product()
        while sign := self._next("+", "-", "plus", "minus"):
            right = self._product()
            result = combine(result, right if sign in ("+", "plus") else -right, "+")
        self._depth -= 1
        return result

    def _product(self) -> Number:
        result = self._signed()
        while True:
            if self._percent():
                result = combine(result, Fraction(1, 100), "*")
                if self._next("of"):
                    result = combine(result, self._signed(), "*")
            elif sign := self._next("*", "/", "//", "%", "times", "x", "mod"):
                result = combine(result, self._signed(), _WORDS.get(sign, sign))
            else:
                return result

    def _percent(self) -> bool:
        """Whether a % stands here that is no remainder: nothing that could be divided follows."""
        after = self._tokens[self._at + 1 : self._at + 2]
        is_percent = not after or after[0].lower() in _BEFORE
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
                raise BadRequest(f"This is nested deeper than {DEPTH}.")
            base = power(base, self._signed())
            self._depth -= 1
        return base

    def _postfix(self) -> Number:
        result = self._atom()
        while self._next("!"):
            result = factorial(result)
        return result

    def _atom(self) -> Number:
        if self._next("("):
            result = self._sum()
            if not self._next(")"):
                raise BadRequest("A parenthesis is not closed.")
            return result
        if self._next("√"):
            return root(self._atom())
        if self._at == len(self._tokens):
            raise BadRequest("Something is missing at the end.")
        token = self._tokens[self._at].lower()
        self._at += 1
        if token[0].isdigit() or token[0] == ".":
            return _number(token)
        if token in FUNCTIONS:
            return self._call(token)
        if token in CONSTANTS:
            return CONSTANTS[token]
        known = ", ".join(sorted([*FUNCTIONS, "pi", "e", "tau"]))
        raise BadRequest(f"{token[:20]!r} is not known; there are {known}.")

    def _call(self, name: str) -> Number:
        if not self._next("("):
            raise BadRequest(f"{name} takes its number in parentheses.")
        given = [self._sum()]
        while self._next(","):
            given.append(self._sum())
        if not self._next(")"):
            raise BadRequest("A parenthesis is not closed.")
        function, least, most = FUNCTIONS[name]
        if not least <= len(given) <= most:
            raise BadRequest(f"{name} does not take {len(given)} numbers (a comma parts them).")
        return within_digits(function(*given))


_WORDS = {"times": "*", "x": "*", "mod": "%"}


def _number(token: str) -> Number:
    exponent = re.search(r"e([+-]?\d+)$", token)
    if exponent and abs(int(exponent[1][:8])) > DIGITS:
        raise BadRequest(f"Numbers have at most {DIGITS} digits.")
    return Fraction(token)
