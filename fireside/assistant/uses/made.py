"""What a task made of a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """text: the answer.  fields: the same for a table's columns.  notes: for the receipt; they
    say what was left out, added or forced."""

    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
