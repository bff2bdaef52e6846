"""The items of a conversation: what a client sends, checked, as the API shows it.

Every kind that is text: messages of all roles, function calls and their outputs, calls of tools
that ran on a server and what the person said to them, reasoning that is handed back, file
searches, compactions; and references to items that are kept here.  Pictures,
sounds, files and the calls of other built-in tools are refused by name.  What the model reads of
an item is `messages.py`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from fireside.errors import BadRequest, FiresideError, Unsupported
from fireside.server.body import Wire, validate
from fireside.server.responses.item_wire import (
    CompactionItem,
    FileSearchCall,
    FunctionCall,
    FunctionCallOutput,
    InputText,
    ItemReference,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpListTools,
    MessageItem,
    OutputText,
    ReasoningItem,
    Refusal,
)
from fireside.storage.ids import new_id

Item = dict[str, Any]
"""As the API shows it."""

PREFIXES: Final = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "file_search_call": "fs",
    "reasoning": "rs",
    "compaction": "cmp",
    "mcp_call": "mcp",
    "mcp_approval_request": "mcpr",
    "mcp_approval_response": "mcpa",
    "mcp_list_tools": "mcpl",
}
OTHER_ITEMS: Final = frozenset(
    [
        "additional_tools",
        "apply_patch_call",
        "apply_patch_call_output",
        "code_interpreter_call",
        "compaction_trigger",
        "computer_call",
        "computer_call_output",
        "configuration_update",
        "custom_tool_call",
        "custom_tool_call_output",
        "image_generation_call",
        "local_shell_call",
        "local_shell_call_output",
        "program",
        "program_output",
        "shell_call",
        "shell_call_output",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
    ]
)
OTHER_PARTS: Final = frozenset({"input_image", "input_file", "input_audio", "computer_screenshot"})
USABLE_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,128}")
MAX_ITEMS: Final = 10_000


Parsed = (
    MessageItem
    | FunctionCall
    | FunctionCallOutput
    | ReasoningItem
    | FileSearchCall
    | CompactionItem
    | McpCall
    | McpApprovalRequest
    | McpApprovalResponse
    | McpListTools
    | ItemReference
)
KINDS: Final[Mapping[str, type[Parsed]]] = {
    "message": MessageItem,
    "function_call": FunctionCall,
    "function_call_output": FunctionCallOutput,
    "reasoning": ReasoningItem,
    "file_search_call": FileSearchCall,
    "compaction": CompactionItem,
    "mcp_call": McpCall,
    "mcp_approval_request": McpApprovalRequest,
    "mcp_approval_response": McpApprovalResponse,
    "mcp_list_tools": McpListTools,
    "item_reference": ItemReference,
}
STATELESS: Final = (CompactionItem, McpApprovalRequest, McpApprovalResponse, McpListTools)
"""Kinds without a status."""
PARTS: Final[Mapping[str, type[Wire]]] = {
    "input_text": InputText,
    "output_text": OutputText,
    "refusal": Refusal,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The items of a request as the API would show them, each with an id; references as they are.

    minted: the ids that were made here.  The others are the client's word, so no row has them.
    """

    items: list[Item | ItemReference]
    minted: frozenset[str]


def parsed(raw: str | Sequence[Any], param: str) -> Given:
    """

    Raises:
        BadRequest: naming the place, like `input[3].content[0].text`.
        Unsupported: a kind of item or content that is not text.
    """
    if isinstance(raw, str):
        raw = [{"role": "user", "content": raw}]
    if len(raw) > MAX_ITEMS:
        raise BadRequest(f"{param} holds more than {MAX_ITEMS} items.", param=param)
    found: list[Item | ItemReference] = []
    minted = set()
    for place, each in enumerate(raw):
        with within(f"{param}[{place}]"):
            item = _checked(each)
            if isinstance(item, ItemReference):
                found.append(item)
                continue
            made = shown(item)
            found.append(made)
            if item.id is None:
                minted.add(made["id"])
    return Given(items=found, minted=frozenset(minted))


def _checked(raw: object) -> Parsed:
    if not isinstance(raw, dict):
        raise BadRequest("Invalid value for 'type': an item is a JSON object.", param="type")
    kind = raw.get("type")
    if kind is None:
        kind = "item_reference" if set(raw) <= {"id", "type"} and "id" in raw else "message"
    if isinstance(kind, str) and kind in OTHER_ITEMS:
        raise Unsupported(f"Items of type {kind!r} are not supported by this server.", param="type")
    wire = KINDS.get(kind) if isinstance(kind, str) else None
    if wire is None:
        raise BadRequest(f"Invalid value for 'type': take one of {', '.join(KINDS)}.", param="type")
    return validate(raw, wire)


def shown(item: MessageItem | FunctionCall | Any) -> Item:
    values = item.model_dump(exclude_none=True)
    values["type"] = item.type
    values["status"] = getattr(item, "status", None)
    values["id"] = _own_id(item.id, item.type)
    if isinstance(item, MessageItem):
        values["content"] = _content(item)
    elif isinstance(item, FunctionCallOutput) and not isinstance(item.output, str):
        values["output"] = [
            _part(part, f"output[{place}]", ("input_text",))
            for place, part in enumerate(item.output)
        ]
    elif isinstance(item, STATELESS):
        del values["status"]
    return values


def _own_id(given: str | None, kind: str) -> str:
    if given is None:
        return new_id(PREFIXES[kind])
    if not USABLE_ID.fullmatch(given):
        raise BadRequest("Invalid value for 'id': letters, digits, '_' and '-' only.", param="id")
    return given


def _content(message: MessageItem) -> list[Item]:
    says = ("output_text", "refusal") if message.role == "assistant" else ("input_text",)
    if isinstance(message.content, str):
        return [text_part(says[0], message.content)]
    parts = enumerate(message.content or ())
    return [_part(part, f"content[{place}]", says) for place, part in parts]


def text_part(kind: str, text: str) -> Item:
    if kind == "output_text":
        return {"type": kind, "text": text, "annotations": [], "logprobs": []}
    return {"type": kind, "text": text}


def _part(raw: object, param: str, kinds: Sequence[str]) -> Item:
    with within(param):
        kind = raw.get("type") if isinstance(raw, dict) else None
        if isinstance(kind, str) and kind in OTHER_PARTS:
            raise Unsupported(
                f"Content of type {kind!r} is not supported: the models here read text.",
                param="type",
            )
        if not isinstance(raw, dict) or not isinstance(kind, str) or kind not in kinds:
            raise BadRequest(
                f"Invalid value for 'type': here it is {' or '.join(kinds)}.", param="type"
            )
        return validate(raw, PARTS[kind]).model_dump()


@contextmanager
def within(place: str) -> Iterator[None]:
    """What is complained of inside is said of its place in the whole request."""
    try:
        yield
    except FiresideError as error:
        inner = error.param
        whole = place if inner is None else f"{place}.{inner}"
        error.param = whole
        named = error.message.replace(repr(inner), repr(whole), 1) if inner else error.message
        named = named.removeprefix(f"{inner}: ")  # of the place within
        error.message = named if whole in named else f"{whole}: {named}"
        error.args = (error.message,)
        raise


def stripped(item: Item, *, logprobs: bool, results: bool) -> Item:
    """The item without what `include` did not ask for."""
    if item["type"] == "file_search_call" and not results:
        return item | {"results": None}
    if item["type"] == "message" and item["role"] == "assistant" and not logprobs:
        content = [
            part | {"logprobs": []} if part["type"] == "output_text" else part
            for part in item["content"]
        ]
        return item | {"content": content}
    return item
