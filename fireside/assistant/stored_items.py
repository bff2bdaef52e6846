"""Between rows of a conversation and items of the API, both ways.

A row that the API wrote holds its item.  One of the page's or the terminal's is told as items: a
question is a message; an answer is its text, the tools that it called, in their order, and what it
asks consent for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from fireside.assistant.items import Item, text_of
from fireside.messages import Role
from fireside.storage import StoredMessage
from fireside.storage.items import NewItem
from fireside.tools.mcp.servers import own_name

COMPLETE: Final = frozenset({"complete"})


def items_of(row: StoredMessage) -> list[Item]:
    """Of one row; the last message has the row's id."""
    if row.item is not None:
        return [dict(row.item)]
    match row.role:
        case "assistant":
            return list(_answer(row))
        case "tool":
            call_id = row.tool_call_id or ""
            return [_output(row.id, call_id, row.content)]
        case _:
            return [_message(row.id, row.role, row.content, "completed")]


def items_on(path: Sequence[StoredMessage]) -> list[Item]:
    return [item for row in path for item in items_of(row)]


def row_of(item: Item, *, model: str | None = None) -> NewItem:
    """model: who wrote the item, where it is an answer's."""
    role, content = _readable(item)
    by = model if role == "assistant" else None
    return NewItem(id=item["id"], item=item, role=role, content=content, model=by)


def _readable(item: Item) -> tuple[Role, str]:
    """Role and text of an item, as a person reads it."""
    match item["type"]:
        case "message":
            role: Role = "system" if item["role"] == "developer" else item["role"]
            return role, text_of(item["content"])
        case "function_call_output":
            output = item["output"]
            return "tool", output if isinstance(output, str) else text_of(output)
        case "compaction":
            return "system", ""
        case "mcp_approval_response":
            return "tool", ""
        case _:
            return "assistant", ""


def _answer(row: StoredMessage) -> Iterator[Item]:
    runs: Sequence[Mapping[str, Any]] = row.receipt.get("tools", ())
    asks: Sequence[Mapping[str, Any]] = row.receipt.get("asks", ())
    for run in runs:
        if "approval" in run:
            yield from _agreed(run)
    place = 0
    ours = [run for run in runs if "approval" not in run]
    for at, group in groupby(ours, key=lambda run: int(run.get("at", 0))):
        if text := row.content[place:at].strip():
            yield _message(f"{row.id}_{place}", "assistant", text, "completed")
        yield from (_tool_call(run) for run in group)
        place = at
    rest = row.content[place:]
    rest = rest.strip() if ours else rest
    status = "completed" if row.status in COMPLETE else "incomplete"
    if rest or not (runs or asks or row.tool_calls):
        yield _message(row.id, "assistant", rest, status)
    for call in row.tool_calls:
        yield {
            "id": f"fc_{call.id}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }
    for ask in asks:
        label = ask.get("label", "")
        yield {
            "id": ask["id"],
            "type": "mcp_approval_request",
            "server_label": label,
            "name": own_name(label, ask["name"]),
            "arguments": ask["arguments"],
        }


def _agreed(run: Mapping[str, Any]) -> Iterator[Item]:
    """What the person said to a call that the answer before asked for, and what came of it."""
    declined = bool(run.get("declined"))
    yield {
        "id": f"mcpa_{run['approval']}",
        "type": "mcp_approval_response",
        "approval_request_id": run["approval"],
        "approve": not declined,
        "reason": None,
    }
    if not declined:
        yield _tool_call(run)


def _tool_call(run: Mapping[str, Any]) -> Item:
    error = run.get("error")
    label, approval = run.get("label", ""), run.get("approval")
    return {
        # A call that was agreed to has its request's id, which is an item already.
        "id": run["id"] if approval is None else f"mcp_{run['id']}",
        "type": "mcp_call",
        "status": "completed" if error is None else "failed",
        "approval_request_id": approval,
        "server_label": label,
        "name": own_name(label, run["name"]),
        "arguments": run["arguments"],
        "output": run["output"] if error is None else None,
        "error": None if error is None else {"type": "mcp_tool_execution_error", "content": error},
    }


def _output(item_id: str, call_id: str, text: str) -> Item:
    return {
        "id": item_id,
        "type": "function_call_output",
        "status": "completed",
        "call_id": call_id,
        "output": text,
    }


def _message(item_id: str, role: str, text: str, status: str) -> Item:
    part: Item = {"type": "input_text", "text": text}
    if role == "assistant":
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "id": item_id,
        "type": "message",
        "status": status,
        "role": role,
        "content": [part],
    }
