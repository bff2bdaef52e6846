"""The messages of a chat request: OpenAI's shapes to ours.

An answer of ours, sent back as it came, passes, and so does one of another provider's
(`openai_parameters.py`).  Errors: parts that are not text, audio, and results of calls that nobody
made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fireside.errors import BadRequest
from fireside.messages import Message, Role, ToolCall
from fireside.server.body import Wire
from fireside.server.empties import is_empty
from fireside.server.wire import Label

NOT_TEXT = frozenset({"image_url", "input_audio", "file"})
OF_ASSISTANT = ("refusal", "audio", "tool_calls", "function_call")


class Part(Wire):
    """A part of a message's content.  `refusal` is what an assistant said instead of an answer."""

    type: Literal["text", "refusal"]
    text: str | None = None
    refusal: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _known(cls, data: object) -> object:
        if isinstance(data, dict):
            kind = data.get("type")
            if isinstance(kind, str) and kind in NOT_TEXT:
                raise PydanticCustomError(
                    "unsupported_part",
                    "parts of type {kind} are not supported, the models here read text",
                    {"kind": kind},
                )
            if kind in ("text", "refusal") and not isinstance(data.get(kind), str):
                raise PydanticCustomError(
                    "part_without_text",
                    "a part of type {kind} has its text in {kind}",
                    {"kind": kind},
                )
        return data

    @property
    def said(self) -> str:
        return (self.text if self.type == "text" else self.refusal) or ""


class CalledFunction(Wire):
    name: str = Field(min_length=1, max_length=256)
    arguments: str = ""


class SentCall(Wire):
    id: str = Field(min_length=1, max_length=256)
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(Wire):
    """One message, of any role."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Annotated[list[Part], Field(min_length=1)] = ""
    name: Label | None = None
    refusal: str | None = None
    audio: None = None
    tool_calls: Annotated[list[SentCall], Field(max_length=128)] = Field(default_factory=list)
    function_call: CalledFunction | None = None
    tool_call_id: Annotated[str, Field(min_length=1, max_length=256)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_its_role(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        filled = {name: value for name, value in data.items() if not is_empty(value)}
        _check_role(filled)
        return filled

    @property
    def text(self) -> str:
        said = self.content
        if not isinstance(said, str):
            said = "\n".join(part.said for part in said)
        return said or self.refusal or ""


def _check_role(data: dict[str, Any]) -> None:
    """Each role has its own members; another's are as unknown as any."""
    role = data.get("role")
    if role != "assistant":
        for name in OF_ASSISTANT:
            if name in data:
                raise PydanticCustomError(
                    "not_of_this_role", "only an assistant's message has {name}", {"name": name}
                )
    if role != "tool" and "tool_call_id" in data:
        raise PydanticCustomError(
            "not_of_this_role", "only a message of role tool has tool_call_id"
        )
    if role == "tool" and "tool_call_id" not in data:
        raise PydanticCustomError("no_call", "a message of role tool needs its tool_call_id")
    if role == "function" and not data.get("name"):
        raise PydanticCustomError("no_name", "a message of role function needs its name")


def as_messages(sent: Sequence[ChatMessage]) -> list[Message]:
    """As the rooms below know them.

    Raises:
        BadRequest: a result answers no call that stands before it.
    """
    messages: list[Message] = []
    called: set[str] = set()
    last: str | None = None  # of the deprecated function_call, which has no id of its own
    for i, each in enumerate(sent):
        calls = [
            ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
            for call in each.tool_calls
        ]
        if each.function_call is not None:
            last = f"call_{i}"
            one = each.function_call
            calls.append(ToolCall(id=last, name=one.name, arguments=one.arguments))
        called |= {call.id for call in calls}
        answers = last if each.role == "function" else each.tool_call_id
        if each.role in ("tool", "function") and answers not in called:
            raise BadRequest(
                f"messages[{i}] is the result of a call that no message before it makes.",
                param=f"messages[{i}]" + (".tool_call_id" if each.role == "tool" else ""),
            )
        messages.append(
            Message(
                role=_role(each.role),
                content=each.text,
                name=each.name,
                tool_calls=tuple(calls),
                tool_call_id=answers if each.role in ("tool", "function") else None,
            )
        )
    return messages


def _role(sent: str) -> Role:
    match sent:
        case "developer" | "system":
            return "system"
        case "function" | "tool":
            return "tool"
        case "assistant":
            return "assistant"
        case _:
            return "user"
