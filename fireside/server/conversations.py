"""`/api/conversations`: what the page needs of conversations beside `/v1/conversations`.

The page keeps nothing: its history is the server's, and the terminal's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, ClassVar

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from fireside.assistant import Chat
from fireside.assistant.titles import can_go_on
from fireside.errors import Corrupt
from fireside.safety.privacy.kinds import PLACEHOLDER
from fireside.safety.privacy.vault import Vault
from fireside.server import body
from fireside.server.body import Wire
from fireside.server.caller import caller_of
from fireside.server.models import check_name
from fireside.server.turns import Show, Turns
from fireside.storage import Conversation, Store, StoredMessage
from fireside.storage.store import no_conversation, no_message

if TYPE_CHECKING:
    from fireside.engine.models import Models

LONGEST = 2**20
"""Letters of a message; the model's own window is the nearer limit, and costs a tokenising."""
SHOWN = 200
"""Messages that a page shows of a conversation before it is asked for more."""
Title = Annotated[str, Field(min_length=1, max_length=200)]
ModelName = Annotated[str, Field(min_length=1, max_length=1024)]


class NewConversation(Wire):
    title: Annotated[str, Field(max_length=200)] = ""
    model: ModelName | None = None
    system: Annotated[str, Field(max_length=LONGEST)] | None = None


class ConversationChange(Wire):
    is_exact: ClassVar[bool] = True

    title: Title | None = None
    model: ModelName | None = None


class Said(Wire):
    content: Annotated[str, Field(max_length=LONGEST)]


class Again(Wire):
    """anyway: also where the model was measured to be too small for the persona."""

    anyway: bool = False


class Consent(Wire):
    approve: bool
    reason: Annotated[str, Field(max_length=2000)] | None = None


class Nothing(Wire):
    """An empty object: the URL says it all."""


def shown(conversation: Conversation) -> dict[str, object]:
    return {
        "id": conversation.id,
        "title": conversation.title,
        "model": conversation.model,
        "system": conversation.system,
        "head_id": conversation.head_id,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
    }


def shown_message(message: StoredMessage) -> dict[str, object]:
    return {
        "id": message.id,
        "parent_id": message.parent_id,
        "role": message.role,
        "content": message.content,
        "status": message.status,
        "model": message.model,
        "created_at": message.created_at,
        "usage": dict(message.usage),
        "receipt": dict(message.receipt),
        "can_go_on": can_go_on(message),
    }


def revealing(store: Store, vault: Vault) -> Show:
    """`shown_message` for its owner's eyes: with the values that a persona hid.  Where the vault's
    key is lost the placeholders stay."""

    def show(message: StoredMessage) -> dict[str, object]:
        shown = shown_message(message)
        if PLACEHOLDER.search(message.content):
            owner = store.get(message.conversation_id).owner
            with suppress(Corrupt):
                shown["content"] = vault.restore(owner, message.conversation_id, message.content)
        return shown

    return show


def branch(store: Store, path: Sequence[StoredMessage], show: Show) -> list[dict[str, object]]:
    """The messages of a path that a person reads, each with the siblings it could give way to."""
    if not path:
        return []
    siblings: dict[str | None, list[str]] = {}
    for message_id, parent_id in store.tree(path[0].conversation_id):
        siblings.setdefault(parent_id, []).append(message_id)
    return [
        show(each) | {"siblings": siblings[each.parent_id]} for each in path if each.is_readable
    ]


def leaf_under(store: Store, message: StoredMessage) -> str:
    """The newest end of the branch that goes through `message`."""
    newest = {parent_id: each for each, parent_id in store.tree(message.conversation_id)}
    leaf = message.id
    while leaf in newest:
        leaf = newest[leaf]
    return leaf


def check_owner(
    store: Store, owner: str, conversation_id: str | None, message_id: str | None
) -> None:
    """
    Raises:
        NotFound: another's, in the very words that an unknown id gets.
    """
    if message_id is not None:
        message = store.message(message_id)
        if store.get(message.conversation_id).owner != owner:
            raise no_message(message_id)
    if conversation_id is not None and store.get(conversation_id).owner != owner:
        raise no_conversation(conversation_id)


