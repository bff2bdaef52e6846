"""Shares of something of which there is not enough: connections, places, bytes of memory.

A holder may take more while less is held by it than is free.  So one alone gets half of all, a
second one half of the rest, and however many hold whatever they can get, a newcomer still finds
something.  Nobody has to be told beforehand how many there will be.
"""

from __future__ import annotations


class Shares:
    """total: of what is shared."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.free = total
        self._held: dict[str, int] = {}

    def held_by(self, holder: str) -> int:
        return self._held.get(holder, 0)

    def has_room(self, holder: str, amount: int = 1) -> bool:
        return self.held_by(holder) + amount <= self.free

    def take(self, holder: str, amount: int = 1) -> bool:
        """False, with nothing changed, where the holder has its share already."""
        if not amount:
            return True
        if not self.has_room(holder, amount):
            return False
        self.free -= amount
        self._held[holder] = self.held_by(holder) + amount
        return True

    def give_back(self, holder: str, amount: int = 1) -> None:
        self.free += amount
        left = self.held_by(holder) - amount
        if left:
            self._held[holder] = left
        else:
            self._held.pop(holder, None)

    @property
    def greediest(self) -> str:
        """Who holds most."""
        return max(self._held, key=self.held_by)
