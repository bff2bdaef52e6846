"""Every open connection, by the address that it comes from; once a second each is looked at.

Where there are as many as there may be, or one address has its share of them, a newcomer takes the
place of a connection that does nothing: of those that showed no key the one that has waited longest
for a request, then of those that did, else the slowest that is still sending one.  Who is being
answered is never cut off for another.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator
from typing import Final, Protocol

from fireside.server.connections.shares import Shares

HELD_BYTES: Final = 512 * 2**20
"""Of WebSocket messages that are not whole yet, all connections together."""

LOOKED_AT: Final = 32


class Watched(Protocol):
    """A connection, as the ledger sees it."""

    @property
    def address(self) -> str: ...

    @property
    def claim(self) -> float | None:
        """How much it deserves to stay, more for more; None: it is being answered."""

    def look(self, passed: float) -> None:
        """`passed` seconds have gone by: close if the client has taken too long."""

    def give_way(self) -> None:
        """Close now, for another's sake."""


class Ledger:
    """limit: connections that may be open at once.  `held` is shared by the same addresses."""

    def __init__(self, limit: int) -> None:
        self.held = Shares(HELD_BYTES)
        self._shares = Shares(limit)
        self._open: dict[str, dict[Watched, None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def enter(self, newcomer: Watched) -> bool:
        """False where there is no room, and nobody who would make room."""
        holder = newcomer.address
        if not self._shares.has_room(holder):
            mine = self._shares.held_by(holder)
            idle = self._idlest(holder if mine else self._shares.greediest)
            if idle is None:
                return False
            self.leave(idle)
            idle.give_way()
        self._shares.take(holder)
        self._open.setdefault(holder, {})[newcomer] = None
        return True

    def leave(self, connection: Watched) -> None:
        """Harmless for one that has left already, or was never let in."""
        of_address = self._open.get(connection.address, {})
        if connection in of_address:
            del of_address[connection]
            self._shares.give_back(connection.address)
            if not of_address:
                del self._open[connection.address]

    def look(self, passed: float) -> None:
        for connection in list(self._all()):
            connection.look(passed)

    def _all(self) -> Iterator[Watched]:
        return itertools.chain.from_iterable(self._open.values())

    def _idlest(self, holder: str) -> Watched | None:
        """Of the first few in line.  Who is being answered goes to its end, and no newcomer costs
        a look at thousands."""
        line = self._open[holder]
        claims: list[tuple[float, Watched]] = []
        for connection in list(itertools.islice(line, LOOKED_AT)):
            claim = connection.claim
            if claim is None or claim > 0:
                line[connection] = line.pop(connection)
            if claim is not None:
                claims.append((claim, connection))
        return min(claims, key=lambda each: each[0])[1] if claims else None


def address_of(client: tuple[str, int] | None) -> str:
    """One household's: of IPv6 the first half, for whoever has one address has them all."""
    if client is None:
        return ""
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0])
    except ValueError:
        return client[0]
    if address.version == 6:
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
