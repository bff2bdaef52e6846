"""`filters` of a search: which files' attributes are meant.

A file without the attribute is not equal to anything: `ne` and `nin` take it, the others do not.
Values of different types are never equal and have no order; true is not 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Value = str | float | bool
Compares = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]

_ORDERS: Mapping[str, Callable[[int], bool]] = {
    "gt": lambda sign: sign > 0,
    "gte": lambda sign: sign >= 0,
    "lt": lambda sign: sign < 0,
    "lte": lambda sign: sign <= 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """value: a list for `in` and `nin`, one value for the others."""

    type: Compares
    key: str
    value: Value | Sequence[Value]

    def accepts(self, attributes: Mapping[str, Value]) -> bool:
        there = attributes.get(self.key)
        many = [self.value] if isinstance(self.value, str | float | int) else list(self.value)
        if self.type in ("eq", "in"):
            return any(_same(there, one) for one in many)
        if self.type in ("ne", "nin"):
            return not any(_same(there, one) for one in many)
        sign = _sign(there, many[0])
        return sign is not None and _ORDERS[self.type](sign)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compound:
    type: Literal["and", "or"]
    filters: Sequence[Filter]

    def accepts(self, attributes: Mapping[str, Value]) -> bool:
        each = (one.accepts(attributes) for one in self.filters)
        return all(each) if self.type == "and" else any(each)


Filter = Comparison | Compound


def _same(a: Value | None, b: Value) -> bool:
    return a is not None and isinstance(a, bool) == isinstance(b, bool) and a == b


def _sign(a: Value | None, b: Value) -> int | None:
    """-1, 0 or 1; None where the two have no order."""
    if isinstance(a, str) and isinstance(b, str):
        return (a > b) - (a < b)
    if isinstance(a, bool) or isinstance(b, bool) or isinstance(a, str) or isinstance(b, str):
        return None
    return None if a is None else (a > b) - (a < b)
