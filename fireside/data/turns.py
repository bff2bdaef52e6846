"""One turn of a chat, in any spelling of the field, as a `Message`.

The names of roles, texts and flags are those that OpenAI, ShareGPT, LLaMA-Factory, axolotl, TRL
and ms-swift document.  What a turn has and only a part of a turn would be learned of, or what is
no text, is refused by its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fireside.data.fields import Fields, Malformed, kind_of, unfolded
from fireside.messages import Message, Role, ToolCall

CALL = "function_call"
SPEAKERS = ("role", "from", "speaker")
CONTENTS = ("content", "value", "utterance", "text")
REASONING = ("reasoning_content", "thinking", "reasoning")
MEDIA = ("images", "image", "videos", "video", "audios", "audio")
ROLES: Mapping[str, Role | str] = {
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
    "bing": "assistant",
    "bard": "assistant",
    "agent": "assistant",
    "tool": "tool",
    "observation": "tool",
    "ipython": "tool",
    "function": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "function_call": CALL,
    "tool_call": CALL,
}
LEARNED = (
    "weight",
    "loss",
    "train",
    "training",
    "trainable",
    "learn",
    "loss_weight",
    "loss_mask",
)
"""True: the turn is learned."""
MASKED = ("masked",)
"""True: the turn is left out of the loss (torchtune)."""
PARTIAL = ("train_detail", "training_detail", "reasoning_training_detail")
REFUSED = frozenset({*MEDIA, *PARTIAL, "refusal", "mask", "channel"})
FLAGS = frozenset({*LEARNED, *MASKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """learned: what the turn's own flag says; None where it has none."""

    message: Message
    learned: bool | None


def turn_of(fields: Fields) -> Turn:
    """One turn.

    Raises:
        Malformed: it is none, or has what cannot be learned.
    """
    speaker = _speaker(fields)
    _refuse_by_name(fields)
    learned = _flag(fields)
    message = _message(fields, speaker)
    message, of_parts = _content(fields, message, calls=speaker == CALL)
    if of_parts is not None:
        if learned is not None and learned != of_parts:
            raise Malformed(f"{fields.where} is flagged otherwise than its parts")
        learned = of_parts
    if learned and message.role != "assistant":
        raise Malformed(
            f"{fields.where} is flagged to be learned and is no turn of the assistant: only those "
            "are learned"
        )
    return Turn(message=message, learned=learned)


def _speaker(fields: Fields) -> Role | str:
    named = {name: fields.get(name) for name in SPEAKERS if fields.has(name)}
    if not named:
        raise Malformed(f"{fields.where} has no role")
    # Schema-Guided Dialogue calls its assistant SYSTEM.
    known = ROLES if "speaker" not in named else {**ROLES, "system": "assistant"}
    roles = []
    for value in named.values():
        role = known.get(value.strip().lower()) if isinstance(value, str) else None
        if role is None:
            raise Malformed(f"{fields.where} has the role {str(value)[:40]!r}, which is unknown")
        roles.append(role)
    if len(set(roles)) > 1:
        raise Malformed(f"{fields.where} has two roles, {' and '.join(map(str, named.values()))}")
    return roles[0]


def _refuse_by_name(fields: Fields) -> None:
    if REFUSED.isdisjoint(fields.record):
        return
    for name in MEDIA:
        if fields.has(name):
            raise Malformed(f"{fields.path(name)} is no text, and only text can be learned")
    if fields.has("refusal"):
        raise Malformed(f"{fields.path('refusal')} is not read: write it as content")
    if fields.has("mask"):
        raise Malformed(
            f"{fields.path('mask')} means 'learn it' to some and 'leave it out' to others: write "
            "weight, 1 or 0"
        )
    if fields.record.get("channel") == "analysis":
        raise Malformed(
            f"{fields.path('channel')} is 'analysis', and a thought is no answer: write it as the "
            "reasoning_content of the answer"
        )
    for name in PARTIAL:
        if fields.has(name):
            raise Malformed(
                f"{fields.path(name)} learns parts of a turn, and turns are learned whole here: "
                "write weight, 1 or 0"
            )


def _flag(fields: Fields) -> bool | None:
    if FLAGS.isdisjoint(fields.record):
        return None
    flags = {
        name: (name in LEARNED) == _truth(fields.get(name), fields.path(name))
        for name in (*LEARNED, *MASKED)
        if fields.has(name)
    }
    if len(set(flags.values())) > 1:
        raise Malformed(f"{fields.where} is flagged twice, and differently: {', '.join(flags)}")
    return next(iter(flags.values()), None)


def _truth(value: object, where: str) -> bool:
    known = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
    truth = known.get(str(value).strip().lower())
    if truth is None:
        raise Malformed(f"{where} is {str(value)[:40]!r}: a turn's weight is 0 or 1")
    return truth


