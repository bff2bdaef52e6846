"""Which constraints are known to compile in milliseconds, so that nobody need try them first.

A schema of plain shapes: small, shallow, without patterns, divisors and arithmetic, which are what
llguidance can lose itself in.  A measurement stands behind every keyword of the list; anything else
is not said to be bad, only to be tried (`probing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fireside.engine.params import Constraint

MAX_NODES = 400
MAX_DEPTH = 24
MAX_LENGTH = 1000
KEYWORDS = frozenset(
    {"$defs", "$ref", "additionalProperties", "anyOf", "const", "default", "description", "enum"}
    | {"items", "maxItems", "maxLength", "minItems", "minLength", "properties", "required"}
    | {"strict", "title", "type"}
)
_NAMED = ("properties", "$defs")
_DATA = ("const", "default", "enum", "required", "type")


def is_tame(constraint: Constraint) -> bool:
    return constraint.kind == "json_schema" and tame_schema(constraint.value)


def tame_schema(schema: Any) -> bool:
    """Whether a JSON schema has nothing but plain shapes, and not many."""
    level: list[Any] = [schema]
    seen = 0
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for each in level:
            if isinstance(each, bool):
                continue
            if not isinstance(each, Mapping) or not _plain(each):
                return False
            below += _parts(each)
        seen += len(level)
        if not below:
            return seen <= MAX_NODES
        if seen + len(below) > MAX_NODES:
            return False
        level = below
    return False


def _plain(schema: Mapping[str, Any]) -> bool:
    if not KEYWORDS.issuperset(schema):
        return False
    for name in ("maxItems", "maxLength", "minItems", "minLength"):
        value = schema.get(name, 0)
        if not isinstance(value, int) or not 0 <= value <= MAX_LENGTH:
            return False
    return all(len(repr(schema[name])) <= 20 * MAX_LENGTH for name in _DATA if name in schema)


def _parts(schema: Mapping[str, Any]) -> list[Any]:
    parts = [schema[name] for name in ("additionalProperties", "items") if name in schema]
    anyof = schema.get("anyOf", [])
    parts += anyof if isinstance(anyof, list) else [None]
    for name in _NAMED:
        named = schema.get(name, {})
        parts += named.values() if isinstance(named, Mapping) else [None]
    return parts
