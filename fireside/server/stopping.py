"""The last word of a server that stops: what is cancelled then still gets its answer.

Outermost of the middleware.  A stream ends with an error event, anything else is the JSON of a 503,
a WebSocket is closed with the code for a restart; nobody sees a traceback.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fireside.errors import Unavailable
from fireside.server.admission import Admission
from fireside.server.errors import envelope, refuse

STOPPED: Final = "The server stopped before this was whole: ask again when it is back."
RESTART: Final = 1012
PATIENCE: Final = 0.5  # seconds for a client that does not read


class LastWord:
    """The middleware."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self.app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = SentMessages(send)
        try:
            await self.app(scope, receive, sent.send)
        except asyncio.CancelledError:
            if scope["type"] == "lifespan" or not self._admission.closed:
                raise
            with suppress(TimeoutError, OSError, RuntimeError):
                async with asyncio.timeout(PATIENCE):
                    await sent.end(scope, receive)


class SentMessages:
    """How far an answer has come."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = self._ended = self._streams = False

    async def send(self, message: Message) -> None:
        match message["type"]:
            case "http.response.start":
                kind = Headers(raw=message["headers"]).get("content-type", "")
                self._streams = kind.startswith("text/event-stream")
                self._begun = True
            case "http.response.body":
                self._ended = not message.get("more_body", False)
            case "websocket.accept":
                self._begun = True
            case "websocket.close":
                self._ended = True
        await self._send(message)

    async def end(self, scope: Scope, receive: Receive) -> None:
        error = Unavailable(STOPPED)
        if self._ended:
            return
        if not self._begun:
            await refuse(error, scope, receive, self._send, {"retry-after": "5"})
        elif scope["type"] == "websocket":
            await self._send({"type": "websocket.close", "code": RESTART, "reason": STOPPED})
        elif self._streams:
            last = f"data: {json.dumps(envelope(error))}\n\n".encode()
            await self._send({"type": "http.response.body", "body": last, "more_body": False})
