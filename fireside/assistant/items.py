"""Items to the messages that the model's own template renders.

Reasoning and the passages of earlier searches are kept and shown, but not read to the model
again, as OpenAI does it.  A function's output whose call is not there is refused, and so is a
call without an output: a template would write half of a pair, and no model has learned that.  A
tool that ran here is one item; what the person agreed to is a request and the call that names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fireside.assistant.packed_summary import FOREWORD, opened
from fireside.assistant.toolbox import DECLINED, Decision
from fireside.errors import BadRequest
from fireside.messages import Message, Role, ToolCall
from fireside.tools.mcp.servers import named
from fireside.tools.running import OURS

Item = dict[str, Any]
"""As the API shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """ids: of the first item of each message."""

    messages: list[Message]
    ids: list[str]


def check_pairs(items: Sequence[Item], *, waiting: bool = False) -> None:
    """waiting: calls may still wait for their outputs.

    Raises:
        BadRequest: a function call without its output, or the other way round.
    """
    called: dict[str, bool] = {}
    for item in items:
        if item["type"] == "function_call":
            called[item["call_id"]] = False
        elif item["type"] == "function_call_output":
            if item["call_id"] not in called:
                raise BadRequest(
                    f"No tool call found for function call output with call_id "
                    f"{item['call_id'][:100]}.",
                    param="input",
                )
            called[item["call_id"]] = True
    for call_id, answered in called.items():
        if not answered and not waiting:
            raise BadRequest(
                f"No tool output found for function call {call_id[:100]}.", param="input"
            )


def decisions_of(items: Sequence[Item], given: Sequence[Item]) -> dict[str, Decision]:
    """What this request says to calls that asked, by the request's id.

    items: all, `given` among them.

    Raises:
        BadRequest: there is no such call, or it was answered before.
    """
    asked = {item["id"] for item in items if item["type"] == "mcp_approval_request"}
    ran = {item.get("approval_request_id") for item in items if item["type"] == "mcp_call"}
    ids = {item["id"] for item in given}
    before = {
        item["approval_request_id"]
        for item in items
        if item["type"] == "mcp_approval_response" and item["id"] not in ids
    }
    found: dict[str, Decision] = {}
    for item in given:
        if item["type"] != "mcp_approval_response":
            continue
        name = item["approval_request_id"]
        if name not in asked:
            raise BadRequest(f"No approval request found with id {name[:100]}.", param="input")
        if name in before or name in ran or name in found:
            raise BadRequest(
                f"The approval request {name[:100]} has been answered already.", param="input"
            )
        found[name] = Decision(approve=item["approve"], reason=item.get("reason"))
    return found


def read_of(items: Sequence[Item], decided: Mapping[str, Decision] | None = None) -> Read:
    """What the model reads; neighbours that one message holds are joined: a text and its calls,
    and the system messages at the beginning, of which most templates take one.

    decided: calls that are answered just now; their results come with the answer.
    """
    found: list[Message] = []
    ids: list[str] = []
    names = names_of(items)
    for item in items:
        for message in messages_of_item(item, names, decided or {}):
            if goes_with(found, message):
                found[-1] = joined(found[-1], message)
            else:
                found.append(message)
                ids.append(item["id"])
    return Read(messages=found, ids=ids)


def goes_with(before: Sequence[Message], message: Message) -> bool:
    """Whether the last message and this one are one: a text and its calls, or the system messages
    at the beginning."""
    if not before:
        return False
    last = before[-1]
    if message.tool_calls:
        return last.role == "assistant"
    return message.role == last.role == "system" and len(before) == 1


def joined(last: Message, message: Message) -> Message:
    if message.tool_calls:
        content = last.content or message.content
        return replace(last, content=content, tool_calls=last.tool_calls + message.tool_calls)
    return replace(last, content=f"{last.content}\n\n{message.content}")


def names_of(items: Sequence[Item]) -> dict[str, str]:
    """Of the functions that these items call, by the call's id."""
    names = {each["call_id"]: each["name"] for each in items if each["type"] == "function_call"}
    for each in items:
        if each["type"] == "mcp_approval_request":
            names[each["id"]] = _function(each)
    return names


def messages_of(items: Sequence[Item]) -> list[Message]:
    return read_of(items).messages


def messages_of_item(
    item: Item, names: Mapping[str, str], decided: Mapping[str, Decision]
) -> list[Message]:
    """names: as `names_of`.  decided: as `read_of`."""
    match item["type"]:
        case "message":
            role: Role = "system" if item["role"] == "developer" else item["role"]
            return [Message(role=role, content=text_of(item["content"]))]
        case "function_call":
            return [_call(item["call_id"], item)]
        case "function_call_output":
            said = item["output"]
            content = said if isinstance(said, str) else text_of(said)
            return [_result(item["call_id"], names.get(item["call_id"]), content)]
        case "mcp_approval_request":
            return [_call(item["id"], item | {"name": _function(item)})]
        case "mcp_approval_response":
            name = item["approval_request_id"]
            if item["approve"] or name in decided or name not in names:
                return []  # its call, or this answer, has the result
            reason = item.get("reason")
            content = f"Error: {DECLINED}" + (f" Their reason: {reason}" if reason else "")
            return [_result(name, names[name], content)]
        case "mcp_call":
            output = item.get("output") or ""
            content = output if item.get("error") is None else f"Error: {error_text(item['error'])}"
            approval = item.get("approval_request_id")
            name = _function(item)
            if approval is not None and approval in names:
                return [_result(approval, name, content)]
            call = _call(item["id"], item | {"name": name})
            return [call, _result(item["id"], name, content)]
        case "compaction":
            told = opened(item["encrypted_content"])
            return [] if told == FOREWORD else [Message(role="system", content=told)]
        case _:  # reasoning, file_search_call, mcp_list_tools
            return []


def _function(item: Item) -> str:
    """A tool's name as the model knows it: an MCP server's carries its server's."""
    label = item["server_label"]
    name: str = item["name"]
    return name if label == OURS else named(label, name)


def _call(call_id: str, item: Item) -> Message:
    call = ToolCall(id=call_id, name=item["name"], arguments=item["arguments"])
    return Message(role="assistant", tool_calls=(call,))


def _result(call_id: str, name: str | None, content: str) -> Message:
    return Message(role="tool", content=content, name=name, tool_call_id=call_id)


def error_text(error: Mapping[str, Any] | str) -> str:
    """Of an `mcp_call`'s error, in any of OpenAI's forms."""
    if isinstance(error, str):
        return error
    content = error.get("message", error.get("content", ""))
    if isinstance(content, list):
        return text_of([part for part in content if isinstance(part, dict)])
    return str(content)


def text_of(content: Sequence[Item]) -> str:
    return "\n".join(str(part.get("text", part.get("refusal", ""))) for part in content)
