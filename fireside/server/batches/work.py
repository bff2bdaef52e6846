"""One batch, from its file to its output: every line asked once, whatever happens in between.

What it knows is in its row and its journal, so it can be dropped at any moment, by a signal or by
kill -9, and another `Work` goes on where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from fireside.errors import NotFound
from fireside.server.batches import lines, rows
from fireside.server.batches.journal import ERRORS, OUTPUT, Journal
from fireside.server.batches.lines import Line
from fireside.server.batches.slots import Slots
from fireside.server.inside import Answer, Inside
from fireside.storage.files import Files, create, disk_errors, fresh_id
from fireside.storage.objects import Stored

LOOK_EVERY: Final = 1.0  # seconds between two looks at the row, and between two counts in it
PATIENCE: Final = 5  # times that a line is asked again after a 503; after a 429 until time is up
LONGEST_PAUSE: Final = 60.0

Outcome = Literal["completed", "failed", "expired", "cancelled"]


class Work:
    """`run` ends when the batch is over.  `cancel`: its owner wants no more of it."""

    def __init__(self, batch: Stored, folder: Path, files: Files, inside: Inside, slots: Slots):
        self.batch = batch
        self._folder = folder / batch.id
        self._files, self._objects = files, files.objects
        self._inside, self._slots = inside, slots
        self._asking: asyncio.Task[None] | None = None
        self._unwanted = False

    def cancel(self) -> None:
        self._unwanted = True
        if self._asking is not None:
            self._asking.cancel()

    async def run(self) -> None:
        if self.batch.status == "validating":
            await asyncio.to_thread(self._validate)
        if self.batch.status == "failed":
            return
        journal = await asyncio.to_thread(Journal, self._folder)
        try:
            outcome = await self._outcome(journal)
            await asyncio.to_thread(self._finalize, journal, outcome)
        finally:
            journal.close()

    def _validate(self) -> None:
        try:
            path = self._files.path(self.batch.body["input_file_id"], self.batch.owner)
            found = lines.check(path, self.batch.body["endpoint"])
        except NotFound as error:
            found = lines.missing_file(error)

        def judged(row: Stored) -> Stored:
            if row.status != "validating":  # cancelled meanwhile
                return row
            if found.errors:
                errors = {"object": "list", "data": found.errors}
                return rows.moved(row, "failed", errors=errors)
            counts = row.body["counts"] | {"total": found.total}
            return rows.moved(row, "in_progress", counts=counts, model=found.model)

        self._change(judged)

    async def _outcome(self, journal: Journal) -> Outcome:
        if self.batch.status == "finalizing":
            decided: Outcome = self.batch.body["outcome"]
            return decided
        if self.batch.status == "cancelling":
            return "cancelled"
        try:
            path = await asyncio.to_thread(
                self._files.path, self.batch.body["input_file_id"], self.batch.owner
            )
        except NotFound as error:
            self.batch.body["errors"] = {"object": "list", "data": lines.missing_file(error).errors}
            return "failed"
        watching = asyncio.create_task(self._watch(journal))
        try:
            return await self._ask_all(path, journal)
        finally:
            watching.cancel()

    async def _ask_all(self, path: Path, journal: Journal) -> Outcome:
        requests = lines.requests_of(path)
        left = max(0.0, self.batch.body["due_at"] - time.time())
        self._asking = asyncio.create_task(self._ask(requests, journal))
        if self._unwanted:
            self._asking.cancel()
        try:
            await asyncio.wait_for(self._asking, left)
        except TimeoutError:
            await asyncio.to_thread(self._give_up, path, journal)
            return "expired"
        except asyncio.CancelledError:
            await asyncio.gather(self._asking, return_exceptions=True)
            if not self._unwanted:  # the server stops
                raise
            return "cancelled"
        return "completed"

    async def _ask(self, requests: Iterator[Line], journal: Journal) -> None:
        async with asyncio.TaskGroup() as group:
            while (line := await asyncio.to_thread(next, requests, None)) is not None:
                if line.custom_id in journal.done:
                    continue
                await self._slots.take()
                # By a callback: a task that is cancelled before it begins runs no `finally`.
                task = group.create_task(self._ask_one(line, journal))
                task.add_done_callback(self._slots.give_back)

    async def _ask_one(self, line: Line, journal: Journal) -> None:
        answer = await self._answer(line)
        writing = asyncio.ensure_future(
            asyncio.to_thread(
                journal.answered, line.custom_id, answer.status, answer.request_id, answer.body
            )
        )
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await writing  # what was answered counts, and the journal is not closed under it
            raise

    async def _answer(self, line: Line) -> Answer:
        """Asks again as long as the server is only too busy; a spent budget does not come back."""
        caller = rows.caller_of(self.batch)
        attempt = 0
        while True:
            answer = await self._inside.post(self.batch.body["endpoint"], line.body, caller)
            busy = answer.status == 429 or (answer.status == 503 and attempt < PATIENCE)
            if not busy or answer.error_code == "insufficient_quota":
                return answer
            await asyncio.sleep(min(LONGEST_PAUSE, answer.retry_after or 2.0**attempt))
            attempt = min(attempt + 1, PATIENCE)

    def _give_up(self, path: Path, journal: Journal) -> None:
        for line in lines.requests_of(path):
            if line.custom_id not in journal.done:
                journal.not_run(
                    line.custom_id,
                    "batch_expired",
                    "This request was not run before the batch's completion window was over.",
                )

    async def _watch(self, journal: Journal) -> None:
        """Keep the row's counts up to date, and see a cancellation by another process."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            with contextlib.suppress(Exception):  # the end writes them for good
                await asyncio.to_thread(self._look, journal)
            if self.batch.status == "cancelling":
                self.cancel()

    def _look(self, journal: Journal) -> None:
        self.batch = self._objects.get(rows.KIND, self.batch.id, owner=None)
        if self.batch.body["counts"] != self._counts(self.batch, journal):
            self._change(
                lambda row: replace(row, body=row.body | {"counts": self._counts(row, journal)})
            )

    def _counts(self, row: Stored, journal: Journal) -> dict[str, int]:
        done = {"completed": journal.completed, "failed": journal.failed}
        return {**row.body["counts"], **done}

    def _finalize(self, journal: Journal, outcome: Outcome) -> None:
        """In steps that a crash may fall between: the files' names are decided first."""
        errors = self.batch.body.get("errors")

        def ending(row: Stored) -> Stored:
            more = {
                "outcome": "cancelled" if row.status == "cancelling" else outcome,
                "reserved": {OUTPUT: fresh_id(), ERRORS: fresh_id()},
                "counts": self._counts(row, journal),
                "usage": journal.usage.shown(),
                "errors": errors,
            }
            more |= {name: row.body[name] for name in ("outcome", "reserved") if name in row.body}
            if row.status == "in_progress":
                return rows.moved(row, "finalizing", **more)
            return replace(row, body=row.body | more)

        self._change(ending)
        reserved = self.batch.body["reserved"]
        output = self._kept(journal.path(OUTPUT), "output", reserved[OUTPUT])
        failed = self._kept(journal.path(ERRORS), "error", reserved[ERRORS])
        self._change(
            lambda row: rows.moved(
                row, row.body["outcome"], output_file_id=output, error_file_id=failed
            )
        )
        journal.remove()

    def _kept(self, path: Path | None, what: str, file_id: str) -> str | None:
        """The id of the file that holds a copy of `path`; None where there is nothing to keep."""
        if path is None:
            return None
        with contextlib.suppress(NotFound):
            return self._files.get(file_id, self.batch.owner).id
        copy = self._files.temporary()
        try:
            with path.open("rb") as source, create(copy) as target, disk_errors():
                while block := source.read(2**20):
                    target.write(block)
            life = self.batch.body["output_life"]
            expires_at = None if life is None else time.time() + life
            name = f"{self.batch.id}_{what}.jsonl"
            self._files.add(
                self.batch.owner, name, "batch_output", copy, expires_at, file_id=file_id
            )
        finally:
            copy.unlink(missing_ok=True)
        return file_id

    def _change(self, change: rows.Change) -> None:
        self.batch = self._objects.change(rows.KIND, self.batch.id, change, owner=None)
