"""An HTTP connection whose client must get on with it: with its headers, its body and its reading.

uvicorn closes a connection that was kept after an answer and is not used again.  Here also ends one
that never sends a request, that sends one byte a minute, or that does not read its answer.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from fireside.errors import BadRequest, FiresideError, Overloaded
from fireside.server.connections.ledger import Ledger
from fireside.server.connections.watch import Watch
from fireside.server.errors import envelope

HEADER_SECONDS: Final = 30.0
"""For the whole of a request's headers, and of a new connection for its first request."""
LINGER_SECONDS: Final = 30.0
"""How long the rest of a body may come in after the answer, which did not wait for it."""
KNOWN: Final = 1e6
BUSY: Final = 1e9
"""Claims: of an idle connection that showed a key, and of one that is still sending."""


class Slow(BadRequest):
    status = 408
    default_code = "request_timeout"


class HttpConnection(H11Protocol):
    def __init__(self, ledger: Ledger, **given: Any) -> None:
        super().__init__(**given)
        self._watch = Watch(ledger)
        self._stage: tuple[str, object] = ("new", None)
        self._waited = 0.0  # seconds in this stage

    @property
    def address(self) -> str:
        return self._watch.address

    # asyncio's

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch.open(transport, self.client)
        if not self._watch.ledger.enter(self):
            self._say(Overloaded("There are too many connections from your address: close some."))

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.ledger.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._watch.received += len(data)
        if not self.transport.is_closing():
            super().data_received(data)

    # uvicorn's

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._watch.ledger.leave(self)  # the WebSocket enters in its place
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        self._say(BadRequest(msg))

    # The ledger's

    @property
    def claim(self) -> float | None:
        phase = self._phase()
        if phase in ("answer", "closing"):
            return None
        if phase == "body":
            return BUSY + self._watch.sending.left
        return (KNOWN if self._is_known else 0.0) - self._waited

    def look(self, passed: float) -> None:
        self._watch.look_at_reader(passed)
        phase = self._phase()
        if self._stage != (phase, self.cycle):
            self._stage, self._waited = (phase, self.cycle), 0.0
            self._watch.sending.renew()
            self._watch.received = 0
        self._waited += passed
        match phase:
            case "new" if self._waited > HEADER_SECONDS:
                self.transport.close()  # it asked nothing, so it is told nothing
            case "kept" if self._waited > self.timeout_keep_alive:
                self.transport.close()
            case "headers" if self._waited > HEADER_SECONDS:
                self._say(Slow("The request's headers did not come in time."))
            case "body" if not self._waits_for_us() and self._watch.look_at_sender(passed):
                self._say(Slow("The rest of the request's body did not come in time."))
            case "rest" if self._waited > LINGER_SECONDS:
                self.transport.abort()

    def give_way(self) -> None:
        self.transport.abort()

    def _phase(self) -> str:
        """What is waited for.

        new: a first request.  kept: a further one; an empty line ends uvicorn's own timer for it.
        headers, body: the rest of them.  answer: ours.  rest: of a body that nobody reads.
        """
        if self.transport.is_closing():
            return "closing"
        theirs, ours = self.conn.their_state, self.conn.our_state
        if theirs is h11.SEND_BODY:
            return "body" if ours in (h11.SEND_RESPONSE, h11.SEND_BODY) else "rest"
        if theirs is h11.IDLE:
            if self.conn.trailing_data[0]:
                return "headers"
            return "new" if self.cycle is None else "kept"
        return "answer" if self.cycle is not None and not self.cycle.response_complete else "kept"

    @property
    def _is_known(self) -> bool:
        """Whether its last request showed a key."""
        caller = None if self.cycle is None else self.cycle.scope["state"].get("caller")
        return getattr(caller, "key_id", None) is not None

    def _waits_for_us(self) -> bool:
        return self.flow.read_paused or self.cycle.waiting_for_100_continue

    def _say(self, error: FiresideError) -> None:
        """Answer for the application, and close."""
        body = json.dumps(envelope(error)).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        parts = (
            h11.Response(status_code=error.status, headers=headers, reason=b""),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        try:
            said = b"".join(self.conn.send(part) or b"" for part in parts)
        except h11.LocalProtocolError:  # an answer has begun: there is no place for another
            self.transport.abort()
            return
        self.transport.write(said)
        self.transport.close()
