"""A server's lists, one by one: an ill-formed tool is left out by name, the others stay; and so is
an ill-formed part of what a tool answered.

The library checks a list whole, so that one bad tool would cost all of them.  `SoundParts` stands
between the wire and the library: it hands on what a tool is offered by, where that is well formed.
The reasons for the others travel in the list's own `_meta`; a text stands for a part of an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from mcp.shared._stream_protocols import ReadStream
from mcp.shared.message import SessionMessage
from mcp_types import ContentBlock, JSONRPCResponse, ListToolsResult, Tool
from pydantic import TypeAdapter, ValidationError

LEFT_OUT: Final = "fireside.local/left-out"
MOST_REASONS: Final = 100
SHOWN: Final = 100
OFFERED_BY: Final = ("name", "title", "description", "inputSchema", "annotations")
"""The fields that are read; a fault in another (an output schema, an icon) costs nothing."""
_PARTS: Final[TypeAdapter[Any]] = TypeAdapter(ContentBlock)


class SoundParts:
    """A stream of messages; of the tools and of the parts of results in them, the sound ones."""

    def __init__(self, inner: ReadStream[SessionMessage | Exception]) -> None:
        self._inner = inner

    async def receive(self) -> SessionMessage | Exception:
        return _sound(await self._inner.receive())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return _sound(await self._inner.__anext__())

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._inner.__aexit__(kind, error, trace)


def reasons(page: ListToolsResult) -> list[tuple[str, str]]:
    """(name, why) of each tool that this page lost."""
    return [(name, why) for name, why in (page.meta or {}).get(LEFT_OUT, ())]


def _sound(message: SessionMessage | Exception) -> SessionMessage | Exception:
    if isinstance(message, SessionMessage) and isinstance(message.message, JSONRPCResponse):
        result = message.message.result
        if isinstance(result, dict) and isinstance(result.get("content"), list):
            message.message.result = sound_result(result)
        elif isinstance(result, dict) and isinstance(result.get("tools"), list):
            tools, lost = sound_tools(result["tools"])
            meta = result["_meta"] if isinstance(result.get("_meta"), dict) else {}
            message.message.result = {
                **result, "tools": tools, "_meta": meta | {LEFT_OUT: lost[:MOST_REASONS]}
            }  # fmt: skip
    return message


def sound_tools(listed: list[Any]) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """The tools that can be offered, and (name, why) of the others."""
    tools, lost = [], []
    for place, each in enumerate(listed, 1):
        made = _tool(each)
        if isinstance(made, dict):
            tools.append(made)
        else:
            name = each.get("name") if isinstance(each, dict) else None
            named = isinstance(name, str) and name.strip()
            lost.append((str(name)[:SHOWN] if named else f"number {place}", made))
    return tools, lost


def sound_result(result: dict[str, Any]) -> dict[str, Any]:
    """A tool's result, with a text in the place of each part that is none."""
    parts = [_part(each, place) for place, each in enumerate(result["content"], 1)]
    sound = {**result, "content": parts}
    if not isinstance(sound.get("structuredContent"), dict | None):
        del sound["structuredContent"]
        parts.append(_text("[structured content that is no object: left out]"))
    return sound


def _part(said: object, place: int) -> object:
    try:
        _PARTS.validate_python(said, by_name=False)
    except ValidationError:
        kind = said.get("type") if isinstance(said, dict) else None
        named = f" of the kind {kind[:SHOWN]!r}" if isinstance(kind, str) else ""
        return _text(f"[part {place} of the answer{named} cannot be read: left out]")
    return said


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _tool(said: object) -> dict[str, Any] | str:
    """What it is offered by; or why it cannot be offered."""
    if not isinstance(said, dict):
        return "it is no object"
    tool = {field: said[field] for field in OFFERED_BY if said.get(field) is not None}
    if not isinstance(tool.get("name"), str) or not tool["name"].strip():
        return "it has no name"
    if "inputSchema" not in tool:
        return "it has no inputSchema"
    schema = tool["inputSchema"]
    if wrong := _objection(schema):
        return wrong
    # Arguments are an object whatever the schema says, so this adds nothing to it.
    tool["inputSchema"] = {"type": "object", **schema}
    try:
        Tool.model_validate(tool, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[: 2 * SHOWN]
    return tool


def _objection(schema: object) -> str:
    """What the protocol forbids in the schema of a tool's arguments."""
    if not isinstance(schema, Mapping):
        return "its inputSchema is no object"
    if schema.get("type", "object") != "object":
        return "its schema is none of an object"
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        return "the properties of its schema are no object"
    for name, each in properties.items():
        if not isinstance(each, Mapping):
            return f"properties.{name[:SHOWN]} of its schema is no schema"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(each, str) for each in required):
        return "required of its schema is no list of names"
    return ""
