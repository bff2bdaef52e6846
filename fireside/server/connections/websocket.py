"""A WebSocket connection whose client must get on with it, and that holds bounded memory.

uvicorn pings a silent client.  Here also ends one that never finishes a message, that pings without
reading the answers, or that has asked nothing for `IDLE_SECONDS`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from fireside.server.body import MAX_BYTES
from fireside.server.connections.http import BUSY, HEADER_SECONDS
from fireside.server.connections.ledger import Ledger
from fireside.server.connections.watch import Watch

IDLE_SECONDS: Final = 1800.0
ANSWERING: Final = "answering"
"""Key of a scope's state: how many answers the application owes on this connection."""
READ_BYTES: Final = 16 * 1024
PART_BYTES: Final = 64
"""What a part of a message costs beside its text: of two letters each, they are twenty times so
large in memory as on their way."""
MOST_HELD: Final = 2 * MAX_BYTES
GOING_AWAY: Final = 1001
NO_TEXT: Final = 1007
TOO_BIG: Final = 1009
TRY_AGAIN_LATER: Final = 1013


class WebSocketConnection(WebSocketsSansIOProtocol):
    def __init__(self, ledger: Ledger, **given: Any) -> None:
        super().__init__(**given)
        self._watch = Watch(ledger)
        self._received = 0  # bytes of a message that is not whole
        self._held = 0  # what they are in memory
        self._idle = 0.0

    @property
    def address(self) -> str:
        return self._watch.address

    # asyncio's

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._watch.open(cast(asyncio.Transport, transport), self.client)
        self._watch.ledger.enter(self)
        # asyncio's own 256 KB can be 40,000 messages, which are taken apart without a pause.
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:
        self._hold(0)
        while not self.queue.empty():  # what was asked and not heard yet is nobody's any more
            self.queue.get_nowait()
        self._watch.ledger.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._watch.received += len(data)
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._received = self._received + len(data) if self._is_amid_message else 0
        amount = self._received + PART_BYTES * len(self.frames)
        if amount > MOST_HELD:
            self._close(TOO_BIG, "the message is too large, or has too many parts")
        elif not self._hold(amount):
            self._close(TRY_AGAIN_LATER, "too much is being sent: try again later")

    def pause_writing(self) -> None:
        # Who does not read what was sent is not read from: pings are answered at once, so many
        # of them would fill the memory with answers.
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    # uvicorn's

    def shutdown(self) -> None:
        if self._is_answered and not self.close_sent:
            self.stop_keepalive()  # the application closes when the last answer is over
        else:
            super().shutdown()

    def send_receive_event_to_app(self) -> None:
        self._idle = 0.0
        self._received = 0  # this message is whole; the next may begin in the same piece
        if self.curr_msg_data_type == "text" and not is_text(b"".join(self.frames)):
            self._close(NO_TEXT, "the message is not UTF-8")  # uvicorn would log a traceback
        else:
            super().send_receive_event_to_app()

    async def send(self, message: Any) -> None:
        self._idle = 0.0
        await super().send(message)

    async def receive(self) -> Any:
        message = await super().receive()
        if not self.writable.is_set() and not self.transport.is_closing():
            self.transport.pause_reading()
        return message

    # The ledger's

    @property
    def claim(self) -> float | None:
        if self.transport.is_closing() or self._is_answered:
            return None
        return BUSY + self._watch.sending.left if self._is_amid_message else -self._idle

    def look(self, passed: float) -> None:
        self._watch.look_at_reader(passed)
        if self.transport.is_closing():
            return
        self._idle += passed
        if not self.handshake_complete:
            if self._idle > HEADER_SECONDS:
                self.transport.abort()
        elif not self._is_amid_message:
            self._watch.sending.renew()
            if self._idle > IDLE_SECONDS and not self._is_answered:
                self._close(GOING_AWAY, "nothing was asked for a long time")
        elif not self.read_paused and self._watch.look_at_sender(passed):
            self._close(GOING_AWAY, "the rest of the message did not come in time")

    def give_way(self) -> None:
        self.transport.abort()

    @property
    def _is_answered(self) -> bool:
        return self.handshake_initiated and bool(self.scope["state"].get(ANSWERING))

    @property
    def _is_amid_message(self) -> bool:
        return bool(self.frames or self.conn.reader.buffer)

    def _hold(self, amount: int) -> bool:
        """Account for so many bytes of this connection; False if there is no room for them."""
        more, shares = amount - self._held, self._watch.ledger.held
        if more > 0 and not shares.take(self.address, more):
            return False
        if more < 0:
            shares.give_back(self.address, -more)
        self._held = amount
        return True

    def _close(self, code: int, reason: str) -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
