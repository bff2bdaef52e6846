"""Items to the messages that the model's own template renders.

Reasoning and the passages of earlier searches are kept and shown, but not read to the model
again, as OpenAI does it.  A function's output whose call is not there is refused, and so is a
call without an output: a template would write half of a pair, and no model has learned that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fireside.errors import BadRequest
from fireside.messages import Message, Role, ToolCall
from fireside.server.responses.compaction import opened
from fireside.server.responses.items import Item


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


def messages_of(items: Sequence[Item], instructions: str | None = None) -> list[Message]:
    """What the model reads; neighbours that one message holds are joined: a text and its calls,
    and the system messages at the beginning, of which most templates take one."""
    found = [] if not instructions else [Message(role="system", content=instructions)]
    names = {each["call_id"]: each["name"] for each in items if each["type"] == "function_call"}
    for item in items:
        for message in _messages(item, names):
            last = found[-1] if found else None
            if last is None:
                found.append(message)
            elif message.tool_calls and last.role == "assistant":
                found[-1] = replace(last, tool_calls=last.tool_calls + message.tool_calls)
            elif message.role == "system" and len(found) == 1 and last.role == "system":
                found[-1] = replace(last, content=f"{last.content}\n\n{message.content}")
            else:
                found.append(message)
    return found


def _messages(item: Item, names: dict[str, str]) -> list[Message]:
    match item["type"]:
        case "message":
            role: Role = "system" if item["role"] == "developer" else item["role"]
            return [Message(role=role, content=text_of(item["content"]))]
        case "function_call":
            call = ToolCall(id=item["call_id"], name=item["name"], arguments=item["arguments"])
            return [Message(role="assistant", tool_calls=(call,))]
        case "function_call_output":
            said = item["output"]
            return [
                Message(
                    role="tool",
                    content=said if isinstance(said, str) else text_of(said),
                    name=names.get(item["call_id"]),
                    tool_call_id=item["call_id"],
                )
            ]
        case "compaction":
            return [Message(role="system", content=opened(item["encrypted_content"]))]
        case _:  # reasoning, file_search_call
            return []


def text_of(content: Sequence[Item]) -> str:
    return "\n".join(str(part.get("text", part.get("refusal", ""))) for part in content)
