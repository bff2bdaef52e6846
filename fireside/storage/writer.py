"""The write transactions of one process: one at a time, in the order in which they were asked for.

SQLite lets one connection write.  The others look again and again whether it is free, so that with
a dozen threads on a busy machine some waited longer than they may.  A thread that stands in line
here finds SQLite's lock free, unless another process holds it, and takes no connection before its
turn.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from fireside.errors import Unavailable


class Writer:
    """patience: seconds that a transaction waits for its turn."""

    def __init__(self, engine: Engine, patience: float) -> None:
        self.engine = engine
        self._patience = patience
        self._guard = threading.Lock()
        self._line: deque[threading.Lock] = deque()
        """The first has its turn; the others wait until their lock is released."""

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that writes.  One within another of the same thread never gets its turn.

        Raises:
            Unavailable: those before it took too long, or another process's write did.
        """
        with self.turn(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The time in which nobody else of this process writes.

        Raises:
            Unavailable: those before it took too long.
        """
        place = threading.Lock()
        try:
            self._stand_in_line(place)
            if not place.acquire(timeout=self._patience):
                raise Unavailable(
                    f"Other writes of this process to the database {self.engine.url.database} took "
                    f"longer than {self._patience:g} s: try again, and check the disk's speed."
                )
            yield
        finally:
            self._leave(place)

    def _stand_in_line(self, place: threading.Lock) -> None:
        with self._guard:
            if self._line:
                place.acquire()
            self._line.append(place)

    def _leave(self, place: threading.Lock) -> None:
        with self._guard:
            if place not in self._line:  # interrupted before it stood there
                return
            had_turn = self._line[0] is place
            self._line.remove(place)
            if had_turn and self._line:
                self._line[0].release()
