"""A multi grader's arithmetic: `0.7 * exact + 0.3 * max(style, 0)`.

    + - * / ^ ( )   min max abs floor ceil exp sqrt log   numbers, and names of graders

Parsed by hand into numbers, never by Python: there is nothing in it that could run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from fireside.errors import BadRequest

LONGEST: Final = 2000
DEEPEST: Final = 50
_TOKEN: Final = re.compile(r"\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_]\w*)|(.))")
_FUNCTIONS: Final[dict[str, tuple[int | None, Callable[..., float]]]] = {
    "min": (None, min),
    "max": (None, max),
    "abs": (1, abs),
    "floor": (1, math.floor),
    "ceil": (1, math.ceil),
    "exp": (1, math.exp),
    "sqrt": (1, math.sqrt),
    "log": (1, math.log),
}


class BadFormula(BadRequest):
    default_code = "formula_parse_error"


def evaluate(text: str, values: Mapping[str, float]) -> float:
    """The formula's value.  values: of the names.

    Raises:
        BadFormula: it is none, names what is not there, or has no finite value.
    """
    try:
        found = _Parser(_tokens(text), values).all()
    except (ArithmeticError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise BadFormula(f"calculate_output has no finite value: {text[:200]!r}.")
    return found


def check(text: str, names: Mapping[str, object] | list[str]) -> None:
    """Raises BadFormula: it cannot be read, or names what is not there."""
    _Parser(_tokens(text), dict.fromkeys(names, 1.0), counting=False).all()


def _tokens(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise BadFormula(f"calculate_output is longer than {LONGEST:,} characters.")
    found = [number or name or mark for number, name, mark in _TOKEN.findall(text)]
    return [token for token in found if token.strip()]


@dataclass
class _Parser:
    """Recursive descent.  counting: whether values matter, or only whether it can be read."""

    tokens: list[str]
    values: Mapping[str, float]
    counting: bool = True
    at: int = 0
    depth: int = field(default=0)

    def all(self) -> float:
        found = self.sum()
        if self.at < len(self.tokens):
            raise BadFormula(f"calculate_output: {self.tokens[self.at][:40]!r} is out of place.")
        return found

    def sum(self) -> float:
        self.depth += 1
        if self.depth > DEEPEST:
            raise BadFormula(f"calculate_output is nested deeper than {DEEPEST} levels.")
        found = self.product()
        while (mark := self.peek()) in ("+", "-"):
            self.at += 1
            other = self.product()
            found = self.count(lambda a, b, m=mark: a + b if m == "+" else a - b, found, other)
        self.depth -= 1
        return found

    def product(self) -> float:
        found = self.signed()
        while (mark := self.peek()) in ("*", "/"):
            self.at += 1
            other = self.signed()
            found = self.count(lambda a, b, m=mark: a * b if m == "*" else a / b, found, other)
        return found

    def signed(self) -> float:
        negative = False
        while self.peek() in ("-", "+"):
            negative ^= self.peek() == "-"
            self.at += 1
        found = self.power()
        return -found if negative else found

    def power(self) -> float:
        found = self.atom()
        if self.peek() in ("^",):
            self.at += 1
            self.depth += 1
            if self.depth > DEEPEST:
                raise BadFormula(f"calculate_output is nested deeper than {DEEPEST} levels.")
            other = self.signed()
            self.depth -= 1
            found = self.count(lambda a, b: math.pow(a, b), found, other)
        return found

    def atom(self) -> float:
        mark = self.peek()
        self.at += 1
        if mark == "(":
            found = self.sum()
            self.expect(")")
            return found
        if mark and (mark[0].isdigit() or (mark[0] == "." and len(mark) > 1)):
            return float(mark)
        if mark in _FUNCTIONS and self.peek() == "(" and mark not in self.values:
            return self.call(mark)
        if mark in self.values:
            return float(self.values[mark])
        raise BadFormula(
            f"calculate_output: {(mark or 'its end')[:40]!r} is neither a number nor a grader of "
            f"{', '.join(self.values)[:200]}."
        )

    def call(self, name: str) -> float:
        self.expect("(")
        arguments = [self.sum()]
        while self.peek() == ",":
            self.at += 1
            arguments.append(self.sum())
        self.expect(")")
        wanted, function = _FUNCTIONS[name]
        if wanted is not None and len(arguments) != wanted:
            raise BadFormula(f"calculate_output: {name} takes one value, not {len(arguments)}.")
        return self.count(function, *arguments)

    def count(self, function: Callable[..., float], *arguments: float) -> float:
        return float(function(*arguments)) if self.counting else 1.0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def expect(self, mark: str) -> None:
        if self.peek() != mark:
            raise BadFormula(f"calculate_output: there is no {mark!r} where one must be.")
        self.at += 1
