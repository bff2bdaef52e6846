"""Who is let in to the models: so many at once, a bounded queue before them, then 429.

Owner by owner in turn: somebody's thousand requests wait behind each other, and another's one
waits for the next place that becomes free.  When the queue is full, whoever holds most of it gives
way: a newcomer who holds less takes the place of that owner's newest, which gets the 429 with
`retry-after`.  So a full queue of one client is never another's 429.

Nothing was read, sent or computed of a request that waits here.  Each place is given back when the
answer ends, however it ends, and by a client that leaves while it waits.  Once the server stops,
nothing new is let in.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict, deque
from contextlib import suppress
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fireside.errors import Overloaded, Unavailable
from fireside.server.caller import Caller
from fireside.server.errors import refuse

READ_AHEAD = 256 * 1024
"""Bytes of a waiting request's body that are read, which is how its client's leaving is seen."""
WHILE_STOPPING = ("/health", "/ready", "/metrics")
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
    """places: requests that are with the models at once.  max_queue: those that may wait."""

    def __init__(self, places: int, max_queue: int) -> None:
        self.free = places
        self.places = places
        self.max_queue = max_queue
        self.waiting = 0
        self.closed = False
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._seconds = 1.0  # how long an answer takes, of late

    def close(self) -> None:
        """Let nothing new in; what waits or runs goes on.  A signal handler may call it."""
        self.closed = True

    def ask(self, owner: str) -> asyncio.Future[None]:
        """A place: done when it is there.  Whoever asked owes a `leave`, or an `abandon` if they
        do not wait.

        Raises:
            Overloaded: the queue is full; the future raises it too, if another owner's request
                takes this one's place in the queue.
        """
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.free and not self.waiting:
            self.free -= 1
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
            self._pass_on()

    def leave(self, seconds: float) -> None:
        """Give a place back after so long."""
        self._seconds += 0.1 * (seconds - self._seconds)
        self._pass_on()

    def _pass_on(self) -> None:
        """The place goes to the owner whose turn it is, who then goes to the end of the line."""
        if not self._queues:
            self.free += 1
            return
        owner, queue = self._queues.popitem(last=False)
        place = queue.popleft()
        self.waiting -= 1
        if queue:
            self._queues[owner] = queue
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


class Door:
    """`Admission` as middleware."""

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
        admission = self._admission
        owner = scope.get("state", {}).get("caller", Caller()).owner
        try:
            place = admission.ask(owner)
            if not place.done():
                ahead = ReadAhead(receive)
                receive = ahead.receive
                try:
                    here = await ahead.until(place)
                except BaseException:
                    admission.abandon(owner, place)
                    raise
                if not here:
                    admission.abandon(owner, place)
                    return  # nobody is there to be answered
        except Overloaded as error:
            await refuse(error, scope, receive, send)
            return
        began = time.monotonic()
        try:
            await self.app(scope, receive, send)
        finally:
            admission.leave(time.monotonic() - began)


class ReadAhead:
    """Reads while a request waits, so that it is seen when its client leaves."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read: deque[Message] = deque()
        self._size = 0

    async def until(self, place: asyncio.Future[None]) -> bool:
        """Whether the client is still there when the place is.

        Raises:
            Overloaded: the place was given to another.
        """
        while not place.done():
            if self._size > READ_AHEAD:
                await place
                break
            reading = asyncio.ensure_future(self._receive())
            try:
                either: set[asyncio.Future[Any]] = {place, reading}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # Nothing is lost: a receive that is cancelled has taken no message.
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    self._took(await reading)
            if self._read and self._read[-1]["type"] == "http.disconnect":
                return False
        place.result()
        return True

    async def receive(self) -> Message:
        """For the application: what was read, then what comes."""
        return self._read.popleft() if self._read else await self._receive()

    def _took(self, message: Message) -> None:
        self._read.append(message)
        self._size += len(message.get("body", b""))
