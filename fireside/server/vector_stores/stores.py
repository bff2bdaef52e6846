"""`/v1/vector_stores` itself: create, list, look at, change, delete, search."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from fireside.knowledge.collections import Collections
from fireside.server.body import read
from fireside.server.caller import caller_of
from fireside.server.listing import Page, envelope_of
from fireside.server.openapi import Listed, documented
from fireside.server.vector_stores.shown import shown_passage, shown_store
from fireside.server.vector_stores.wire import CreateStore, SearchStore, UpdateStore
from fireside.storage.objects import Stored


def routes(collections: Collections) -> APIRouter:
    router = APIRouter(tags=["vector stores"])

    def shown(store: Stored) -> dict[str, Any]:
        return shown_store(store, collections.counts(store.id))

    @router.post("/v1/vector_stores")
    @documented(request=CreateStore, response="VectorStore")
    async def create_vector_store(request: Request) -> dict[str, Any]:
        call = await read(request, CreateStore)
        owner = caller_of(request).owner

        def create() -> dict[str, Any]:
            days = None if call.expires_after is None else call.expires_after.days
            return shown(
                collections.create(
                    owner,
                    name=call.name,
                    description=call.description,
                    metadata=call.metadata,
                    expires_after_days=days,
                    files=call.files,
                )
            )

        return await asyncio.to_thread(create)

    @router.get("/v1/vector_stores")
    @documented(response=Listed("VectorStore"))
    async def list_vector_stores(
        request: Request, page: Annotated[Page, Depends()]
    ) -> dict[str, Any]:
        owner = caller_of(request).owner

        def listed() -> dict[str, Any]:
            found = collections.listed(owner, **page.between)
            return envelope_of([shown(store) for store in found.items], found.more)

        return await asyncio.to_thread(listed)

    @router.get("/v1/vector_stores/{vector_store_id}")
    @documented(response="VectorStore")
    async def retrieve_vector_store(request: Request, vector_store_id: str) -> dict[str, Any]:
        owner = caller_of(request).owner
        return await asyncio.to_thread(lambda: shown(collections.get(owner, vector_store_id)))

    @router.post("/v1/vector_stores/{vector_store_id}")
    @documented(request=UpdateStore, response="VectorStore")
    async def update_vector_store(request: Request, vector_store_id: str) -> dict[str, Any]:
        call = await read(request, UpdateStore)
        owner = caller_of(request).owner
        return await asyncio.to_thread(
            lambda: shown(collections.change(owner, vector_store_id, call.given))
        )

    @router.delete("/v1/vector_stores/{vector_store_id}")
    @documented(response="VectorStoreDeleted")
    async def delete_vector_store(request: Request, vector_store_id: str) -> dict[str, Any]:
        owner = caller_of(request).owner
        await asyncio.to_thread(collections.remove, owner, vector_store_id)
        return {"id": vector_store_id, "object": "vector_store.deleted", "deleted": True}

    @router.post("/v1/vector_stores/{vector_store_id}/search")
    @documented(request=SearchStore, response=FOUND)
    async def search_vector_store(request: Request, vector_store_id: str) -> dict[str, Any]:
        call = await read(request, SearchStore)
        found = await asyncio.to_thread(
            collections.search,
            caller_of(request).owner,
            [vector_store_id],
            call.queries,
            None if call.filters is None else call.filters.filter,
            call.max_num_results,
            call.ranking_options.ranking,
        )
        return {
            "object": "vector_store.search_results.page",
            "search_query": list(call.queries),
            "data": [shown_passage(passage) for passage in found],
            "has_more": False,
            "next_page": None,
        }

    return router


def page_of(name: str, item: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The schema of a page that is no `list`."""
    members = {
        "object": {"type": "string", "enum": [name]},
        "data": {"type": "array", "items": item},
        "has_more": {"type": "boolean"},
        "next_page": {"type": ["string", "null"]},
        **more,
    }
    return {"type": "object", "required": list(members), "properties": members}


TEXT: dict[str, Any] = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {"type": {"type": "string", "enum": ["text"]}, "text": {"type": "string"}},
}
FOUND = page_of(
    "vector_store.search_results.page",
    {
        "type": "object",
        "required": ["file_id", "filename", "score", "attributes", "content"],
        "properties": {
            "file_id": {"type": "string"},
            "filename": {"type": "string"},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "attributes": {
                "type": ["object", "null"],
                "additionalProperties": {"type": ["string", "number", "boolean"]},
            },
            "content": {"type": "array", "items": TEXT},
            "page": {"type": ["integer", "null"]},
            "section": {"type": "array", "items": {"type": "string"}},
            "scores": {"type": "object", "additionalProperties": {"type": "number"}},
        },
    },
    search_query={"type": "array", "items": {"type": "string"}},
)
