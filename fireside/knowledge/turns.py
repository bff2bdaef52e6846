"""Whose file is read next: owners take turns, and each has one file in work at a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence

MOST_REMEMBERED = 10_000


class Turns:
    """Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._last: dict[str, int] = {}  # the number of each owner's last turn, oldest first
        self._number = 0

    def take(self, owners: Sequence[str]) -> str | None:
        """Of these the one whose last turn is longest ago, the first of equals; it is busy until
        `release`.  None if all are busy."""
        with self._lock:
            free = [owner for owner in owners if owner not in self._busy]
            if not free:
                return None
            owner = min(free, key=lambda each: self._last.get(each, -1))
            self._last.pop(owner, None)
            self._last[owner] = self._number
            self._number += 1
            if len(self._last) > MOST_REMEMBERED:
                del self._last[next(iter(self._last))]
            self._busy.add(owner)
            return owner

    def release(self, owner: str) -> None:
        with self._lock:
            self._busy.discard(owner)
