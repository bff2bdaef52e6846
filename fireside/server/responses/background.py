"""Responses that nobody waits for: they go on when their client leaves, and are fetched later.

While one runs its events are in memory; at its end they become rows, so a stream can be replayed
from any number on.  A server that stops gives those that have begun its drain time; what is left
is marked as failed, at its stop or at the next start, and says why.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fireside.errors import BadRequest, NotFound
from fireside.server.admission import Admission
from fireside.server.errors import log
from fireside.server.responses.items import Item
from fireside.server.responses.reply import FINAL, Event
from fireside.server.responses.run import Run
from fireside.server.responses.state import EVENT, RESPONSE, State
from fireside.storage.ids import new_id
from fireside.storage.objects import New, Stored

if TYPE_CHECKING:
    from fireside.engine.text import TextEvent

AT_ONCE: Final = 500  # rows of one transaction
BROKEN_OFF: Final = "The server was stopped while this response was being written. Create it again."


class Live:
    """One that is running: what it has said so far, for any number of listeners."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.events: list[Event] = []
        self.over = False
        self._news = asyncio.Event()

    def say(self, event: Event) -> None:
        self.events.append(event)
        self._wake()

    def end(self) -> None:
        self.over = True
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def follow(self, after: int) -> AsyncIterator[Event]:
        """The events with a number above `after`, and those to come."""
        place = after + 1
        while True:
            while place < len(self.events):
                yield self.events[place]
                place += 1
            if self.over:
                return
            await self._news.wait()