def _message(fields: Fields, speaker: Role | str) -> Message:
    role: Role = "assistant" if speaker == CALL else speaker  # type: ignore[assignment]
    reasoning = fields.choice(REASONING)
    calls: list[ToolCall] = []
    if fields.has("tool_calls"):
        calls = calls_of(fields.get("tool_calls"), fields, "tool_calls")
    if fields.has("function_call"):  # OpenAI's, until 2023
        calls += calls_of(fields.get("function_call"), fields, "function_call")
    if calls and role != "assistant":
        raise Malformed(f"{fields.where} calls a function and is no turn of the assistant")
    return Message(
        role=role,
        name=fields.text("name") or None,
        tool_calls=tuple(calls),
        tool_call_id=_identifier(fields, "tool_call_id") or None,
        reasoning="" if reasoning is None else _reasoning(fields, reasoning),
    )


def _reasoning(fields: Fields, name: str) -> str:
    if isinstance(fields.get(name), list):
        raise Malformed(f"{fields.path(name)} is a list of parts: write one text")
    return fields.text(name)


def _identifier(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise Malformed(f"{fields.path(name)} is {kind_of(value)}, not a text")
    return "" if value is None else str(value)


def _content(fields: Fields, message: Message, *, calls: bool) -> tuple[Message, bool | None]:
    """The message with its text; and whether to learn it, where its parts say so."""
    name = fields.choice(CONTENTS)
    if name is None:
        blank = [value for one in CONTENTS if (value := fields.get(one)) is not None]
        if not blank and not (message.tool_calls or message.reasoning or message.role == "tool"):
            raise Malformed(f"{fields.where} has no text")
        texts = [value for value in blank if isinstance(value, str)]
        return replace(message, content=max(texts, key=len, default="")), None
    value = fields[name]
    if isinstance(value, str):
        if not calls:
            return replace(message, content=value), None
        thought, call = split_thought(value)
        made = calls_of(call, fields, name)
        return replace(message, content=thought, tool_calls=(*message.tool_calls, *made)), None
    if not isinstance(value, list | tuple):
        raise Malformed(f"{fields.path(name)} is {kind_of(value)}, not a text")
    return _parts(message, fields.inner_list(name))


def _parts(message: Message, parts: list[Fields]) -> tuple[Message, bool | None]:
    """OpenAI's parts of a content; and LLaMA-Factory's, among them reasoning and calls."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    flags: set[bool | None] = set()
    for part in parts:
        kind = part.text("type") or "text"
        flags.add(_flag(part))
        if kind == "tool_call":
            calls += calls_of(part.get("value"), part, "value")
            continue
        if kind not in ("text", "input_text", "output_text", "reasoning"):
            raise Malformed(f"{part.where} is of the type {kind[:40]!r}, and only text is learned")
        name = part.choice(CONTENTS)
        text = "" if name is None else part.text(name)
        (thoughts if kind == "reasoning" else texts).append(text)
    if len(flags) > 1:
        raise Malformed(
            f"{parts[0].where.rpartition('[')[0]} flags its parts differently, and turns are "
            "learned whole here: write weight, 1 or 0"
        )
    if thoughts and message.reasoning:
        raise Malformed("a turn has its reasoning twice: in a part, and in a field")
    whole = replace(
        message,
        content="".join(texts),
        reasoning=message.reasoning or "".join(thoughts),
        tool_calls=(*message.tool_calls, *calls),
    )
    return whole, next(iter(flags), None)


def split_thought(text: str) -> tuple[str, str]:
    """`<think>...</think>` at the beginning, and what follows."""
    end = text.find("</think>")
    if end < 0 or not text.lstrip().startswith("<think>"):
        return "", text
    return text[: end + len("</think>")], text[end + len("</think>") :].strip()


def calls_of(value: object, fields: Fields, name: str) -> list[ToolCall]:
    """Calls of functions: OpenAI's, `{"name", "arguments"}` alone, one or several, or JSON text.

    Raises:
        Malformed: they are none.
    """
    where = fields.path(name)
    given = unfolded(value, where)
    listed = given if isinstance(given, list) else [given]
    listed = [unfolded(one, where) for one in listed]
    if not all(isinstance(one, Mapping) for one in listed):
        raise Malformed(f"{where} is no call of a function, with its name and arguments")
    return [_call(one) for one in fields.wrapped(name, listed)]


def _call(fields: Fields) -> ToolCall:
    if (fields.text("type") or "function") != "function":
        raise Malformed(f"{fields.where} is no call of a function but {fields.text('type')[:40]!r}")
    call_id = _identifier(fields, "id")
    function = fields.inner("function") if fields.has("function") else fields
    name = function.text("name").strip()
    if not name:
        raise Malformed(f"{fields.where} is a call without the name of a function")
    spelling = function.choice(("arguments", "parameters"))
    arguments = {} if spelling is None else function[spelling]
    where = function.path(spelling or "arguments")
    if not isinstance(unfolded(arguments, where), dict):
        raise Malformed(f"{where} is no JSON object")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(id=call_id, name=name, arguments=text)
