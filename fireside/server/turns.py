"""Answers of stored conversations that are being written right now.

A turn is always run to its end, so its row is always sealed: a reader who leaves, or presses
stop, cancels the generation, and what was said until then is kept as `stopped`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from fireside.assistant import Delta, Done, Turn
from fireside.assistant.pieces import Notice, ToolEnded, ToolStarted
from fireside.errors import FiresideError, NotFound
from fireside.server.errors import envelope, log
from fireside.server.streaming import Event, EventStream
from fireside.storage import StoredMessage

Show = Callable[[StoredMessage], dict[str, object]]
Queue = asyncio.Queue[Event | None]
Row = dict[str, object]


class Turns:
    def __init__(self, show: Show) -> None:
        self.show = show
        self._beginning = 0
        self._running: dict[str, Turn] = {}
        self._pumps: set[asyncio.Task[None]] = set()

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

    async def begin(self, ask: Callable[[], Turn]) -> EventStream:
        """Ask in another thread; then `start`, `delta`s, tools, and `done` or `error`."""
        self._beginning += 1
        try:
            turn = await asyncio.to_thread(ask)
            return self._stream(turn, await asyncio.to_thread(self.show, turn.question))
        finally:
            self._beginning -= 1

    def _stream(self, turn: Turn, question: Event) -> EventStream:
        queue: Queue = asyncio.Queue()
        self._running[turn.answer_id] = turn
        pump = asyncio.create_task(self._pump(turn, queue))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        start = {
            "type": "start",
            "question": question,
            "answer_id": turn.answer_id,
        }
        return EventStream(_events(start, queue), cancel=turn.cancel, last=b"")

    def stop(self, answer_id: str) -> None:
        """
        Raises:
            NotFound: no such answer is being written.
        """
        if answer_id not in self._running:
            raise NotFound("That answer is not being written any more.")
        self._running[answer_id].cancel()

    async def close(self) -> None:
        for turn in self._running.values():
            turn.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _pump(self, turn: Turn, queue: Queue) -> None:
        try:
            async for event in turn:
                match event:
                    case Delta(text=text):
                        queue.put_nowait({"type": "delta", "text": text})
                    case ToolStarted(call=call):
                        queue.put_nowait({"type": "tool", "id": call.id, "name": call.name})
                    case ToolEnded(run=run):
                        queue.put_nowait({"type": "tool_end", "id": run.id})
                    case Notice(text=text):
                        queue.put_nowait({"type": "notice", "text": text})
                    case Done(message=message):
                        shown = await asyncio.to_thread(self.show, message)
                        del self._running[turn.answer_id]
                        queue.put_nowait({"type": "done", "message": shown})
        except Exception as error:
            if not isinstance(error, FiresideError):
                log.exception("failed while answering")
            queue.put_nowait({"type": "error", **envelope(error)})
        finally:
            self._running.pop(turn.answer_id, None)
            queue.put_nowait(None)


async def _events(start: Event, queue: Queue) -> AsyncIterator[Event]:
    yield start
    while (event := await queue.get()) is not None:
        yield event
