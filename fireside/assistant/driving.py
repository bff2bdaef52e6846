"""The two ways to wait for an answer: a thread's `for` and an event loop's `async for`.

Both give the same pieces in the same order; the core (`answering.py`) does everything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING

from fireside.assistant.answering import Answering
from fireside.assistant.pieces import Piece

if TYPE_CHECKING:
    from fireside.engine.text import TextEvent


def pieces_of(core: Answering, begun: Iterable[TextEvent] | None = None) -> Iterator[Piece]:
    """The whole answer, in a thread.

    begun: the events of the first generation, if `begin` was called already.
    """
    events = begun
    while True:
        if events is None:
            events = core.begin()
        yield from core.waiting()
        if events is None:
            return
        for event in events:
            yield from core.feed(event)
        yield from core.ended()
        events = None


async def pieces_of_async(
    core: Answering, begun: AsyncIterable[TextEvent] | None = None
) -> AsyncIterator[Piece]:
    """The same on an event loop."""
    events = begun
    while True:
        if events is None:
            events = await asyncio.to_thread(core.begin)
        for piece in core.waiting():
            yield piece
        if events is None:
            return
        async for event in events:
            for piece in core.feed(event):
                yield piece
        for piece in core.ended():
            yield piece
        events = None
