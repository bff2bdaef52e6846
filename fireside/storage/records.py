"""The values that the store hands out: plain, frozen, detached from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fireside.messages import Message, Role, ToolCall

Status = Literal["complete", "partial", "stopped", "error"]
"""`partial`: being written, or its writer was killed; `stopped`: somebody asked it to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation.  `head_id` is the message that the reader stands at, a leaf by habit."""

    id: str
    owner: str
    title: str
    created_at: float
    updated_at: float
    model: str | None = None
    system: str | None = None
    head_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """One row: a message, its place in the tree, and what it was made from."""

    id: str
    conversation_id: str
    parent_id: str | None
    role: Role
    content: str
    created_at: float
    status: Status = "complete"
    model: str | None = None
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    receipt: Mapping[str, Any] = field(default_factory=dict)

    def as_message(self) -> Message:
        """What a prompt is rendered from."""
        return Message(
            role=self.role,
            content=self.content,
            name=self.name,
            tool_calls=self.tool_calls,
            tool_call_id=self.tool_call_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A message that a search found, with the words around the match."""

    conversation: Conversation
    message: StoredMessage
    snippet: str
