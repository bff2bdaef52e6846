"""Whether an answer is being written: told right at its beginning and its end too."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

from fireside.server.turns import Turns

PARTIAL = {"id": "msg_a", "status": "partial"}


def running(turns: Turns, change: Any = lambda: None) -> object:
    """Whether the row counts as running, if `change` happens while it is read."""

    def read() -> list[dict[str, object]]:
        change()
        return [dict(PARTIAL)]

    return turns.looked_at(read)[0]["running"]


def test_an_answer_that_ends_while_it_is_read_is_not_cut_off() -> None:
    turns = Turns(lambda message: {})
    assert running(turns) is False
    turns._running["msg_a"] = SimpleNamespace()  # type: ignore[assignment]
    assert running(turns) is True
    assert running(turns, turns._running.clear) is True
    assert running(turns) is False


def test_an_answer_that_begins_while_it_is_read_is_not_cut_off() -> None:
    turns = Turns(lambda message: {})
    stored, may_return = threading.Event(), threading.Event()

    def ask() -> Any:
        stored.set()
        may_return.wait(300)
        raise ValueError("refused")

    async def look() -> list[object]:
        beginning = asyncio.ensure_future(turns.begin(ask))
        await asyncio.to_thread(stored.wait, 300)
        seen = [running(turns)]
        may_return.set()
        await asyncio.gather(beginning, return_exceptions=True)
        return [*seen, running(turns)]

    assert asyncio.run(look()) == [True, False]
