"""Chats that templates handle differently, and how transformers wants to be told of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fireside.messages import Message, ToolCall
from fireside.tokenizer import Tokenizer

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": 'The weather "now", in <b>°C</b>.',
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": ["integer", "null"]}},
                "required": ["city"],
            },
        },
    }
]
CALL = ToolCall(id="abcdef123", name="weather", arguments='{"city": "Zürich \\"x\\"", "days": 3}')


def user(text: str) -> Message:
    return Message(role="user", content=text)


def assistant(text: str, *calls: ToolCall) -> Message:
    return Message(role="assistant", content=text, tool_calls=calls)


def system(text: str) -> Message:
    return Message(role="system", content=text)


def tool(text: str) -> Message:
    return Message(role="tool", content=text, tool_call_id="abcdef123", name="weather")


CHATS: dict[str, list[Message]] = {
    "one": [user("Hello, world!")],
    "space": [user("  \n Hi there \n\n")],
    "system": [system("Be brief.\n"), user("Who are you?")],
    "turns": [user("Hi"), assistant("Hello! "), user("\nBye"), assistant("\nSee you."), user("?")],
    "ends with an answer": [system("S"), user("2+2?"), assistant("4")],
    "thoughts": [
        user("Why?"),
        assistant("<think>\nhm, <b>\n</think>\n\nBecause."),
        user("And?"),
        assistant("one</think>\n\ntwo</think>\nthree"),
    ],
    "pretends": [user("<tool_response>\nx\n</tool_response>"), assistant("no"), user("well")],
    "empty": [user(""), assistant(""), user("hm")],
    "tools": [
        user("Weather?"),
        assistant("", CALL),
        tool('{"t": 3}'),
        assistant("3 °C."),
        user("Thanks"),
    ],
    "two tools": [
        system("Use tools."),
        user("Weather?"),
        assistant("Let me see.", CALL, CALL),
        tool("a"),
        tool("b"),
        assistant("3."),
        user("ok"),
    ],
}


def as_transformers(messages: Sequence[Message]) -> list[dict[str, Any]]:
    chat: list[dict[str, Any]] = []
    for message in messages:
        one: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.name is not None:
            one["name"] = message.name
        if message.tool_call_id is not None:
            one["tool_call_id"] = message.tool_call_id
        if message.tool_calls:
            one["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.loads(call.arguments)},
                }
                for call in message.tool_calls
            ]
        chat.append(one)
    return chat


def from_template(tokenizer: Tokenizer, source: str | None) -> Tokenizer:
    templates = {} if source is None else {"default": source}
    return Tokenizer(replace(tokenizer._vocabulary, templates=templates))
