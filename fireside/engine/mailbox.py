"""From the engine's thread to one consumer, who may wait with a thread or with an event loop.

One consumer at a time: two tasks that await the same mailbox would rob each other, and no lock here
keeps them from it.
"""

from __future__ import annotations

import asyncio
import queue
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Wakes:
    """The futures to resolve when a step is over: one call into each event loop per step, because
    `call_soon_threadsafe` costs some 15 µs and sixteen streams usually share a loop."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}

    def add(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
        self._waiting.setdefault(loop, []).append(future)

    def send(self) -> None:
        """Wake everybody.  A loop that is closed has nobody left to wake."""
        for loop, futures in self._waiting.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, futures)
        self._waiting.clear()


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


class Mailbox(Generic[Item]):
    """An unbounded queue; the engine puts, a thread `take`s or a task awaits `take_async`."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None

    def put(self, item: Item, wakes: Wakes) -> None:
        self._items.put(item)
        # Read after the put; `take_async` looks into the queue after it has set the waiter.  So
        # either it sees the item or we see the waiter.
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            wakes.add(*waiter)

    def take(self) -> Item:
        return self._items.get()

    async def take_async(self) -> Item:
        while True:
            try:
                return self._items.get_nowait()
            except queue.Empty:
                pass
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            self._waiter = (loop, future)
            if self._items.empty():
                await future
            self._waiter = None
