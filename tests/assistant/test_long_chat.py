"""Ten thousand turns: a turn reads what its window can hold, and says how much it did not."""

from __future__ import annotations

from typing import Any

import pytest
from long_conversation import filled

from fireside.assistant import Chat
from fireside.assistant.turn import Done
from fireside.storage import Store, StoredMessage

ROWS = 20_000


def test_ten_thousand_turns(store: Store, models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation, last = filled(store, ROWS)
    assert store.depth(last) == ROWS
    assert [m.id for m in store.path_to(last, 3)] == [f"msg_{n:018}" for n in range(19997, ROWS)]
    read = 0
    real = store._messages

    def counted(query: Any) -> list[StoredMessage]:
        nonlocal read
        found = real(query)
        read += len(found)
        return found

    monkeypatch.setattr(store, "_messages", counted)
    chat = Chat(models, store)
    for turn in range(3):
        read = 0
        done = list(chat.turn(conversation, "q"))[-1]
        assert isinstance(done, Done)
        assert read <= (150 if turn else 700)  # of twenty thousand
        [gone] = done.receipt["dropped"]
        prompt = models.model.asked[-1].prompt
        shown = prompt.count("<user>") + prompt.count("<assistant>") - 1
        assert gone["messages"] == ROWS + 2 * turn + 1 - shown
        assert gone["first_id"] == "msg_000000000000000000"
        assert prompt.endswith("<user>q<assistant>")
