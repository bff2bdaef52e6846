"""Chats as files have them: OpenAI's messages, ShareGPT's turns, Alpaca's instructions.

Refuses what it would have to leave out: images, unknown roles, calls in the old style.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fireside.data.examples import Chat, Origin
from fireside.messages import Message, Role, ToolCall


class Malformed(Exception):
    """A record that is not what its format says; the text ends "FILE:LINE: "."""


_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "customer": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "agent": "assistant",
    "tool": "tool",
    "observation": "tool",
}
_SGD_ROLES: dict[str, Role] = {"user": "user", "system": "assistant"}
# Alpaca's own prompt, which data sets carry around an instruction that was plain before.
_WRAPPED = re.compile(
    r"\s*Below is an instruction that describes a task.*?"
    r"### Instruction:\s*\n(?P<instruction>.*?)"
    r"(?:\n+### Input:\s*\n(?P<input>.*?))?\n+### Response:\s*",
    re.DOTALL,
)


def openai_chat(record: Mapping[str, object], origin: Origin) -> Chat:
    """OpenAI's JSONL: `messages`, per message `weight` 0 or 1, and `tools`."""
    given = record.get("messages")
    messages = messages_of(given)
    tools = record.get("tools") or ()
    if not isinstance(tools, list | tuple) or not all(isinstance(one, Mapping) for one in tools):
        raise Malformed("tools is not a list of functions")
    if not any(message.role == "assistant" for message in messages):
        raise Malformed("no message is the assistant's: there is nothing to learn")
    assert isinstance(given, list)
    return Chat(
        messages=messages,
        learned=_weights(given, messages),
        tools=tuple(tools),
        origin=origin,
    )


def _weights(given: list[Any], messages: tuple[Message, ...]) -> tuple[bool, ...] | None:
    if not any("weight" in one for one in given):
        return None
    learned = []
    for one, message in zip(given, messages, strict=True):
        weight = one.get("weight", 1)
        if weight not in (0, 1):
            raise Malformed(f"a message's weight is 0 or 1, not {str(weight)[:40]!r}")
        learned.append(bool(weight) and message.role == "assistant")
    return tuple(learned)


def messages_of(value: object, name: str = "messages") -> tuple[Message, ...]:
    """A list of OpenAI's messages."""
    if not isinstance(value, list) or not value:
        raise Malformed(f"{name} is not a list of messages")
    return tuple(_message(one, f"{name}[{i}]") for i, one in enumerate(value))


def spoken(value: object, name: str) -> tuple[Message, ...]:
    """An answer: a text, or messages of which the last is the assistant's."""
    if isinstance(value, str):
        messages: tuple[Message, ...] = (Message(role="assistant", content=value),)
    else:
        messages = messages_of(value, name)
    if messages[-1].role != "assistant":
        raise Malformed(f"{name} does not end with the assistant's message")
    if not messages[-1].content.strip() and not messages[-1].tool_calls:
        raise Malformed(f"{name} is empty")
    return messages


def _message(value: object, where: str) -> Message:
    if not isinstance(value, Mapping):
        raise Malformed(f"{where} is no object")
    if value.get("function_call"):
        raise Malformed(f"{where} has function_call, which tool_calls has replaced")
    name, call_id = value.get("name"), value.get("tool_call_id")
    return Message(
        role=_role(value.get("role"), where, _ROLES),
        content=_content(value.get("content"), where),
        name=name if isinstance(name, str) else None,
        tool_calls=tuple(_call(one, where) for one in value.get("tool_calls") or ()),
        tool_call_id=call_id if isinstance(call_id, str) else None,
    )


def _role(value: object, where: str, known: Mapping[str, Role]) -> Role:
    role = known.get(value.strip().lower()) if isinstance(value, str) else None
    if role is None:
        raise Malformed(f"{where} has the role {str(value)[:40]!r}, which is none of ours")
    return role


def _content(value: object, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise Malformed(f"{where} has a content that is no text")
    texts = []
    for part in value:
        text = part.get("text") if isinstance(part, Mapping) else None
        if not isinstance(text, str):
            raise Malformed(f"{where} has a part that is no text, and only text can be learned")
        texts.append(text)
    return "".join(texts)


def _call(value: object, where: str) -> ToolCall:
    function = value.get("function") if isinstance(value, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise Malformed(f"{where} has a tool call without a function")
    assert isinstance(value, Mapping)
    arguments = function.get("arguments", "{}")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(id=str(value.get("id", "")), name=function["name"], arguments=text)


def sharegpt_chat(record: Mapping[str, object], column: str, origin: Origin) -> Chat:
    """ShareGPT's turns, `from` and `value`; and those of dialogue corpora, speaker, utterance."""
    turns = record[column]
    if not isinstance(turns, list) or not turns:
        raise Malformed(f"{column} is not a list of turns")
    messages = [_turn(one, f"{column}[{i}]") for i, one in enumerate(turns)]
    system = record.get("system")
    if isinstance(system, str) and system.strip() and messages[0].role != "system":
        messages.insert(0, Message(role="system", content=system))
    if not any(message.role == "assistant" for message in messages):
        raise Malformed("no turn is the assistant's: there is nothing to learn")
    return Chat(messages=tuple(messages), origin=origin)


def _turn(value: object, where: str) -> Message:
    if not isinstance(value, Mapping):
        raise Malformed(f"{where} is no object")
    text = next((value[k] for k in ("value", "content", "utterance", "text") if k in value), None)
    if not isinstance(text, str):
        raise Malformed(f"{where} has no text")
    if "speaker" in value:  # Schema-Guided Dialogue calls its assistant SYSTEM
        return Message(role=_role(value["speaker"], where, _ROLES | _SGD_ROLES), content=text)
    who = value.get("from", value.get("role"))
    return Message(role=_role(who, where, _ROLES), content=text)


def alpaca_prompt(record: Mapping[str, object]) -> tuple[Message, ...]:
    """`instruction`, with `input` below it where there is one; `system` before."""
    instruction, given = record.get("instruction"), record.get("input") or ""
    if not isinstance(instruction, str) or not isinstance(given, str):
        raise Malformed("instruction and input are not texts")
    text = f"{instruction}\n\n{given}" if given.strip() else instruction
    messages = [Message(role="user", content=text)]
    system = record.get("system")
    if isinstance(system, str) and system.strip():
        messages.insert(0, Message(role="system", content=system))
    return tuple(messages)


def unwrapped(prompt: str) -> str:
    """The instruction alone, where a prompt is Alpaca's whole wording.

    A chat model has its own template around the instruction; two around each other teach it to
    expect both.
    """
    found = _WRAPPED.fullmatch(prompt)
    if found is None:
        return prompt
    parts = [part.strip() for part in (found["instruction"], found["input"]) if part]
    return "\n\n".join(parts)
