"""Functions, calls and results as a model's chat template takes them, in serving and in training.

A template that does not write them gets them as visible text: the functions go to the end of the
system message, in Hermes' words; calls of the history into the assistant's text; results into a
user's message.  Everything stays text of a message: none of it can become a control token.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fireside.messages import Message, ToolCall
from fireside.tokenizer.call_syntax import CallSyntax, Function

BEFORE = (
    "You may call functions. They are described between <tools> and </tools>, one JSON object on "
    "each line:\n<tools>\n"
)
AFTER = (
    "\n</tools>\nTo call one, answer with its name and its arguments as JSON, like this:\n"
    '<tool_call>\n{"name": <name>, "arguments": <arguments>}\n</tool_call>\n'
    "Its result follows between <tool_response> and </tool_response>."
)


def as_served(
    messages: Sequence[Message], functions: Sequence[Function], syntax: CallSyntax
) -> tuple[list[Message], list[dict[str, Any]] | None]:
    """Messages and tools for `Tokenizer.render`.  One more message in front, at most."""
    if not syntax.native:
        return written_out(messages, functions, syntax), None
    if syntax.short_ids:
        messages = [_with_short_ids(message) for message in messages]
    return list(messages), [each.as_tool for each in functions] or None


def written_out(
    messages: Sequence[Message], functions: Sequence[Function], syntax: CallSyntax
) -> list[Message]:
    """The same chat for a template that knows system, user and assistant only."""
    plain = [_plain(message, syntax) for message in messages]
    if not functions:
        return plain
    lines = (json.dumps(each.as_tool, ensure_ascii=False) for each in functions)
    section = BEFORE + "\n".join(lines) + AFTER
    if plain and plain[0].role == "system":
        first = plain[0]
        joined = f"{first.content}\n\n{section}" if first.content else section
        return [replace(first, content=joined), *plain[1:]]
    return [Message(role="system", content=section), *plain]


def _plain(message: Message, syntax: CallSyntax) -> Message:
    if message.role == "tool":
        content = f"<tool_response>\n{message.content}\n</tool_response>"
        return Message(role="user", content=content)
    if not message.tool_calls:
        return message
    content = f"{message.content}\n" if message.content else ""
    return replace(message, content=content + calls_text(message.tool_calls, syntax), tool_calls=())


def calls_text(calls: Sequence[ToolCall], syntax: CallSyntax) -> str:
    """Calls as the model writes them."""
    bodies = [
        syntax.before_name
        + call.name
        + syntax.before_arguments
        + (call.arguments or "{}")
        + syntax.after_arguments
        for call in calls
    ]
    return syntax.opening + syntax.lead + (syntax.between or "").join(bodies) + syntax.closing


def _with_short_ids(message: Message) -> Message:
    calls = tuple(replace(call, id=_short(call.id)) for call in message.tool_calls)
    answered = message.tool_call_id and _short(message.tool_call_id)
    return replace(message, tool_calls=calls, tool_call_id=answered)


def _short(call_id: str) -> str:
    """Nine letters and digits; the same for the same id, and of our own ids the id itself."""
    if re.fullmatch(r"[a-zA-Z0-9]{9}", call_id):
        return call_id
    return hashlib.sha256(call_id.encode()).hexdigest()[:9]
