"""`/v1/fireside/memories`: what is remembered of a person, to see and to correct; summaries too.

An extension of ours; OpenAI has none.  It refuses another's memory in the words that an unknown
one gets, and to keep personal data that nobody insists on (`personal: true`).
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request

from fireside.assistant.compaction import KIND as SUMMARY
from fireside.assistant.memory.memories import Memories
from fireside.assistant.memory.records import DAY, STATUSES, Memory
from fireside.errors import BadRequest, NotFound
from fireside.server import body
from fireside.server.caller import caller_of
from fireside.server.listing import Page, envelope_of
from fireside.server.memory_wire import (
    CHANGE_SHAPE,
    DELETED_SHAPE,
    FOUND_SHAPE,
    MEMORY_SHAPE,
    SUMMARY_SHAPE,
    ChangedMemory,
    NewMemory,
    Nothing,
    SearchMemories,
    Undo,
    shown,
    shown_change,
    shown_found,
    shown_summary,
)
from fireside.server.openapi import Listed, documented
from fireside.storage.objects import Objects

URL: Final = "/v1/fireside/memories"


def paged(found: list[Memory], page: Page) -> dict[str, Any]:
    """found: the newest first.

    Raises:
        NotFound: `after` or `before` is none of them.
    """
    if page.order == "asc":
        found = found[::-1]
    places = {memory.id: place for place, memory in enumerate(found)}
    for cursor in (page.after, page.before):
        if cursor is not None and cursor not in places:
            raise NotFound(f"There is no memory {cursor[:100]!r} to go on from.")
    begin = 0 if page.after is None else places[page.after] + 1
    end = len(found) if page.before is None else places[page.before]
    if page.before is not None and page.after is None:
        begin = max(0, end - page.limit)
        return envelope_of([shown(each) for each in found[begin:end]], begin > 0)
    data = found[begin:end][: page.limit]
    return envelope_of([shown(each) for each in data], end - begin > len(data))


def ends(days: int | None) -> float | None:
    return None if days is None else time.time() + days * DAY


def routes(memories: Memories, objects: Objects) -> APIRouter:
    router = APIRouter(tags=["memories"])
    _collection(router, memories)
    _one(router, memories)

    @router.get("/v1/fireside/summaries/{summary_id}")
    @documented(response=SUMMARY_SHAPE)
    async def retrieve_summary(request: Request, summary_id: str) -> dict[str, Any]:
        owner = caller_of(request).owner
        return shown_summary(await asyncio.to_thread(objects.get, SUMMARY, summary_id, owner=owner))

    return router


def _collection(router: APIRouter, memories: Memories) -> None:
    @router.post(URL)
    @documented(request=NewMemory, response=MEMORY_SHAPE)
    async def create_memory(request: Request) -> dict[str, Any]:
        call = await body.read(request, NewMemory)
        owner = caller_of(request).owner

        def add() -> dict[str, Any]:
            added = memories.add(
                owner,
                call.text,
                kept=not call.proposed,
                persona=call.persona,
                expires_at=ends(call.expires_after_days),
                personal=call.personal,
            )
            return shown(added.memory)

        return await asyncio.to_thread(add)

    @router.get(URL)
    @documented(response=Listed(MEMORY_SHAPE))
    async def list_memories(
        request: Request,
        page: Annotated[Page, Depends()],
        status: Annotated[
            Literal["proposed", "kept", "superseded", "forgotten", "expired", "all"], Query()
        ] = "kept",
        persona: Annotated[str | None, Query(max_length=64)] = None,
    ) -> dict[str, Any]:
        owner = caller_of(request).owner
        statuses = STATUSES if status == "all" else (status,)
        return await asyncio.to_thread(
            lambda: paged(memories.listed(owner, statuses=statuses, persona=persona), page)
        )

    @router.post(f"{URL}/search")
    @documented(request=SearchMemories, response=FOUND_SHAPE)
    async def search_memories(request: Request) -> dict[str, Any]:
        call = await body.read(request, SearchMemories)
        found = await asyncio.to_thread(
            lambda: memories.search(
                caller_of(request).owner,
                call.query,
                limit=call.limit,
                least=max(call.score_threshold, 1e-6),
                persona=call.persona,
                every_persona=call.persona is None,
            )
        )
        return {
            "object": "list",
            "data": [shown_found(each) for each in found.found],
            "searched": found.searched,
            "words_only": found.words_only,
            "not_embedded_yet": found.pending,
        }

    @router.get(f"{URL}/changes")
    @documented(response=Listed(CHANGE_SHAPE, paged=False))
    async def list_memory_changes(
        request: Request, limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> dict[str, Any]:
        owner = caller_of(request).owner
        found = await asyncio.to_thread(memories.log.changes, owner, limit)
        return {"object": "list", "data": [shown_change(each) for each in found]}

    @router.post(f"{URL}/undo")
    @documented(request=Undo, response=CHANGE_SHAPE)
    async def undo_memory_change(request: Request) -> dict[str, Any]:
        call = await body.read(request, Undo)
        owner = caller_of(request).owner
        return shown_change(await asyncio.to_thread(memories.undo, owner, call.change_id))


def _one(router: APIRouter, memories: Memories) -> None:
    @router.get(f"{URL}/{{memory_id}}")
    @documented(response=MEMORY_SHAPE)
    async def retrieve_memory(request: Request, memory_id: str) -> dict[str, Any]:
        owner = caller_of(request).owner
        return shown(await asyncio.to_thread(memories.get, owner, memory_id))

    @router.post(f"{URL}/{{memory_id}}")
    @documented(request=ChangedMemory, response=MEMORY_SHAPE)
    async def update_memory(request: Request, memory_id: str) -> dict[str, Any]:
        call = await body.read(request, ChangedMemory)
        given = call.model_fields_set - {"personal"}
        if not given:
            raise BadRequest("Nothing to change: give text, persona or expires_after_days.")
        owner = caller_of(request).owner
        changed = await asyncio.to_thread(
            lambda: memories.edit(
                owner,
                memory_id,
                text=call.text,
                persona=call.persona,
                all_personas="persona" in given and call.persona is None,
                expires_at=ends(call.expires_after_days),
                for_ever="expires_after_days" in given and call.expires_after_days is None,
                personal=call.personal,
            )
        )
        return shown(changed)

    @router.delete(f"{URL}/{{memory_id}}")
    @documented(response=DELETED_SHAPE)
    async def delete_memory(
        request: Request, memory_id: str, purge: Annotated[bool, Query()] = False
    ) -> dict[str, Any]:
        """Forgotten, it can be brought back for 30 days; `purge=true` deletes it for good."""
        owner = caller_of(request).owner
        await asyncio.to_thread(memories.purge if purge else memories.forget, owner, memory_id)
        return {"id": memory_id, "object": "memory.deleted", "deleted": True, "purged": purge}

    @router.post(f"{URL}/{{memory_id}}/accept")
    @documented(request=Nothing, response=MEMORY_SHAPE)
    async def accept_memory(request: Request, memory_id: str) -> dict[str, Any]:
        await body.read(request, Nothing)
        owner = caller_of(request).owner
        return shown(await asyncio.to_thread(memories.accept, owner, memory_id))
