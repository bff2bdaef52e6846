"""What a thread submits for somebody who has gone meanwhile does not run to its end."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from starlette.requests import Request

from fireside.errors import Overloaded
from fireside.server.streaming import Stopped, submitted, while_connected


def test_what_nobody_waits_for_is_cancelled() -> None:
    may_end, cancelled = threading.Event(), threading.Event()

    def start(_: Stopped) -> str:
        may_end.wait(300)
        return "generation"

    async def gone_meanwhile() -> None:
        waiting = asyncio.create_task(
            submitted(start, lambda made: made == "generation" and cancelled.set())
        )
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        may_end.set()
        assert await asyncio.to_thread(cancelled.wait, 300)

    asyncio.run(gone_meanwhile())


def test_what_somebody_waits_for_is_not() -> None:
    cancelled: list[int] = []
    assert asyncio.run(submitted(lambda _: 7, cancelled.append)) == 7
    assert cancelled == []


@pytest.mark.filterwarnings("error")
def test_a_refusal_reaches_whoever_waits_and_nobody_else() -> None:
    may_end = threading.Event()

    def refuse(_: Stopped) -> int:
        may_end.wait(300)
        raise Overloaded("full")

    async def both() -> None:
        abandoned = asyncio.create_task(submitted(refuse, lambda _: pytest.fail("cancelled")))
        await asyncio.sleep(0)
        abandoned.cancel()
        may_end.set()
        with pytest.raises(Overloaded):
            await submitted(refuse, lambda _: None)
        with pytest.raises(asyncio.CancelledError):
            await abandoned

    asyncio.run(both())


async def _silence() -> Any:
    await asyncio.Event().wait()


@pytest.mark.parametrize("work_steps", range(6))
def test_a_result_is_returned_or_discarded_whenever_the_task_is_cancelled(work_steps: int) -> None:
    async def play(cancelled_after: int) -> None:
        results: list[str] = []

        async def work() -> str:
            for _ in range(work_steps):
                await asyncio.sleep(0)
            results.append("generation")
            return "generation"

        discarded: list[str] = []
        request = Request({"type": "http"}, receive=_silence)
        task = asyncio.create_task(while_connected(request, work(), discard=discarded.append))
        for _ in range(cancelled_after):
            await asyncio.sleep(0)
        task.cancel()
        returned = [each for each in await asyncio.gather(task, return_exceptions=True)
                    if isinstance(each, str)]  # fmt: skip
        for _ in range(10):
            await asyncio.sleep(0)
        assert returned + discarded == results

    for cancelled_after in range(1, 12):
        asyncio.run(play(cancelled_after))
