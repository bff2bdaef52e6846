"""`Admission` as middleware: a request's body is read whole, then it waits for its place.

So a client that sends slowly, or never, holds a connection and nothing else.  What bodies hold in
memory is shared out as places are; of a request that waits nothing was computed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fireside.errors import FiresideError, Overloaded, Unavailable
from fireside.server.admission import Admission, takes_a_place
from fireside.server.body import MAX_BYTES, too_large
from fireside.server.caller import Caller
from fireside.server.errors import refuse

WHILE_STOPPING = ("/health", "/ready", "/metrics")


class Door:
    """The middleware."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self.app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif self._admission.closed and scope["path"] not in WHILE_STOPPING:
            stopping = Unavailable("The server is stopping: ask again later.")
            await refuse(stopping, scope, receive, send, {"retry-after": "5"})
        elif not takes_a_place(scope):
            await self.app(scope, receive, send)
        else:
            await self._admit(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        holder = holder_of(scope)
        body = Body(receive, self._admission, holder)
        try:
            place = await self._place(holder, body, Headers(scope=scope))
            if place is None:
                return  # nobody is there to be answered
            began = time.monotonic()
            try:
                await self.app(scope, body.receive, send)
            finally:
                self._admission.leave(holder, time.monotonic() - began)
        except Refusal as refusal:
            await refuse(refusal.error, scope, receive, send)
        finally:
            body.release()

    async def _place(
        self, holder: str, body: Body, headers: Headers
    ) -> asyncio.Future[None] | None:
        """A place that is there; None if the client left first.

        Raises:
            Refusal
        """
        try:
            if not await body.read(headers.get("content-length", "")):
                return None
            place = self._admission.ask(holder)
        except FiresideError as error:
            raise Refusal(error) from None
        try:
            here = await body.until(place)
        except FiresideError as error:
            raise Refusal(error) from None
        except BaseException:
            self._admission.abandon(holder, place)
            raise
        if not here:
            self._admission.abandon(holder, place)
            return None
        return place


class Refusal(Exception):
    """The door's own, which the application's errors must not be taken for."""

    def __init__(self, error: FiresideError) -> None:
        self.error = error


class Body:
    """Of one request: read before it has a place, and given to the application when it has."""

    def __init__(self, receive: Receive, admission: Admission, holder: str) -> None:
        self._receive = receive
        self._bytes = admission.bytes
        self._holder = holder
        self._messages: deque[Message] = deque()
        self._size = 0

    async def read(self, declared: str) -> bool:
        """All of it; False if the client left.

        Raises:
            TooLarge: it is larger than any body may be.
            Overloaded: too much of other bodies is in memory already.
        """
        if declared.isdigit() and int(declared[:20]) > MAX_BYTES:
            raise too_large()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return False
            size = len(message.get("body", b""))
            if self._size + size > MAX_BYTES:
                raise too_large()
            if not self._bytes.take(self._holder, size):
                raise Overloaded("Too many large requests are waiting: try again in a moment.")
            self._size += size
            self._messages.append(message)
            if not message.get("more_body", False):
                return True

    async def until(self, place: asyncio.Future[None]) -> bool:
        """Whether the client is still there when the place is.

        Raises:
            FiresideError: there will be none.
        """
        if not place.done():
            leaving = asyncio.ensure_future(self._receive())  # there is nothing else to come
            try:
                either: set[asyncio.Future[Any]] = {place, leaving}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if leaving.done():
                    return False
            finally:
                leaving.cancel()
                with suppress(asyncio.CancelledError):
                    await leaving
        place.result()
        return True

    async def receive(self) -> Message:
        """For the application: what was read, then what comes."""
        return self._messages.popleft() if self._messages else await self._receive()

    def release(self) -> None:
        self._messages.clear()
        if self._size:
            self._bytes.give_back(self._holder, self._size)
            self._size = 0


def holder_of(scope: Scope) -> str:
    """Whose share of places a request takes: its project's, or else its address's."""
    owner = scope.get("state", {}).get("caller", Caller()).owner
    client = scope.get("client")
    return owner or ("" if client is None else f"from {client[0]}")
