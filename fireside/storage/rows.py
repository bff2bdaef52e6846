"""Between the values of `records.py` and the columns of `schema.py`, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Row

from fireside.messages import ToolCall
from fireside.storage.records import Conversation, Hit, StoredMessage
from fireside.storage.schema import messages

COLUMNS = tuple(column.name for column in messages.columns)
CONVERSATION = tuple(field.name for field in fields(Conversation))


def conversation_of(values: Mapping[str, Any]) -> Conversation:
    """A row's columns by name; `metadata` may be NULL."""
    return Conversation(**{**values, "metadata": values["metadata"] or {}})


def values_of(message: StoredMessage) -> dict[str, Any]:
    """The columns of a message; what is empty is NULL."""
    values = asdict(message)
    values["tool_calls"] = list(values["tool_calls"]) or None
    values["usage"] = values["usage"] or None
    values["receipt"] = values["receipt"] or None
    return values


def stored(row: Row[Any]) -> StoredMessage:
    """A row that begins with the columns of `messages`."""
    # By place, not by name: a long path is thousands of rows, and this halves its time.
    values = dict(zip(COLUMNS, row, strict=False))
    del values["serial"]
    values["tool_calls"] = tuple(ToolCall(**call) for call in values["tool_calls"] or ())
    values["usage"] = values["usage"] or {}
    values["receipt"] = values["receipt"] or {}
    return StoredMessage(**values)


def hit(row: Row[Any]) -> Hit:
    """A row of a search: a message, its conversation under `of_…`, and the snippet."""
    values = {name: row._mapping[f"of_{name}"] for name in CONVERSATION}
    return Hit(
        conversation=conversation_of(values), message=stored(row), snippet=row._mapping["snippet"]
    )
