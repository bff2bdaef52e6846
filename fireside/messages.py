"""Who said what: the words that every room speaks.

Plain values, nothing else.  The wire formats (OpenAI's chat messages, Responses items) are the
server's; the rows are storage's; the template that turns messages into ids is the tokenizer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A function that the model asks for.  `arguments` is JSON text, exactly as generated."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation.

    `content` is text as the person, tool or model gave it: never pre-escaped, and never trusted
    to hold control tokens.  `tool_call_id` says which call a `tool` message answers.
    `reasoning` is what the assistant thought first, where that is kept apart from `content`.
    """

    role: Role
    content: str = ""
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    reasoning: str = ""
