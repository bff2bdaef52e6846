"""Templates of columns: `Classify: {sentence}` and `{label}`.

{{ and }} are braces.  Refuses anything beyond names: no attributes, no formats, no code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from fireside.data.fields import Malformed
from fireside.data.records import Record, as_text
from fireside.errors import BadRequest

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def columns_in(template: str) -> frozenset[str]:
    """The columns that a template names.

    Raises:
        BadRequest: a brace stands alone.
    """
    return frozenset(part for part, named in _parsed(template) if named)


def fill(template: str, record: Record, labels: Mapping[str, str] | None = None) -> str:
    """The template with a record's values.

    labels: the word for a value, if there are any.

    Raises:
        Malformed: a column is not there, or a value has no word.
    """
    return "".join(
        _value(record, part, labels) if named else part for part, named in _parsed(template)
    )


def _value(record: Record, name: str, labels: Mapping[str, str] | None) -> str:
    if name not in record:
        there = " ".join(", ".join(record).split())
        raise Malformed(f"there is no column {name!r}, only {there[:200]}")
    text = as_text(record[name])
    if not labels:
        return text
    if text not in labels:
        raise Malformed(f"{name} is {text[:40]!r}, and the labels are {', '.join(labels)[:200]}")
    return labels[text]


@cache
def _parsed(template: str) -> tuple[tuple[str, bool], ...]:
    """(text, False) and (column, True) in turn."""
    parts: list[tuple[str, bool]] = []
    at = 0
    for found in _TOKEN.finditer(template):
        parts.append((template[at : found.start()], False))
        at = found.end()
        if found.group() in ("{{", "}}"):
            parts.append((found.group()[0], False))
        elif found.group(1):
            parts.append((found.group(1).strip(), True))
        else:
            raise BadRequest(
                f"The template {template[:80]!r} has a brace that names no column: write "
                "{column}, or {{ and }} for braces."
            )
    return (*parts, (template[at:], False))
