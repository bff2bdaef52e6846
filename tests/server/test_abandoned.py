"""Hundreds of requests that nobody waits for any more, then one of somebody who does."""

from __future__ import annotations

import asyncio

import httpx
import openai
import pytest

from .fakes import FakeModel
from .serving import wait_until

ROUNDS, AT_ONCE = 25, 8  # 200 in all; 8 are as many as the fake house's queue takes
ASK = {"model": "fake:1b", "messages": [{"role": "user", "content": "Hi"}]}


async def abandon(address: str, model: FakeModel, *, stream: bool) -> None:
    """Ask eight times at once and leave when all of them are being answered."""
    async with httpx.AsyncClient(base_url=address, timeout=300) as client:

        async def ask() -> None:
            await client.post("/v1/chat/completions", json=ASK | {"stream": stream})

        before = len(model.submitted)
        asked = [asyncio.create_task(ask()) for _ in range(AT_ONCE)]
        begun = await asyncio.to_thread(
            wait_until, lambda: len(model.submitted) == before + AT_ONCE
        )
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert begun
    assert await asyncio.to_thread(
        wait_until, lambda: all(each.cancelled.is_set() for each in model.submitted)
    )


@pytest.mark.parametrize("stream", [False, True])
def test_the_next_one_is_answered(
    address: str, client: openai.OpenAI, model: FakeModel, stream: bool
) -> None:
    model.holds("Hello ", "there")
    for _ in range(ROUNDS):
        asyncio.run(abandon(address, model, stream=stream))
    assert len(model.submitted) == ROUNDS * AT_ONCE
    model.answer, model.holds_at = "Hello there", None
    answer = client.chat.completions.create(**ASK)
    assert answer.choices[0].message.content == "Hello there"
