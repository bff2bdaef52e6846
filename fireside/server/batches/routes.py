"""`/v1/batches`: make, list, look at, cancel.  The work itself is `runner.py`'s."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from fireside.errors import BadRequest
from fireside.server.batches import rows
from fireside.server.batches.runner import BatchRunner
from fireside.server.body import Wire, read
from fireside.server.caller import caller_of
from fireside.server.files import ExpiresAfter
from fireside.server.listing import Page, shown_list
from fireside.server.openapi import Listed, documented
from fireside.server.wire import Metadata
from fireside.storage.objects import Stored

Endpoint = Literal[
    "/v1/responses",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/moderations",
]


class CreateBatchRequest(Wire):
    input_file_id: str = Field(min_length=1, max_length=256)
    endpoint: Endpoint
    completion_window: Literal["24h"]
    metadata: Metadata | None = None
    output_expires_after: ExpiresAfter | None = None


def routes(runner: BatchRunner) -> APIRouter:
    router = APIRouter(tags=["batches"])
    objects, files = runner.objects, runner.files

    @router.post("/v1/batches")
    @documented(request=CreateBatchRequest, response="Batch")
    async def create_batch(request: Request) -> Response:
        call = await read(request, CreateBatchRequest)
        caller = caller_of(request)

        def make() -> Stored:
            file = files.get(call.input_file_id, caller.owner)
            if file.body["purpose"] != "batch":
                raise BadRequest(
                    f"The file {file.id!r} has the purpose {file.body['purpose']!r}: upload it "
                    "with the purpose 'batch'.",
                    param="input_file_id",
                )
            expires = call.output_expires_after
            return rows.add(
                objects, caller, endpoint=call.endpoint, input_file_id=file.id,
                metadata=call.metadata, output_life=None if expires is None else expires.seconds,
            )  # fmt: skip

        made = await asyncio.to_thread(make)
        runner.wake()
        return JSONResponse(rows.shown(made))

    @router.get("/v1/batches")
    @documented(response=Listed("Batch"))
    async def list_batches(request: Request, page: Annotated[Page, Depends()]) -> dict[str, Any]:
        owner = caller_of(request).owner

        def listed() -> dict[str, Any]:
            return shown_list(objects.listed(rows.KIND, owner=owner, **page.between), rows.shown)

        return await asyncio.to_thread(listed)

    @router.get("/v1/batches/{batch_id}")
    @documented(response="Batch")
    async def retrieve_batch(request: Request, batch_id: str) -> dict[str, object]:
        owner = caller_of(request).owner
        return rows.shown(await asyncio.to_thread(objects.get, rows.KIND, batch_id, owner=owner))

    @router.post("/v1/batches/{batch_id}/cancel")
    @documented(response="Batch")
    async def cancel_batch(request: Request, batch_id: str) -> dict[str, object]:
        owner = caller_of(request).owner
        batch = await asyncio.to_thread(
            objects.change, rows.KIND, batch_id, rows.cancelling, owner=owner
        )
        runner.cancel(batch_id)
        return rows.shown(batch)

    return router
