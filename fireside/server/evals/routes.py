"""`/v1/evals`, their runs, and the output items of these."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from fireside.errors import BadRequest
from fireside.server import body
from fireside.server.caller import caller_of
from fireside.server.evals import rows
from fireside.server.evals.running import EvalRunner, kept_caller
from fireside.server.evals.source import Items
from fireside.server.evals.wire import EvalChange, EvalRequest, RunRequest
from fireside.server.listing import shown_list
from fireside.server.openapi import Listed, documented
from fireside.server.tuning.wire import Nothing
from fireside.storage.files import Files
from fireside.storage.objects import Objects, Stored

SHAPES = "fireside.server.evals.shapes:"
Limit = Annotated[int, Query(ge=1, le=100)]
After = Annotated[str | None, Query(max_length=256)]
Order = Annotated[Literal["asc", "desc"], Query()]
RunStatus = Annotated[
    Literal["queued", "in_progress", "completed", "canceled", "failed"] | None, Query()
]
ItemStatus = Annotated[Literal["pass", "fail"] | None, Query()]


def routes(objects: Objects, files: Files, runner: EvalRunner) -> APIRouter:
    router = APIRouter(tags=["evals"])

    async def found(request: Request, eval_id: str, run_id: str | None = None) -> Stored:
        """The eval, or the run of it."""
        owner = caller_of(request).owner
        one = await asyncio.to_thread(objects.get, rows.EVAL, eval_id, owner=owner)
        return one if run_id is None else await asyncio.to_thread(_run_of, objects, one, run_id)

    async def listed(
        request: Request, kind: str, show: Callable[[Stored], dict[str, Any]], **how: Any
    ) -> dict[str, Any]:
        owner = caller_of(request).owner
        page = await asyncio.to_thread(objects.listed, kind, owner=owner, **how)
        return shown_list(page, show)

    @router.post("/v1/evals", status_code=201)
    @documented(request=EvalRequest, response=SHAPES + "Eval", status=201)
    async def create_eval(request: Request) -> dict[str, Any]:
        asked = await body.read(request, EvalRequest)
        row = await asyncio.to_thread(
            objects.add, rows.EVAL, "eval", rows.body_of(asked), owner=caller_of(request).owner
        )
        return rows.shown_eval(row)

    @router.get("/v1/evals")
    @documented(response=Listed(SHAPES + "Eval"))
    async def list_evals(
        request: Request,
        after: After = None,
        limit: Limit = 20,
        order: Order = "asc",
        order_by: Annotated[Literal["created_at", "updated_at"], Query()] = "created_at",
    ) -> dict[str, Any]:
        if order_by != "created_at":
            raise BadRequest("order_by can only be created_at here.", param="order_by")
        return await listed(
            request, rows.EVAL, rows.shown_eval, after=after, limit=limit, order=order
        )

    @router.get("/v1/evals/{eval_id}")
    @documented(response=SHAPES + "Eval")
    async def retrieve_eval(request: Request, eval_id: str) -> dict[str, Any]:
        return rows.shown_eval(await found(request, eval_id))

    @router.post("/v1/evals/{eval_id}")
    @documented(request=EvalChange, response=SHAPES + "Eval")
    async def update_eval(request: Request, eval_id: str) -> dict[str, Any]:
        asked = await body.read(request, EvalChange)
        new = {name: getattr(asked, name) for name in asked.model_fields_set}

        def changed(row: Stored) -> Stored:
            return replace(row, body=row.body | new | {"updated_at": time.time()})

        owner = caller_of(request).owner
        row = await asyncio.to_thread(objects.change, rows.EVAL, eval_id, changed, owner=owner)
        return rows.shown_eval(row)

    @router.delete("/v1/evals/{eval_id}")
    @documented(response="EvalDeleteResponse")
    async def delete_eval(request: Request, eval_id: str) -> dict[str, Any]:
        owner = caller_of(request).owner
        page = await asyncio.to_thread(
            objects.listed, rows.RUN, owner=owner, parent_id=eval_id, limit=10_000
        )
        await asyncio.to_thread(objects.remove, rows.EVAL, eval_id, owner=owner)
        for run in page.items:
            runner.cancel(run.id)
        return {"object": "eval.deleted", "deleted": True, "eval_id": eval_id}

    @router.post("/v1/evals/{eval_id}/runs", status_code=201)
    @documented(request=RunRequest, response=SHAPES + "EvalRun", status=201)
    async def create_run(request: Request, eval_id: str) -> dict[str, Any]:
        asked = await body.read(request, RunRequest)
        parent = await found(request, eval_id)
        caller = caller_of(request)
        source = asked.data_source.model_dump(mode="json", by_alias=True, exclude_unset=True)
        if source["source"]["type"] == "stored_completions":
            # What is stored from now on is no part of it: the run's items stay the same ones.
            source["source"].setdefault("created_before", int(time.time()) + 1)
        new = {
            "name": asked.name or "",
            "metadata": asked.metadata,
            "data_source": source,
            "caller": kept_caller(caller),
            **rows.fresh_counts(parent.body["testing_criteria"]),
        }

        def create() -> Stored:
            # The first item now: a file that is none is the request's fault, not the run's.
            items = Items(files, objects, caller.owner, rows.item_schema(parent))
            next(items.of(source["source"]), None)
            return objects.add(
                rows.RUN, "evalrun", new, owner=caller.owner, parent_id=eval_id, status="queued"
            )

        run = await asyncio.to_thread(create)
        runner.wake()
        return rows.shown_run(run)

    @router.get("/v1/evals/{eval_id}/runs")
    @documented(response=Listed(SHAPES + "EvalRun"))
    async def list_runs(
        request: Request,
        eval_id: str,
        after: After = None,
        limit: Limit = 20,
        order: Order = "asc",
        status: RunStatus = None,
    ) -> dict[str, Any]:
        await found(request, eval_id)
        statuses = [] if status is None else [status]
        return await listed(
            request, rows.RUN, rows.shown_run, parent_id=eval_id, after=after, limit=limit,
            order=order, statuses=statuses,
        )  # fmt: skip

    run_url = "/v1/evals/{eval_id}/runs/{run_id}"

    @router.get(run_url)
    @documented(response=SHAPES + "EvalRun")
    async def retrieve_run(request: Request, eval_id: str, run_id: str) -> dict[str, Any]:
        return rows.shown_run(await found(request, eval_id, run_id))

    @router.post(run_url)
    @router.post(run_url + "/cancel")  # where the SDK asks
    @documented(response=SHAPES + "EvalRun")
    async def cancel_run(request: Request, eval_id: str, run_id: str) -> dict[str, Any]:
        if await request.body():
            await body.read(request, Nothing)
        run = await found(request, eval_id, run_id)

        def canceled(row: Stored) -> Stored:
            if row.status in rows.OVER:
                raise BadRequest(f"Run {run_id} is {row.status} already.", code="run_ended")
            return replace(row, status="canceled")

        run = await asyncio.to_thread(
            objects.change, rows.RUN, run_id, canceled, owner=caller_of(request).owner
        )
        runner.cancel(run_id)
        return rows.shown_run(run)

    @router.delete(run_url)
    @documented(response="evals:RunDeleteResponse")
    async def delete_run(request: Request, eval_id: str, run_id: str) -> dict[str, Any]:
        run = await found(request, eval_id, run_id)
        runner.cancel(run.id)
        await asyncio.to_thread(objects.remove, rows.RUN, run.id, owner=run.owner)
        return {"object": "eval.run.deleted", "deleted": True, "run_id": run_id}

    @router.get(run_url + "/output_items")
    @documented(response=Listed(SHAPES + "EvalOutputItem"))
    async def list_items(
        request: Request,
        eval_id: str,
        run_id: str,
        after: After = None,
        limit: Limit = 20,
        order: Order = "asc",
        status: ItemStatus = None,
    ) -> dict[str, Any]:
        await found(request, eval_id, run_id)
        statuses = {"pass": ["pass"], "fail": ["fail", "error"], None: []}[status]
        return await listed(
            request, rows.ITEM, lambda row: rows.shown_item(row, eval_id), parent_id=run_id,
            after=after, limit=limit, order=order, statuses=statuses,
        )  # fmt: skip

    @router.get(run_url + "/output_items/{item_id}")
    @documented(response=SHAPES + "EvalOutputItem")
    async def retrieve_item(
        request: Request, eval_id: str, run_id: str, item_id: str
    ) -> dict[str, Any]:
        run = await found(request, eval_id, run_id)
        item = await asyncio.to_thread(objects.get, rows.ITEM, item_id, owner=run.owner)
        if item.parent_id != run.id:
            _run_of(objects, run, item_id)  # as unknown as one that never was
        return rows.shown_item(item, eval_id)

    return router


def _run_of(objects: Objects, parent: Stored, run_id: str) -> Stored:
    """Raises NotFound: there is none, or it is another eval's."""
    run = objects.get(rows.RUN, run_id, owner=parent.owner)
    if run.parent_id != parent.id:
        return objects.get(rows.RUN, "", owner=parent.owner)
    return run
