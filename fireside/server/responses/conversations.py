"""`/v1/conversations`: a history with a name, and its items.

A response with `conversation` reads all of it and adds to it; while one is being written, nothing
else may change it.  They are the conversations of the page and the terminal too: the branch at
whose end a conversation stands is told as items here.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from fireside.assistant.locks import Locks
from fireside.errors import BadRequest, NotFound
from fireside.server import body
from fireside.server.caller import caller_of
from fireside.server.listing import Page, envelope_of
from fireside.server.openapi import Listed as ListOf
from fireside.server.openapi import documented
from fireside.server.responses.items import Item, parsed
from fireside.server.responses.locks import locked_error
from fireside.server.responses.routes import Included, page_of, shown_items
from fireside.server.responses.state import State
from fireside.server.responses.wire import ChangedConversation, NewConversation, NewItems
from fireside.storage import Conversation


def shown(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "object": "conversation",
        "created_at": int(conversation.created_at),
        "metadata": dict(conversation.metadata),
    }


class Conversations:
    """The slow half: never on the event loop."""

    def __init__(self, state: State, locks: Locks) -> None:
        self._state = state
        self._store = state.store
        self._locks = locks

    def create(self, new: NewConversation, owner: str) -> Conversation:
        given = parsed(new.items or [], "items")
        items = self._state.resolved(given.items, owner, param="items")
        made = self._store.create_conversation(owner=owner, metadata=new.metadata)
        self._state.append(made.id, items, given.minted, owner)
        return made

    def change(self, conversation_id: str, metadata: dict[str, str], owner: str) -> Conversation:
        self._state.conversation(conversation_id, owner)
        self._store.set_metadata(conversation_id, metadata)
        return self._state.conversation(conversation_id, owner)

    def remove(self, conversation_id: str, owner: str) -> None:
        """With its items.  The responses that were part of it have their own."""
        self._state.conversation(conversation_id, owner)
        with self._locks.held(conversation_id, locked_error):
            self._store.delete(conversation_id)

    def add(self, conversation_id: str, new: NewItems, owner: str) -> list[Item]:
        self._state.conversation(conversation_id, owner)
        with self._locks.held(conversation_id, locked_error):
            given = parsed(new.items, "items")
            items = self._state.resolved(given.items, owner, param="items")
            return self._state.append(conversation_id, items, given.minted, owner)

    def listed(self, conversation_id: str, owner: str) -> list[Item]:
        return self._state.conversation_items(conversation_id, owner)

    def item(self, conversation_id: str, item_id: str, owner: str) -> Item:
        for item in self._state.conversation_items(conversation_id, owner):
            if item["id"] == item_id:
                return item
        raise NotFound(f"Item with id {item_id[:100]!r} not found in this conversation.")

    def remove_item(self, conversation_id: str, item_id: str, owner: str) -> Conversation:
        """
        Raises:
            BadRequest: it is a part of an answer of the page: those are deleted as a whole.
        """
        conversation = self._state.conversation(conversation_id, owner)
        with self._locks.held(conversation_id, locked_error):
            self.item(conversation_id, item_id, owner)
            try:
                self._store.message(item_id)
            except NotFound:
                raise BadRequest(
                    f"Item {item_id!r} is a part of an answer: delete the answer's message.",
                    param="item_id",
                ) from None
            self._store.items.remove(item_id)
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
        items = await asyncio.to_thread(kept.listed, conversation_id, owner)
        return page_of(shown_items(items, include), page)

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
