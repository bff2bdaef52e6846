"""Runs of evals: every item is answered and graded once, whatever happens in between.

An item is done when its row is there, and its row's id is its place: after a restart the run goes
on with the places that have none.  Requests of the server's own, a few at a time, so that people
come first.  Refuses to hold a run's items in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from pydantic import TypeAdapter

from fireside.errors import Conflict, FiresideError, NotFound
from fireside.graders.scoring import values_of
from fireside.server.batches.rows import caller_of
from fireside.server.batches.slots import Slots
from fireside.server.caller import Caller
from fireside.server.errors import log
from fireside.server.evals import rows
from fireside.server.evals.samples import (
    failed_sample,
    given_sample,
    messages_of,
    request_of,
    sampled,
)
from fireside.server.evals.source import Items
from fireside.server.evals.wire import Criterion, names_of
from fireside.server.grading import GraderFailed, Grading, Usage, ask
from fireside.server.inside import Inside
from fireside.storage.files import Files
from fireside.storage.objects import New, Objects, Stored

GLANCE: Final = 5.0
_CRITERION: Final[TypeAdapter[Any]] = TypeAdapter(Criterion)


class EvalRunner:
    """A `Service`."""

    def __init__(self, objects: Objects, files: Files, inside: Inside, slots: Slots) -> None:
        self._objects, self._files, self._inside, self._slots = objects, files, inside, slots
        self._grading = Grading(inside)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._main: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._main = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """What is not done is done after the next start."""
        for task in [self._main, *self._tasks.values()]:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def wake(self) -> None:
        self._wake.set()

    def cancel(self, run_id: str) -> None:
        """Stop asking for a run that was canceled or deleted."""
        if (task := self._tasks.get(run_id)) is not None:
            task.cancel()

    async def _work(self) -> None:
        while True:
            try:
                await self._look()
            except Exception:
                log.exception("eval runs could not be looked after; trying again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), GLANCE)
            self._wake.clear()

    async def _look(self) -> None:
        for status in ("in_progress", "queued"):
            page = await asyncio.to_thread(
                self._objects.listed,
                rows.RUN,
                owner=None,
                statuses=[status],
                order="asc",
                limit=100,
            )
            for run in page.items:
                if run.id not in self._tasks:
                    task = asyncio.create_task(self._run(run))
                    self._tasks[run.id] = task
                    task.add_done_callback(partial(self._over, run.id))

    def _over(self, run_id: str, _: object) -> None:
        self._tasks.pop(run_id, None)

    async def _run(self, run: Stored) -> None:
        try:
            await _Run(self, run).all()
        except* FiresideError as several:
            wrong = several.exceptions[0]
            assert isinstance(wrong, FiresideError)
            await self._fail(run, wrong.code or "invalid_data_source", wrong.message)
        except* Exception:
            log.exception("the eval run %s failed", run.id)
            await self._fail(
                run, "server_error", "The server failed on this run; its log says why."
            )

    async def _fail(self, run: Stored, code: str, message: str) -> None:
        error = {"code": code, "message": message}
        with contextlib.suppress(NotFound):  # the run was deleted meanwhile
            await self.move(run, "failed", error=error)

    async def move(self, run: Stored, status: str | None = None, **body: Any) -> Stored:
        """Change a run that is not over."""

        def changed(now: Stored) -> Stored:
            if now.status in rows.OVER:
                return now
            return replace(now, status=status or now.status, body=now.body | body)

        return await asyncio.to_thread(self._objects.change, rows.RUN, run.id, changed, owner=None)


class _Run:
    """One run, from wherever it stands to its end."""

    def __init__(self, runner: EvalRunner, run: Stored) -> None:
        self.runner, self.run = runner, run
        self.caller = caller_of(run)
        self.criteria: list[dict[str, Any]] = []
        self.counts: dict[str, Any] = {}

    async def all(self) -> None:
        objects = self.runner._objects
        parent = await asyncio.to_thread(
            objects.get, rows.EVAL, self.run.parent_id or "", owner=None
        )
        self.criteria = parent.body["testing_criteria"]
        self.counts = rows.fresh_counts(self.criteria)
        done = await asyncio.to_thread(self._done)
        await self.runner.move(self.run, "in_progress", **self.counts)
        source = self.run.body["data_source"]["source"]
        schema = rows.item_schema(parent)
        items = Items(self.runner._files, objects, self.run.owner, schema).of(source)
        slots = self.runner._slots
        async with asyncio.TaskGroup() as together:
            place = 0
            while (row := await asyncio.to_thread(next, items, None)) is not None:
                if place not in done:
                    await slots.take()
                    task = together.create_task(self._item(place, row))
                    task.add_done_callback(slots.give_back)
                place += 1
        await self.runner.move(self.run, "completed", **self.counts)

    def _done(self) -> set[int]:
        """The places that have been dealt with, and what they came to."""
        found: set[int] = set()
        after = None
        while True:
            page = self.runner._objects.listed(
                rows.ITEM, owner=None, parent_id=self.run.id, order="asc", after=after, limit=500
            )
            for item in page.items:
                found.add(item.body["place"])
                rows.counted(self.counts, item.body | {"status": item.status})
            if not page.more:
                return found
            after = page.items[-1].id

    async def _item(self, place: int, row: Mapping[str, Any]) -> None:
        item = row["item"]
        results: list[dict[str, Any]] = []
        try:
            sample, said, usage = await self._sample(row)
            status = "error" if sample["error"] else ""
        except FiresideError as wrong:  # a template names what the item lacks
            sample, said, usage = failed_sample(wrong.code or "invalid_item", wrong.message), {}, {}
            status = "error"
        if not status:
            values = values_of(item, str(said.get("output_text", "")), **_more(said))
            status, results = await self._results(values, sample, usage)
        body = {
            "place": place, "item": item, "sample": sample, "results": results,
            "usage": {name: _used(each) for name, each in usage.items()},
        }  # fmt: skip
        await asyncio.to_thread(self._keep, place, status, body)
        rows.counted(self.counts, body | {"status": status})
        await self.runner.move(self.run, **self.counts)

    def _keep(self, place: int, status: str, body: dict[str, Any]) -> None:
        new = New(
            id=f"outputitem_{self.run.id.partition('_')[2]}_{place}", body=body, status=status
        )
        with contextlib.suppress(Conflict):
            self.runner._objects.add_all(
                rows.ITEM, [new], owner=self.run.owner, parent_id=self.run.id
            )

    async def _sample(
        self, row: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Usage]]:
        """As it is shown; as templates see it; what it took."""
        source = self.run.body["data_source"]
        if source.get("model") is None:
            said = dict(row.get("sample") or {})
            return given_sample(said), said, {}
        messages = await asyncio.to_thread(messages_of, source["input_messages"], row["item"])
        path, body = request_of(source, messages)
        answer = await ask(self.runner._inside, path, body, self.caller)
        usage = Usage()
        usage.add(answer.body.get("usage") or {})
        sample = sampled(answer, messages, body, usage)
        if sample["error"] is not None:
            return sample, {}, {}
        said = {
            "output_text": sample["output"][0]["content"] or "", "model": sample["model"],
            "choices": answer.body.get("choices", []),
        }  # fmt: skip
        return sample, said, {sample["model"]: usage}

    async def _results(
        self, values: Mapping[str, Any], sample: dict[str, Any], usage: dict[str, Usage]
    ) -> tuple[str, list[dict[str, Any]]]:
        results: list[dict[str, Any]] = []
        status = "pass"
        for name, plain in zip(names_of(self.criteria), self.criteria, strict=True):
            grader = _CRITERION.validate_python(plain)
            told: dict[str, Any] = {"name": name, "type": grader.type}
            try:
                graded = await self.runner._grading.grade(grader, values, self.caller)
            except GraderFailed as wrong:
                results.append(told | {"passed": False, "score": 0.0, "error": wrong.message})
                sample["error"] = {"code": wrong.kind, "message": wrong.message}
                status = "error"
                continue
            passed = graded.score >= threshold(plain)
            said = None if graded.said is None else {"output_text": graded.said}
            results.append(told | {"passed": passed, "score": graded.score, "sample": said})
            status = status if passed or status == "error" else "fail"
            for model, used in graded.usage.items():
                into = usage.setdefault(model, Usage())
                into.invocations += used.invocations
                into.prompt += used.prompt
                into.completion += used.completion
                into.cached += used.cached
        return status, results


def threshold(criterion: Mapping[str, Any]) -> float:
    """What a score must reach.  A model's, without one: the middle of its range."""
    given = criterion.get("pass_threshold")
    if given is not None:
        return float(given)
    low, high = criterion.get("range") or (0.0, 1.0)
    return 1.0 if criterion["type"] in ("string_check", "label_model") else (low + high) / 2


def _more(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in said.items() if name not in ("output_text", "output_json")
    }


def _used(usage: Usage) -> dict[str, int]:
    return {
        "invocation_count": usage.invocations, "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion, "total_tokens": usage.prompt + usage.completion,
        "cached_tokens": usage.cached,
    }  # fmt: skip


def kept_caller(caller: Caller) -> dict[str, Any]:
    """What `caller_of` makes the caller of again."""
    return {
        "key_id": caller.key_id, "user_id": caller.user_id, "admin": caller.admin,
        "scopes": None if caller.scopes is None else sorted(caller.scopes),
    }  # fmt: skip
