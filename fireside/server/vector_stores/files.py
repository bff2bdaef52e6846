"""`/v1/vector_stores/{id}/files` and `/file_batches`: documents go in, are watched, and go out."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from fireside.errors import BadRequest
from fireside.knowledge.collections import Collections
from fireside.server.body import read
from fireside.server.caller import caller_of
from fireside.server.listing import Page, envelope_of
from fireside.server.openapi import Listed, documented
from fireside.server.vector_stores.shown import shown_batch, shown_file
from fireside.server.vector_stores.stores import TEXT, page_of
from fireside.server.vector_stores.wire import AttachFile, CreateBatch, UpdateFile
from fireside.storage.objects import Stored

STORE = "/v1/vector_stores/{vector_store_id}"
FILE = STORE + "/files/{file_id}"
BATCH = STORE + "/file_batches/{batch_id}"
SHOWN = "vector_stores:VectorStoreFile"
SHOWN_BATCH = "vector_stores:VectorStoreFileBatch"

# A small file takes a fraction of a second; the SDK asks every second unless it is told to.
POLL_AFTER = {"openai-poll-after-ms": "250"}

Filter = Annotated[
    Literal["in_progress", "completed", "failed", "cancelled"] | None, Query(alias="filter")
]


def routes(collections: Collections) -> APIRouter:
    router = APIRouter(tags=["vector stores"])

    @router.post(STORE + "/files")
    @documented(request=AttachFile, response=SHOWN)
    async def attach_file(request: Request, vector_store_id: str) -> dict[str, Any]:
        call = await read(request, AttachFile)
        owner = caller_of(request).owner
        made = await asyncio.to_thread(collections.attach, owner, vector_store_id, [call.attached])
        return shown_file(made[0])

    @router.get(STORE + "/files")
    @documented(response=Listed(SHOWN))
    async def list_files(
        request: Request,
        vector_store_id: str,
        page: Annotated[Page, Depends()],
        status: Filter = None,
    ) -> dict[str, Any]:
        owner = caller_of(request).owner
        found = await asyncio.to_thread(
            collections.files, owner, vector_store_id, status=status, **page.between
        )
        return envelope_of([shown_file(row) for row in found.items], found.more)

    @router.get(FILE)
    @documented(response=SHOWN)
    async def retrieve_file(
        request: Request, response: Response, vector_store_id: str, file_id: str
    ) -> dict[str, Any]:
        response.headers.update(POLL_AFTER)
        owner = caller_of(request).owner
        return shown_file(
            await asyncio.to_thread(collections.file, owner, vector_store_id, file_id)
        )

    @router.post(FILE)
    @documented(request=UpdateFile, response=SHOWN)
    async def update_file(request: Request, vector_store_id: str, file_id: str) -> dict[str, Any]:
        call = await read(request, UpdateFile)
        owner = caller_of(request).owner
        return shown_file(
            await asyncio.to_thread(
                collections.set_attributes, owner, vector_store_id, file_id, call.attributes
            )
        )

    @router.delete(FILE)
    @documented(response="vector_stores:VectorStoreFileDeleted")
    async def detach_file(request: Request, vector_store_id: str, file_id: str) -> dict[str, Any]:
        owner = caller_of(request).owner
        await asyncio.to_thread(collections.detach, owner, vector_store_id, file_id)
        return {"id": file_id, "object": "vector_store.file.deleted", "deleted": True}

    @router.get(FILE + "/content")
    @documented(response=page_of("vector_store.file_content.page", TEXT))
    async def file_content(request: Request, vector_store_id: str, file_id: str) -> dict[str, Any]:
        """The text as it was read, without the chunks' overlaps."""
        owner = caller_of(request).owner
        row = await asyncio.to_thread(collections.file, owner, vector_store_id, file_id)
        if row.status != "completed":
            raise BadRequest(
                f"The file has no content here: it is {shown_file(row)['status']}.",
                param="file_id",
            )
        parts = await asyncio.to_thread(collections.content, owner, vector_store_id, file_id)
        return {
            "object": "vector_store.file_content.page",
            "data": [{"type": "text", "text": part} for part in parts],
            "has_more": False,
            "next_page": None,
        }

    _batches(router, collections)
    return router


def _batches(router: APIRouter, collections: Collections) -> None:
    def shown(batch: Stored) -> dict[str, Any]:
        assert batch.parent_id is not None
        return shown_batch(batch, collections.counts(batch.parent_id, batch.id))

    @router.post(STORE + "/file_batches")
    @documented(request=CreateBatch, response=SHOWN_BATCH)
    async def create_batch(request: Request, vector_store_id: str) -> dict[str, Any]:
        call = await read(request, CreateBatch)
        owner = caller_of(request).owner
        return await asyncio.to_thread(
            lambda: shown(collections.create_batch(owner, vector_store_id, call.attached))
        )

    @router.get(BATCH)
    @documented(response=SHOWN_BATCH)
    async def retrieve_batch(
        request: Request, response: Response, vector_store_id: str, batch_id: str
    ) -> dict[str, Any]:
        response.headers.update(POLL_AFTER)
        owner = caller_of(request).owner
        return await asyncio.to_thread(
            lambda: shown(collections.batch(owner, vector_store_id, batch_id))
        )

    @router.post(BATCH + "/cancel")
    @documented(response=SHOWN_BATCH)
    async def cancel_batch(request: Request, vector_store_id: str, batch_id: str) -> dict[str, Any]:
        owner = caller_of(request).owner
        return await asyncio.to_thread(
            lambda: shown(collections.cancel_batch(owner, vector_store_id, batch_id))
        )

    @router.get(BATCH + "/files")
    @documented(response=Listed(SHOWN))
    async def list_batch_files(
        request: Request,
        vector_store_id: str,
        batch_id: str,
        page: Annotated[Page, Depends()],
        status: Filter = None,
    ) -> dict[str, Any]:
        owner = caller_of(request).owner

        def listed() -> dict[str, Any]:
            collections.batch(owner, vector_store_id, batch_id)
            found = collections.files(
                owner, vector_store_id, status=status, batch_id=batch_id, **page.between
            )
            return envelope_of([shown_file(row) for row in found.items], found.more)

        return await asyncio.to_thread(listed)
