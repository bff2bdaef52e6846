"""Who is let in to the models: so many at once, a bounded queue before them, then 429.

Owner by owner in turn: somebody's thousand requests wait behind each other, and another's one
waits for the next place that becomes free.  No owner has more places than are still free, so there
is one left for whoever comes next, however many have taken all that they could get.  When the queue
is full, whoever holds most of it gives way: a newcomer who holds less takes the place of that
owner's newest, which gets the 429 with `retry-after`.  So a full queue of one client is never
another's 429.

A place is given back when the answer ends, however it ends, and by a client that leaves while it
waits.  Once the server stops, nothing new is let in.  `door.py` is the middleware.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque
from contextlib import suppress
from typing import Final

from starlette.types import Scope

from fireside.errors import FiresideError, Overloaded
from fireside.server.connections.shares import Shares

BODY_BYTES: Final = 512 * 2**20
"""Of requests that wait or are being answered, all of them together."""
ADMITTED = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/responses/compact",
    "/v1/embeddings",
    "/v1/moderations",
)


def takes_a_place(scope: Scope) -> bool:
    """Whether the request makes a model work.  Graders, batches and evals hold no place: what they
    ask inside does, and could not have one if they held them all."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    path: str = scope["path"].rstrip("/")
    if path.startswith(("/v1/engines/", "/engines/")):
        return path.endswith(("/completions", "/embeddings"))
    if path.startswith("/api/"):
        return path.endswith(("/turns", "/regenerate", "/edit", "/consent"))
    return path in ADMITTED


class Admission:
    """places: requests of one owner that are with the models at once; there are twice as many for
    all owners together.  max_queue: those that may wait.  bytes: of bodies that wait."""

    def __init__(self, places: int, max_queue: int) -> None:
        self.max_queue = max_queue
        self.waiting = 0
        self.closed = False
        self.bytes = Shares(BODY_BYTES)
        self._places = Shares(2 * places)
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._seconds = 1.0  # how long an answer takes, of late

    @property
    def places(self) -> int:
        return self._places.total

    @property
    def free(self) -> int:
        return self._places.free

    def close(self) -> None:
        """Let nothing new in; what waits or runs goes on.  A signal handler may call it."""
        self.closed = True

    def refuse_waiting(self, error: FiresideError) -> None:
        """Whoever waits gets `error` instead of a place."""
        for queue in self._queues.values():
            for place in queue:
                place.set_exception(error)
        self._queues.clear()
        self.waiting = 0

    def ask(self, owner: str) -> asyncio.Future[None]:
        """A place: done when it is there.  Whoever asked owes a `leave`, or an `abandon` if they
        do not wait.

        Raises:
            Overloaded: the queue is full; the future raises it too, if another owner's request
                takes this one's place in the queue.
        """
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if owner not in self._queues and self._places.take(owner):
            place.set_result(None)
            return place
        if self.waiting >= self.max_queue:
            self._make_room(owner)
        self._queues.setdefault(owner, deque()).append(place)
        self.waiting += 1
        return place

    def abandon(self, owner: str, place: asyncio.Future[None]) -> None:
        """Give up a place that may or may not be there yet."""
        if not place.done():
            self._forget(owner, place)
        elif place.exception() is None:
            self._pass_on(owner)

    def leave(self, owner: str, seconds: float) -> None:
        """Give a place back after so long."""
        self._seconds += 0.1 * (seconds - self._seconds)
        self._pass_on(owner)

    def _pass_on(self, owner: str) -> None:
        self._places.give_back(owner)
        while (following := self._next()) is not None:
            self._let_in(following)

    def _next(self) -> str | None:
        """Whose turn it is, of those who may have a place more."""
        return next((owner for owner in self._queues if self._places.has_room(owner)), None)

    def _let_in(self, owner: str) -> None:
        """The first of an owner's, who then goes to the end of the line."""
        queue = self._queues.pop(owner)
        place = queue.popleft()
        self.waiting -= 1
        if queue:
            self._queues[owner] = queue
        self._places.take(owner)
        place.set_result(None)

    def _make_room(self, owner: str) -> None:
        mine = len(self._queues.get(owner, ()))
        greedy = max(self._queues, key=lambda each: len(self._queues[each]))
        if len(self._queues[greedy]) <= mine + 1:
            raise self._overloaded()
        last = self._queues[greedy][-1]
        self._forget(greedy, last)
        last.set_exception(self._overloaded())

    def _forget(self, owner: str, place: asyncio.Future[None]) -> None:
        queue = self._queues.get(owner, deque())
        with suppress(ValueError):
            queue.remove(place)
            self.waiting -= 1
        if not queue:
            self._queues.pop(owner, None)

    def _overloaded(self) -> Overloaded:
        wait = max(1.0, math.ceil(self._seconds * self.waiting / self.places))
        return Overloaded(
            f"{self.waiting} requests are waiting already: try again in {wait:.0f} s.",
            retry_after=min(60.0, wait),
        )
