"""`/v1/conversations`: a history with a name, and its items.

A response with `conversation` reads all of it and adds to it; while one is being written, nothing
else may change it.  The page's own conversations (`server/conversations.py`) are another thing
until the assistant makes them one.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from fireside.errors import NotFound
from fireside.server import body
from fireside.server.caller import caller_of
from fireside.server.listing import Page, envelope_of
from fireside.server.openapi import Listed as ListOf
from fireside.server.openapi import documented
from fireside.server.responses.items import Item, parsed
from fireside.server.responses.locks import Locks
from fireside.server.responses.routes import Included, shown_items
from fireside.server.responses.state import CONVERSATION, ITEM, State
from fireside.server.responses.wire import ChangedConversation, NewConversation, NewItems
from fireside.storage.objects import Listed as Rows
from fireside.storage.objects import Stored


def shown(conversation: Stored) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "object": "conversation",
        "created_at": int(conversation.created_at),
        "metadata": conversation.body["metadata"],
    }


class Conversations:
    """The slow half: never on the event loop."""

    def __init__(self, state: State, locks: Locks) -> None:
        self._state = state
        self._locks = locks

    def create(self, new: NewConversation, owner: str) -> Stored:
        given = parsed(new.items or [], "items")
        items = self._state.resolved(given.items, owner, param="items")
        made = self._state.objects.add(
            CONVERSATION, "conv", {"metadata": new.metadata}, owner=owner
        )
        self._state.append(made.id, items, given.minted, owner)
        return made

    def change(self, conversation_id: str, metadata: dict[str, str], owner: str) -> Stored:
        self._state.conversation(conversation_id, owner)

        def changed(old: Stored) -> Stored:
            return replace(old, body={"metadata": metadata})

        return self._state.objects.change(CONVERSATION, conversation_id, changed, owner=owner)

    def remove(self, conversation_id: str, owner: str) -> None:
        """With its items.  The responses that were part of it have their own."""
        self._state.conversation(conversation_id, owner)
        with self._locks.held(conversation_id):
            self._state.objects.remove(CONVERSATION, conversation_id, owner=owner)

    def add(self, conversation_id: str, new: NewItems, owner: str) -> list[Item]:
        self._state.conversation(conversation_id, owner)
        with self._locks.held(conversation_id):
            given = parsed(new.items, "items")
            items = self._state.resolved(given.items, owner, param="items")
            return self._state.append(conversation_id, items, given.minted, owner)

    def listed(self, conversation_id: str, owner: str, page: Page) -> Rows:
        self._state.conversation(conversation_id, owner)
        return self._state.objects.listed(
            ITEM, owner=owner, parent_id=conversation_id, **page.between
        )

    def item(self, conversation_id: str, item_id: str, owner: str) -> Item:
        self._state.conversation(conversation_id, owner)
        try:
            row = self._state.objects.get(ITEM, item_id, owner=owner)
        except NotFound:
            row = None
        if row is None or row.parent_id != conversation_id:
            raise NotFound(f"Item with id {item_id[:100]!r} not found in this conversation.")
        item: Item = row.body["item"]
        return item

    def remove_item(self, conversation_id: str, item_id: str, owner: str) -> Stored:
        conversation = self._state.conversation(conversation_id, owner)
        with self._locks.held(conversation_id):
            self.item(conversation_id, item_id, owner)
            self._state.objects.remove(ITEM, item_id, owner=owner)
        return conversation


def routes(state: State, locks: Locks) -> APIRouter:
    router = APIRouter(prefix="/v1/conversations", tags=["conversations"])
    kept = Conversations(state, locks)

    @router.post("")
    @documented(request=NewConversation, response="conversations:Conversation")
    async def create_conversation(request: Request) -> dict[str, Any]:
        new = await body.read(request, NewConversation)
        return shown(await asyncio.to_thread(kept.create, new, caller_of(request).owner))

    @router.get("/{conversation_id}")
    @documented(response="conversations:Conversation")
    async def retrieve_conversation(conversation_id: str, request: Request) -> dict[str, Any]:
        owner = caller_of(request).owner
        return shown(await asyncio.to_thread(state.conversation, conversation_id, owner))

    @router.post("/{conversation_id}")
    @documented(request=ChangedConversation, response="conversations:Conversation")
    async def update_conversation(conversation_id: str, request: Request) -> dict[str, Any]:
        change = await body.read(request, ChangedConversation)
        owner = caller_of(request).owner
        return shown(await asyncio.to_thread(kept.change, conversation_id, change.metadata, owner))

    @router.delete("/{conversation_id}")
    @documented(response="conversations:ConversationDeletedResource")
    async def delete_conversation(conversation_id: str, request: Request) -> dict[str, Any]:
        await asyncio.to_thread(kept.remove, conversation_id, caller_of(request).owner)
        return {"id": conversation_id, "object": "conversation.deleted", "deleted": True}

    @router.post("/{conversation_id}/items")
    @documented(request=NewItems, response=ListOf("conversations:ConversationItem"))
    async def create_items(
        conversation_id: str, request: Request, include: Included
    ) -> dict[str, Any]:
        new = await body.read(request, NewItems)
        owner = caller_of(request).owner
        added = await asyncio.to_thread(kept.add, conversation_id, new, owner)
        return envelope_of(shown_items(added, include), False)

    @router.get("/{conversation_id}/items")
    @documented(response=ListOf("conversations:ConversationItem"))
    async def list_items(
        conversation_id: str,
        request: Request,
        include: Included,
        page: Annotated[Page, Depends()],
    ) -> dict[str, Any]:
        owner = caller_of(request).owner
        found = await asyncio.to_thread(kept.listed, conversation_id, owner, page)
        items = [row.body["item"] for row in found.items]
        return envelope_of(shown_items(items, include), found.more)

    @router.get("/{conversation_id}/items/{item_id}")
    @documented(response="conversations:ConversationItem")
    async def retrieve_item(
        conversation_id: str, item_id: str, request: Request, include: Included
    ) -> Item:
        owner = caller_of(request).owner
        item = await asyncio.to_thread(kept.item, conversation_id, item_id, owner)
        return shown_items([item], include)[0]

    @router.delete("/{conversation_id}/items/{item_id}")
    @documented(response="conversations:Conversation")
    async def delete_item(conversation_id: str, item_id: str, request: Request) -> dict[str, Any]:
        owner = caller_of(request).owner
        return shown(await asyncio.to_thread(kept.remove_item, conversation_id, item_id, owner))

    return router
