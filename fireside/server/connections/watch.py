"""What HTTP and WebSocket connections have in common: a client that does not read is given up, and
one that has vanished without a word is found out."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from fireside.server.connections.ledger import Ledger, address_of
from fireside.server.connections.patience import Patience

STALL_SECONDS: Final = 30.0
"""How long a client may neither send what it began, nor read what is there for it."""
RATE: Final = 1000.0
"""Bytes a second that are always fast enough: slower than any phone's network of today."""


class Watch:
    """The half of a connection's protocol that keeps it in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.address = ""
        self.ledger = ledger
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.received = 0  # bytes since the last look
        self.sending = Patience(STALL_SECONDS, RATE)
        self.reading = Patience(STALL_SECONDS, RATE)
        self._unread = 0

    def open(self, transport: asyncio.Transport, client: tuple[str, int] | None) -> None:
        self.transport = transport
        self.address = address_of(client)
        keep_alive(transport)

    def look_at_reader(self, passed: float) -> None:
        """Give a client up that leaves what was sent to it unread."""
        unread = self.transport.get_write_buffer_size()
        if unread:
            self.reading.spend(passed, moved=max(0, self._unread - unread))
            if self.reading.is_over:
                self.transport.abort()
        else:
            self.reading.renew()
        self._unread = unread

    def look_at_sender(self, passed: float) -> bool:
        """Whether a client that owes the rest of something has stopped sending it."""
        self.sending.spend(passed, moved=self.received)
        self.received = 0
        return self.sending.is_over


def keep_alive(transport: asyncio.Transport) -> None:
    """Ask a silent machine now and then whether it is still there; it may have lost its power."""
    found = transport.get_extra_info("socket")
    if found is None or found.family not in (socket.AF_INET, socket.AF_INET6):
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Linux's names; elsewhere the system's own times hold.
    for name, value in (
        ("TCP_KEEPIDLE", 60),
        ("TCP_KEEPINTVL", 15),
        ("TCP_KEEPCNT", 4),
        ("TCP_USER_TIMEOUT", 120_000),
    ):
        if hasattr(socket, name):
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
