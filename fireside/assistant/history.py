"""A branch of a stored conversation as the model reads it.

An answer that called tools is told as it went: what was said, what was called, what came of it.
An answer that was cut off before its first word is left out, and what a person said in two goes
becomes one message: many templates insist that user and assistant alternate.  A row that holds an
item of the API is read as the API reads it (`items.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from fireside.assistant.items import goes_with, joined, messages_of_item, names_of
from fireside.messages import Message, ToolCall
from fireside.storage import StoredMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """ids: the row of each message.  untrusted: a tool gave text of strangers in it.

    waiting: calls of the last answer that ask the person.
    """

    messages: Sequence[Message]
    ids: Sequence[str]
    untrusted: bool = False
    waiting: Sequence[ToolCall] = ()


def history_of(path: Sequence[StoredMessage]) -> History:
    messages: list[Message] = []
    ids: list[str] = []
    untrusted = False
    sent = [dict(each.item) for each in path if each.item is not None]
    names = names_of(sent)
    for said in path:
        if said.item is not None:
            told = messages_of_item(dict(said.item), names, {})
            untrusted |= said.item["type"] == "mcp_call"
        elif said.role == "assistant":
            told = list(_answer(said))
            untrusted |= any(run.get("untrusted") for run in said.receipt.get("tools", ()))
        else:
            told = [said.as_message()]
        for message in told:
            # The question stays by itself: what is stored of it is what steps make of it.
            joins = said is not path[-1] and messages and messages[-1].role == "user"
            if joins and message.role == "user":
                both = f"{messages[-1].content}\n\n{message.content}"
                messages[-1] = Message(role="user", content=both, name=message.name)
            elif said.item is not None and goes_with(messages, message):
                messages[-1] = joined(messages[-1], message)
            else:
                messages.append(message)
                ids.append(said.id)
    asks = path[-1].receipt.get("asks", ()) if path else ()
    return History(
        messages=messages, ids=ids, untrusted=untrusted, waiting=[_call(each) for each in asks]
    )


def _answer(said: StoredMessage) -> Iterator[Message]:
    runs: Sequence[Mapping[str, Any]] = said.receipt.get("tools", ())
    asks: Sequence[Mapping[str, Any]] = said.receipt.get("asks", ())
    for run in runs:
        if "approval" in run:  # of a call that the answer before asked for
            yield _result(run)
    place = 0
    ours = [run for run in runs if "approval" not in run]
    for at, group in groupby(ours, key=lambda run: int(run.get("at", 0))):
        together = list(group)
        calls = tuple(_call(run) for run in together)
        yield Message(role="assistant", content=said.content[place:at].strip(), tool_calls=calls)
        yield from (_result(run) for run in together)
        place = at
    rest = said.content[place:]
    rest = rest.strip() if ours else rest
    if asks:
        yield Message(role="assistant", content=rest, tool_calls=tuple(_call(a) for a in asks))
    elif rest or said.tool_calls:
        message = said.as_message()
        yield Message(role="assistant", content=rest, tool_calls=message.tool_calls)


def _call(told: Mapping[str, Any]) -> ToolCall:
    return ToolCall(id=told["id"], name=told["name"], arguments=told["arguments"])


def _result(run: Mapping[str, Any]) -> Message:
    content = f"Error: {run['error']}" if "error" in run else run["output"]
    return Message(role="tool", content=content, name=run["name"], tool_call_id=run["id"])
