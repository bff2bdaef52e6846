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
    """One conversation.

    head_id: the message that the reader stands at, mostly a leaf.
    metadata: what a client of the API attached.
    """

    id: str
    owner: str
    title: str
    created_at: float
    updated_at: float
    model: str | None = None
    system: str | None = None
    head_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """One row: a message, its place in the tree, and what it was made from.

    item: the item that a client of the API sent or was sent, as the API shows it; `role` and
    `content` are what a person reads of it.  None: the page or the terminal wrote the row.
    """

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
    item: Mapping[str, Any] | None = None

    @property
    def is_readable(self) -> bool:
        """Whether a person reads it.  What a client of the API and its functions say to each other
        is not shown."""
        return self.item is None or (self.role in ("user", "assistant") and bool(self.content))

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
