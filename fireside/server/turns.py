"""Answers of stored conversations that are being written right now, and who reads them.

An answer belongs to its conversation and not to its reader: it goes on when the page is closed or
loaded again, any number of pages read it from where it stands, and only `stop` ends it early.  The
request that asked lasts as long as the answer, so its place is held, and a server that stops waits
for it as for any other; what is cut off then says that the server stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from fireside.assistant import Delta, Done, Turn
from fireside.assistant.pieces import Notice, ToolEnded, ToolStarted
from fireside.assistant.turn import Shown
from fireside.errors import FiresideError, NotFound
from fireside.server.errors import envelope, log
from fireside.server.streaming import Event, EventStream
from fireside.storage import StoredMessage

Show = Callable[[StoredMessage], dict[str, object]]
Queue = asyncio.Queue[Event | None]
Row = dict[str, object]
LAST_WORDS = 5.0
"""Seconds that a conversation waits, before it is deleted, for the end of its answer."""


class Running:
    """One answer, for any number of readers."""

    def __init__(self, turn: Turn, start: Event) -> None:
        self.turn = turn
        self._start = start
        self._text = ""
        self._tools: dict[str, Event] = {}
        self._readers: set[Queue] = set()

    def tell(self, event: Event | None) -> None:
        """To all readers; None is the end."""
        if event is not None:
            self._note(event)
        for reader in self._readers:
            reader.put_nowait(event)

    def _note(self, event: Event) -> None:
        match event["type"]:
            case "delta":
                self._text += str(event["text"])
            case "tool":
                self._tools[str(event["id"])] = event
            case "tool_end":
                self._tools.pop(str(event["id"]), None)

    def events(self) -> AsyncIterator[Event]:
        """What was told so far, in short, and then all that comes."""
        queue: Queue = asyncio.Queue()
        self._readers.add(queue)
        before: list[Event] = [self._start]
        if self._text:
            before.append({"type": "delta", "text": self._text})
        return self._follow([*before, *self._tools.values()], queue)

    async def _follow(self, before: list[Event], queue: Queue) -> AsyncIterator[Event]:
        try:
            for event in before:
                yield event
            while True:
                told = await queue.get()
                if told is None:
                    return
                yield told
        finally:
            self._readers.discard(queue)


class TurnStream(EventStream):
    """The reply to a question.  It lasts as long as the answer, with its reader or without."""

    def __init__(self, running: Running, pump: asyncio.Task[None]) -> None:
        super().__init__(running.events(), cancel=lambda: None, last=b"")
        self._running = running
        self._pump = pump

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with suppress(ClientDisconnect):
                await super().__call__(scope, receive, send)
            await asyncio.wait({self._pump})
        except asyncio.CancelledError:  # the server stops, and its time for answers is over
            self._running.turn.interrupt()
            raise


class Turns:
    def __init__(self, show: Show) -> None:
        self.show = show
        self._beginning = 0
        self._running: dict[str, Running] = {}
        self._pumps: dict[asyncio.Task[None], Turn] = {}

    def looked_at(self, read: Callable[[], list[Row]]) -> list[Row]:
        """What `read` finds in the store, each row with `running`.  Callable from any thread.

        An answer may begin or end while it is read, and one that is called cut off, though it is
        not, is never looked at again.  So a row counts as running if it was before or after; and
        while any answer begins, each unsealed row might be that one.
        """
        before = set(self._running)
        beginning = self._beginning
        rows = read()
        beginning += self._beginning
        running = before | set(self._running)
        for row in rows:
            begins = beginning > 0 and row["status"] == "partial"
            row["running"] = row["id"] in running or begins
        return rows

    async def begin(self, ask: Callable[[], Turn]) -> StreamingResponse:
        """Ask in another thread; then `start`, `delta`s, tools, and `done` or `error`."""
        self._beginning += 1
        beginning = asyncio.ensure_future(self._begin(ask))
        beginning.add_done_callback(lambda _: self._begun())
        # A reader who leaves now has asked all the same.
        return await asyncio.shield(beginning)

    def _begun(self) -> None:
        self._beginning -= 1

    async def _begin(self, ask: Callable[[], Turn]) -> StreamingResponse:
        turn = await asyncio.to_thread(ask)
        question = await asyncio.to_thread(self.show, turn.question)
        start: dict[str, object] = {
            "type": "start",
            "question": question,
            "answer_id": turn.answer_id,
        }
        if turn.begun is not None:
            start["begun"] = (await asyncio.to_thread(self.show, turn.begun))["content"]
        running = self._running[turn.answer_id] = Running(turn, start)
        pump = asyncio.create_task(self._pump(running))
        self._pumps[pump] = turn
        pump.add_done_callback(self._pumps.pop)
        return TurnStream(running, pump)

    def follow(self, answer_id: str) -> StreamingResponse:
        """The same events for one more reader.

        Raises:
            NotFound: no such answer is being written.
        """
        return EventStream(self._one(answer_id).events(), cancel=lambda: None, last=b"")

    def stop(self, answer_id: str) -> None:
        """
        Raises:
            NotFound: no such answer is being written.
        """
        self._one(answer_id).turn.cancel()

    async def end(self, conversation_id: str) -> None:
        """Before a conversation is deleted: nobody can read on, so nothing is written on."""
        pumps = {
            pump: turn
            for pump, turn in self._pumps.items()
            if turn.question.conversation_id == conversation_id
        }
        for turn in pumps.values():
            turn.cancel()
        if pumps:
            await asyncio.wait(pumps, timeout=LAST_WORDS)

    def interrupt(self) -> None:
        """The server stops: what is still being written is cut off, and says so."""
        for turn in self._pumps.values():
            turn.interrupt()

    async def close(self) -> None:
        self.interrupt()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def _one(self, answer_id: str) -> Running:
        if answer_id not in self._running:
            raise NotFound("That answer is not being written any more.")
        return self._running[answer_id]

    async def _pump(self, running: Running) -> None:
        turn = running.turn
        try:
            async for piece in turn:
                event = await self._event(piece)
                if event is not None:
                    if event["type"] == "done":
                        del self._running[turn.answer_id]
                    running.tell(event)
        except Exception as error:
            if not isinstance(error, FiresideError):
                log.exception("failed while answering")
            running.tell({"type": "error", **envelope(error)})
        finally:
            self._running.pop(turn.answer_id, None)
            running.tell(None)

    async def _event(self, piece: Shown) -> Event | None:
        match piece:
            case Delta(text=text):
                return {"type": "delta", "text": text}
            case ToolStarted(call=call):
                return {"type": "tool", "id": call.id, "name": call.name}
            case ToolEnded(run=run):
                return {"type": "tool_end", "id": run.id}
            case Notice(text=text):
                return {"type": "notice", "text": text}
            case Done(message=message):
                return {"type": "done", "message": await asyncio.to_thread(self.show, message)}
        return None
