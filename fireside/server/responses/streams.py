"""Events as OpenAI's Responses streams frame them: each under its name, and no `[DONE]`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from fireside.server.responses.reply import Event
from fireside.server.streaming import encoded


class NamedEvents(StreamingResponse):
    """Sends `events` as they come.  `close` runs when it is over, however it ended."""

    def __init__(self, events: AsyncIterator[Event], *, close: Callable[[], None]) -> None:
        super().__init__(
            _framed(events),
            media_type="text/event-stream",
            headers={"cache-control": "no-store"},
        )
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


async def _framed(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    async for event in events:
        yield b"event: " + event["type"].encode() + b"\n" + encoded(event)