class Background:
    """A `Service` of the application."""

    def __init__(self, state: State, admission: Admission, drain_seconds: float = 0.0) -> None:
        """drain_seconds: how long those that have begun may go on when the server stops."""
        self._state = state
        self._admission = admission
        self._drain_seconds = drain_seconds
        self._live: dict[str, Live] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        await asyncio.to_thread(self._mark_broken)

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        begun = [self._tasks[name] for name, live in self._live.items() if live.run.begun]
        for task in tasks:
            if task not in begun:
                task.cancel()
        if begun and self._drain_seconds:
            await asyncio.wait(begun, timeout=self._drain_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._mark_broken)

    async def add(self, run: Run, source: AsyncIterator[TextEvent] | None) -> Live:
        """Let it run.  Its row is there when this returns.

        source: its generation's, if that has begun; else it waits for a place, owner by owner in
            turn.

        Raises:
            Overloaded: too much waits already.
        """
        run.response["status"] = "queued"
        place = None
        try:
            if source is None:
                place = self._admission.ask(run.owner)
            await asyncio.to_thread(self._state.begin, run.response, run.said.inputs, run.owner)
        except BaseException:
            if place is not None:
                self._admission.abandon(run.owner, place)
            run.close()
            raise
        live = Live(run)
        name = run.response["id"]
        self._live[name] = live
        self._tasks[name] = asyncio.create_task(self._drive(live, source, place))
        return live

    def live(self, response_id: str, owner: str) -> Live | None:
        found = self._live.get(response_id)
        return found if found is not None and found.run.owner == owner else None

    async def cancel(self, response_id: str, owner: str) -> None:
        """Returns when it is over; nothing happens to one that is over already.

        Raises:
            NotFound: there is none of this owner's.
            BadRequest: it was not made in the background.
        """
        live = self.live(response_id, owner)
        if live is None:
            row = await asyncio.to_thread(self._state.stored_response, response_id, owner)
            if not row.body["background"]:
                raise BadRequest("Only responses that run in the background can be cancelled.")
            return
        live.run.cancel()
        await asyncio.wait({self._tasks[response_id]})

    def events_of(self, response_id: str, owner: str) -> list[Event]:
        """Of one that is over.

        Raises:
            NotFound: there is none of this owner's.
            BadRequest: it was not made in the background, or its events are lost.
        """
        row = self._state.stored_response(response_id, owner)
        if not row.body["background"]:
            raise BadRequest(
                "Only responses that were made in the background can be streamed again.",
                param="stream",
            )
        rows = self._state.lineage.below(EVENT, [row.id])[row.id]
        if not rows:
            raise BadRequest(
                "The events of this response are gone: the server was stopped while it ran, or "
                "could not write them. Fetch it without stream.",
                param="stream",
            )
        return [each.body["event"] for each in rows]

    async def _drive(
        self,
        live: Live,
        source: AsyncIterator[TextEvent] | None,
        place: asyncio.Future[None] | None,
    ) -> None:
        name = live.run.response["id"]
        began = time.monotonic()
        try:
            await self._tell_or_fail(live, live.run.events(source, place))
        except Exception:
            log.exception("a failed response in the background was not kept")
        finally:
            if place is not None:
                self._give_back(live.run, place, began)
            live.run.close()
            del self._live[name], self._tasks[name]
            live.end()

    def _give_back(self, run: Run, place: asyncio.Future[None], began: float) -> None:
        if not run.begun:
            self._admission.abandon(run.owner, place)
        else:
            self._admission.leave(run.owner, time.monotonic() - began)

    async def _tell_or_fail(self, live: Live, events: AsyncIterator[Event]) -> None:
        """Whatever happens, its row and its listeners come to an end."""
        run = live.run
        try:
            await self._tell(live, events)
        except Exception as error:
            log.exception("a response in the background was lost")
            run.failure = error
            run.reply.fail(error, None)
            live.say(run.reply.failure(error))
            live.say(run.reply.about("failed"))
        if run.failure is not None:
            await asyncio.to_thread(self._mark_failed, run, live.events)

    async def _tell(self, live: Live, events: AsyncIterator[Event]) -> None:
        run = live.run
        async for event in events:
            try:
                if event["type"] == "response.in_progress":
                    await asyncio.to_thread(self._note_begun, run)
                if _is_last(event):
                    await self._keep_if_possible(run, [*live.events, event])
            finally:
                live.say(event)  # an event's number is its place

    async def _keep_if_possible(self, run: Run, events: list[Event]) -> None:
        """The response itself is written already, so it is not lost with its events."""
        try:
            await asyncio.to_thread(self._keep_events, run, events)
        except Exception:
            log.exception("the events of a response in the background were not kept")

    def _note_begun(self, run: Run) -> None:
        def begun(old: Stored) -> Stored:
            return replace(old, status="in_progress")

        self._state.objects.change(RESPONSE, run.response["id"], begun, owner=run.owner)

    def _keep_events(self, run: Run, events: list[Event]) -> None:
        for begin in range(0, len(events), AT_ONCE):
            rows = [
                New(id=new_id("revt"), body={"event": event})
                for event in events[begin : begin + AT_ONCE]
            ]
            self._state.objects.add_all(EVENT, rows, owner=run.owner, parent_id=run.response["id"])

    def _mark_failed(self, run: Run, events: list[Event]) -> None:
        """Unless the failure was written, or the response deleted."""

        def failed(old: Stored) -> Stored:
            if old.status in FINAL:
                return old
            return replace(old, status="failed", body=old.body | {"error": run.response["error"]})

        name, owner = run.response["id"], run.owner
        with suppress(NotFound):
            self._state.objects.change(RESPONSE, name, failed, owner=owner)
            if not self._state.lineage.below(EVENT, [name])[name]:
                self._keep_events(run, events)

    def _mark_broken(self) -> None:
        def broken(old: Stored) -> Stored:
            error: Item = {"code": "server_error", "message": BROKEN_OFF}
            return replace(old, status="failed", body=old.body | {"error": error})

        while True:
            left = self._state.objects.listed(
                RESPONSE, owner=None, statuses=("queued", "in_progress"), limit=100
            )
            for row in left.items:
                self._state.objects.change(RESPONSE, row.id, broken, owner=None)
            if not left.more:
                return


def _is_last(event: Event) -> bool:
    kind = event["type"].removeprefix("response.")
    return kind in FINAL
