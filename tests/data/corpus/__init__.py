"""Small files in every documented format of training data, with what has to be read of each.

A case is one file.  What is read of a row is written as lines, one for each turn:

    system: Be brief.
    user: High water at Veere?
    assistant*: (Look it up.) One moment. -> tide_table {"port": "Veere"} #c1
    tool #c1: 13:40

`*` marks the turns that are learned, brackets the reasoning, an arrow a call, `#` its id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fireside.data import Example, Kind

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One file.

    rows: written as JSON Lines, or as `suffix` says; text: the file as it stands, instead.
    read: the lines of each example.  tools: names of the functions of each, where there are any.
    unused: rows by field.  remarks: rows by remark.  refused: a part of the one complaint.
    """

    name: str
    kind: Kind = "chat"
    rows: Sequence[Row] = ()
    text: str | bytes = ""
    suffix: str = ".jsonl"
    source: Mapping[str, Any] = field(default_factory=dict)
    read: Sequence[Sequence[str]] = ()
    tools: Sequence[Sequence[str]] = ()
    unused: Mapping[str, int] = field(default_factory=dict)
    remarks: Mapping[str, int] = field(default_factory=dict)
    refused: str = ""

    @property
    def content(self) -> bytes:
        if self.text:
            return self.text if isinstance(self.text, bytes) else self.text.encode()
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows).encode()


def lines_of(example: Example) -> list[str]:
    """An example as lines."""
    from fireside.data import Chat, Judged, Preference, Text

    if isinstance(example, Text):
        return [example.text]
    if isinstance(example, Chat):
        flags = example.learned or [one.role == "assistant" for one in example.messages]
        pairs = zip(example.messages, flags, strict=True)
        return [_line(one, one.role + "*" * learned) for one, learned in pairs]
    lines = [_line(one, one.role) for one in example.prompt]
    if isinstance(example, Preference):
        return [*lines, _line(example.chosen, "chosen"), _line(example.rejected, "rejected")]
    if isinstance(example, Judged):
        return [*lines, _line(example.answer, "good" if example.good else "bad")]
    return [*lines, f"= {example.answer}"]


def _line(message: Any, who: str) -> str:
    calls = "".join(
        f" -> {call.name} {call.arguments}" + (f" #{call.id}" if call.id else "")
        for call in message.tool_calls
    )
    name = f" {message.name}" if message.name else ""
    answers = f" #{message.tool_call_id}" if message.tool_call_id else ""
    thought = f"({message.reasoning}) " if message.reasoning else ""
    return f"{who}{name}{answers}: {thought}{message.content}{calls}"
