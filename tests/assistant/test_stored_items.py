"""Rows of the page told as items of the API: a model reads the same of both."""

from __future__ import annotations

from typing import Any

import pytest

from fireside.assistant.history import history_of
from fireside.assistant.items import Item, check_pairs, read_of
from fireside.assistant.stored_items import items_of, items_on, row_of
from fireside.messages import Role, ToolCall
from fireside.server.responses.items import parsed
from fireside.storage import Status, StoredMessage

CALL = {"id": "call_1", "name": "convert", "label": "fireside", "arguments": '{"a": 1}', "ms": 1.0}
ASK = {"id": "call_2", "name": "post__send", "label": "post", "arguments": "{}"}


def row(
    role: Role,
    content: str,
    *,
    status: Status = "complete",
    receipt: dict[str, Any] | None = None,
    **more: Any,
) -> StoredMessage:
    return StoredMessage(
        id=f"msg_{len(content)}{role}",
        conversation_id="conv_a",
        parent_id=None,
        role=role,
        content=content,
        created_at=0.0,
        status=status,
        receipt=receipt or {},
        **more,
    )


QUESTION = row("user", "How far is it?")
PATHS = {
    "plain": [QUESTION, row("assistant", "Far.")],
    "stopped": [QUESTION, row("assistant", "Fa", status="stopped")],
    "a tool": [
        QUESTION,
        row("assistant", "Let me see. Far.", receipt={"tools": [CALL | {"at": 12, "output": "9"}]}),
    ],
    "a tool that failed": [
        QUESTION,
        row(
            "assistant",
            "I do not know.",
            receipt={"tools": [CALL | {"at": 0, "output": "", "error": "No such unit."}]},
        ),
    ],
    "two tools at once": [
        QUESTION,
        row(
            "assistant",
            "Both.",
            receipt={
                "tools": [
                    CALL | {"at": 0, "output": "9"},
                    CALL | {"id": "call_3", "at": 0, "output": "8"},
                ]
            },
        ),
    ],
    "consent given": [
        QUESTION,
        row("assistant", "May I?", receipt={"asks": [ASK]}),
        row(
            "assistant",
            "Sent.",
            receipt={"tools": [ASK | {"at": 0, "output": "ok", "approval": "call_2"}]},
        ),
    ],
    "a function's call": [
        QUESTION,
        row("assistant", "", tool_calls=(ToolCall(id="call_4", name="f", arguments="{}"),)),
        row("tool", "9", tool_call_id="call_4"),
    ],
}


# As items, the result of each call stands right after it.
ALIKE = {name: path for name, path in PATHS.items() if name != "two tools at once"}


@pytest.mark.parametrize("path", ALIKE.values(), ids=ALIKE)
def test_rows_and_their_items_are_read_alike(path: list[StoredMessage]) -> None:
    path = [*path, row("user", "And back?")]
    items = items_on(path)
    check_pairs(items)
    rows, read = history_of(path), read_of(items)
    told = [(m.role, m.content, m.tool_calls, m.tool_call_id) for m in rows.messages]
    assert [(m.role, m.content, m.tool_calls, m.tool_call_id) for m in read.messages] == told


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_client_can_send_back_what_it_was_told(path: list[StoredMessage]) -> None:
    items = items_on(path)
    assert len({item["id"] for item in items}) == len(items)
    sent: list[Any] = parsed(items, "input").items
    assert [_without_none(item) for item in sent] == [_without_none(item) for item in items]


def _without_none(item: Item) -> Item:
    return {name: value for name, value in item.items() if value is not None}


def test_an_answer_that_was_broken_off_is_incomplete() -> None:
    assert items_of(row("assistant", "Fa", status="stopped"))[0]["status"] == "incomplete"
    assert items_of(row("assistant", "Far."))[0]["status"] == "completed"


SENT: list[Item] = [
    {"role": "system", "content": "Be kind."},
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": "How far?"},
    {"role": "assistant", "content": "I look."},
    {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "9"},
    {"type": "reasoning", "summary": []},
    {"role": "assistant", "content": "9 km."},
    {"role": "user", "content": "Thanks"},
]


def test_items_that_became_rows_are_read_as_items() -> None:
    items: list[Any] = parsed(SENT, "input").items
    made = [row_of(item, model="tiny") for item in items]
    path = [
        StoredMessage(
            id=each.id,
            conversation_id="conv_a",
            parent_id=None,
            role=each.role,
            content=each.content,
            created_at=0.0,
            model=each.model,
            item=each.item,
        )
        for each in made
    ]
    assert items_on(path) == items
    assert list(history_of(path).messages) == read_of(items).messages
    assert [each.model for each in made] == [
        "tiny" if each.role == "assistant" else None for each in made
    ]
