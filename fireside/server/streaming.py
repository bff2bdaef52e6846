"""Answers as Server-Sent Events, and what happens when nobody listens any more.

Both ways of answering end their generation as soon as the client is gone: a stream when its
response ends for whatever reason, a plain answer by watching the connection while it waits.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from fireside.errors import FiresideError, Interrupted
from fireside.server.errors import envelope, log

T = TypeVar("T")
Stopped = Callable[[], bool]
"""Whether nobody waits any more; a thread asks it between two pieces of work."""
Event = Mapping[str, object]


def encoded(event: Event) -> bytes:
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"data: {text}\n\n".encode()


class EventStream(StreamingResponse):
    """Sends `events` as they come.  `cancel` runs when the response is over, however it ended.

    A failure halfway is an event of its own (the status line is long gone); OpenAI's clients
    raise it.  `last` is what OpenAI's streams end with; the page's own streams need none.
    """

    def __init__(
        self,
        events: AsyncIterator[Event],
        *,
        cancel: Callable[[], None],
        last: bytes = b"data: [DONE]\n\n",
    ) -> None:
        super().__init__(
            _framed(events, last),
            media_type="text/event-stream",
            headers={"cache-control": "no-store"},
        )
        self._cancel = cancel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._cancel()


async def _framed(events: AsyncIterator[Event], last: bytes) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield encoded(event)
    except FiresideError as error:
        yield encoded(envelope(error))
    except Exception as error:
        log.exception("failed while streaming")
        yield encoded(envelope(error))
    else:
        yield last


async def submitted(start: Callable[[Stopped], T], discard: Callable[[T], None]) -> T:
    """What `start` gives, from a thread; should nobody wait for it any more, it is discarded.

    A thread cannot be stopped: it asks now and then, and what it submits to the engine all the
    same would run to its end unread.
    """
    gone = threading.Event()
    starting = asyncio.ensure_future(asyncio.to_thread(start, gone.is_set))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        gone.set()
        _discard_result(starting, discard)
        raise


def _discard_result(work: asyncio.Future[T], discard: Callable[[T], None]) -> None:
    """Discard the result of `work`: the one that is there already, or the one that comes."""

    def take(done: asyncio.Future[T]) -> None:
        if not done.cancelled() and done.exception() is None:
            discard(done.result())

    work.add_done_callback(take)


async def while_connected(
    request: Request,
    work: Coroutine[Any, Any, T],
    cancel: Callable[[], None] = lambda: None,
    discard: Callable[[T], None] = lambda _: None,
) -> T:
    """The result of `work`, unless it fails, the client leaves first or this task is cancelled.

    Then `cancel` is called, and `discard` with the result if `work` has one all the same: this
    task can be cancelled in the very step of the event loop in which `work` ends.

    Raises:
        Interrupted: the client left.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Interrupted("The client went away.")
    except BaseException:
        cancel()
        task.cancel()
        _discard_result(task, discard)
        raise
    finally:
        gone.cancel()


async def submitted_while_connected(
    request: Request,
    start: Callable[[Stopped], T],
    discard: Callable[[T], None],
) -> T:
    """What `start` gives, from a thread, as long as the client is there.

    Raises:
        Interrupted: the client left.
    """
    return await while_connected(request, submitted(start, discard), discard=discard)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def begun(
    request: Request, events: AsyncIterable[T], cancel: Callable[[], None], wait: bool
) -> AsyncIterator[T]:
    """`events`; if `wait`, once the first is there: what fails before it is a plain error still.

    A constraint that cannot be compiled fails so.  Others need not wait: their status line can go
    out before the prompt is read.

    Raises:
        FiresideError: whatever the first event failed with.
    """
    source = aiter(events)
    if not wait:
        return source

    async def first() -> list[T]:
        async for event in source:
            return [event]
        return []

    opening = await while_connected(request, first(), cancel)

    async def all_of_them() -> AsyncIterator[T]:
        for event in opening:
            yield event
        async for event in source:
            yield event

    return all_of_them()


async def interleaved(sources: Sequence[AsyncIterable[T]]) -> AsyncIterator[tuple[int, T]]:
    """Everything that the sources yield, each with its source's number, as it comes.

    The first failure of any source ends them all.
    """
    queue: asyncio.Queue[tuple[int, T] | BaseException | None] = asyncio.Queue()

    async def drain(number: int, source: AsyncIterable[T]) -> None:
        try:
            async for item in source:
                queue.put_nowait((number, item))
            queue.put_nowait(None)
        except Exception as error:
            queue.put_nowait(error)

    tasks = [asyncio.ensure_future(drain(i, source)) for i, source in enumerate(sources)]
    running = len(tasks)
    try:
        while running:
            item = await queue.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                running -= 1
            else:
                yield item
    finally:
        for task in tasks:
            task.cancel()