def routes(chat: Chat, store: Store, turns: Turns, models: Models) -> APIRouter:
    async def owned(request: Request) -> None:
        """Before every route: what its URL names is the caller's own."""
        ids = request.path_params
        conversation_id = ids.get("conversation_id", request.query_params.get("before"))
        owner = caller_of(request).owner
        await asyncio.to_thread(check_owner, store, owner, conversation_id, ids.get("message_id"))

    router = APIRouter(prefix="/api", tags=["page"], dependencies=[Depends(owned)])

    async def known(name: str | None) -> None:
        """Raises UnknownModel for a persona that there is not, and for a path."""
        named = await asyncio.to_thread(chat.assistant.named, name)
        await check_name(models, named.model)

    def whole(conversation_id: str, limit: int = SHOWN) -> dict[str, object]:
        conversation = store.get(conversation_id)
        path: list[StoredMessage] = []

        def read() -> list[dict[str, object]]:
            if conversation.head_id is not None:
                path.extend(store.path_to(conversation.head_id, limit))
            return branch(store, path, turns.show)

        messages = turns.looked_at(read)
        above = path[0].parent_id if path else None
        earlier = 0 if above is None else store.depth(above)
        return shown(conversation) | {"messages": messages, "earlier": earlier}

    @router.get("/conversations")
    async def list_conversations(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: str | None = None,
    ) -> dict[str, object]:
        owner = caller_of(request).owner
        found = await asyncio.to_thread(store.conversations, owner, limit + 1, before)
        return {"data": [shown(each) for each in found[:limit]], "has_more": len(found) > limit}

    @router.post("/conversations")
    async def create_conversation(request: Request) -> dict[str, object]:
        new = await body.read(request, NewConversation)
        await known(new.model)
        made = await asyncio.to_thread(
            store.create_conversation,
            owner=caller_of(request).owner,
            title=new.title,
            model=new.model,
            system=new.system,
        )
        return shown(made) | {"messages": []}

    @router.get("/conversations/{conversation_id}")
    async def retrieve_conversation(
        conversation_id: str, messages: Annotated[int, Query(ge=1, le=1_000_000)] = SHOWN
    ) -> dict[str, object]:
        """The last `messages` of the branch; `earlier` says how many come before them."""
        return await asyncio.to_thread(whole, conversation_id, messages)

    @router.patch("/conversations/{conversation_id}")
    async def change_conversation(conversation_id: str, request: Request) -> dict[str, object]:
        change = await body.read(request, ConversationChange)
        if change.title is not None:
            await asyncio.to_thread(store.rename, conversation_id, change.title)
        if change.model is not None:
            await known(change.model)
            await asyncio.to_thread(store.set_model, conversation_id, change.model)
        return await asyncio.to_thread(whole, conversation_id)

    @router.delete("/conversations/{conversation_id}")
    async def delete_conversation(conversation_id: str) -> dict[str, object]:
        await turns.end(conversation_id)
        await asyncio.to_thread(store.delete, conversation_id)
        return {"id": conversation_id, "deleted": True}

    @router.post("/conversations/{conversation_id}/turns")
    async def say(conversation_id: str, request: Request) -> Response:
        said = await body.read(request, Said)
        return await turns.begin(lambda: chat.turn(conversation_id, said.content))

    @router.post("/messages/{message_id}/regenerate")
    async def regenerate(message_id: str, request: Request) -> Response:
        again = await body.read(request, Again)
        return await turns.begin(lambda: chat.regenerate(message_id, anyway=again.anyway))

    @router.post("/messages/{message_id}/edit")
    async def edit(message_id: str, request: Request) -> Response:
        said = await body.read(request, Said)
        return await turns.begin(lambda: chat.edit(message_id, said.content))

    @router.post("/messages/{message_id}/consent")
    async def consent(message_id: str, request: Request) -> Response:
        """Yes or no to the tools that an answer asks for; it goes on either way."""
        said = await body.read(request, Consent)
        return await turns.begin(lambda: chat.consent(message_id, said.approve, reason=said.reason))

    @router.post("/messages/{message_id}/continue")
    async def go_on(message_id: str, request: Request) -> Response:
        """An answer that ended early is written on; `start` brings the text that there is."""
        await body.read(request, Nothing)
        return await turns.begin(lambda: chat.go_on(message_id))

    @router.get("/messages/{message_id}/stream")
    async def read_on(message_id: str) -> Response:
        """An answer that is being written, from its beginning, for one more reader."""
        return turns.follow(message_id)

    @router.post("/messages/{message_id}/stop")
    async def stop(message_id: str, request: Request) -> dict[str, object]:
        await body.read(request, Nothing)
        turns.stop(message_id)
        return {"id": message_id, "stopping": True}

    @router.post("/messages/{message_id}/select")
    async def select(message_id: str, request: Request) -> dict[str, object]:
        """Stand at the newest end of this message's branch."""
        await body.read(request, Nothing)

        def selected() -> dict[str, object]:
            message = store.message(message_id)
            store.set_head(message.conversation_id, leaf_under(store, message))
            return whole(message.conversation_id)

        return await asyncio.to_thread(selected)

    return router
