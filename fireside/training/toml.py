"""Plain values to TOML text; `tomllib` reads it back equal.

The standard library reads TOML and does not write it.  It refuses what TOML cannot hold (None is
left out, as TOML has no such value) and every type that a config does not have: dates, for one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def dumps(table: Mapping[str, Any]) -> str:
    """`table` as a TOML document: values first, then one section for each table within."""
    return "\n\n".join(_sections(table, ())) + "\n"


def _sections(
    table: Mapping[str, Any], path: tuple[str, ...], *, listed: bool = False
) -> list[str]:
    plain, tables, lists = [], [], []
    for key, value in table.items():
        if isinstance(value, Mapping):
            tables.append((key, value))
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            lists.append((key, value))
        elif value is not None:
            plain.append(f"{_key(key)} = {_value(value)}")
    name = ".".join(map(_key, path))
    head = [f"[[{name}]]" if listed else f"[{name}]"] if path else []
    found = ["\n".join(head + plain)] if plain or head else []
    for key, value in tables:
        found += _sections(value, (*path, key))
    for key, values in lists:
        for value in values:
            found += _sections(value, (*path, key), listed=True)
    return found


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(value)
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _text(text: str) -> str:
    # JSON's escapes are TOML's; only DEL, which TOML wants escaped too, is not among them.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
