"""`/v1/conversations/{id}/state`: what the assistant holds of a conversation, to see and to edit.

An extension of ours; OpenAI has none.  It refuses another's conversation in the words that an
unknown one gets.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request

from fireside.assistant.persona import DEFAULT, Personas
from fireside.dialogue.editing import edited
from fireside.dialogue.kept import KIND, States
from fireside.dialogue.state import DialogueState
from fireside.errors import Conflict, NotFound
from fireside.server import body
from fireside.server.caller import caller_of
from fireside.server.openapi import documented
from fireside.storage import Store
from fireside.storage.objects import Stored

SHAPE: Final = {
    "title": "DialogueState",
    "type": "object",
    "required": ["object", "conversation_id", "after", "goal", "slots", "questions"],
    "properties": {
        "object": {"const": "dialogue_state"},
        "conversation_id": {"type": "string"},
        "after": {"type": ["string", "null"]},
        "goal": {"type": ["string", "null"]},
        "slots": {"type": "object", "additionalProperties": {"type": "object"}},
        "questions": {"type": "array", "items": {"type": "object"}},
    },
}


class EditedState(body.Wire):
    """after: the message behind which the state stands; without it, the one that the next turn
    begins with."""

    nulls = frozenset({"goal"})

    after: str | None = None
    goal: str | None = None
    slots: dict[str, str | None] | None = None
    handed_over: bool | None = None


def shown(conversation_id: str, row: Stored | None) -> dict[str, Any]:
    state = DialogueState().as_json() if row is None else row.body["state"]
    after = None if row is None else row.body["after"]
    return {
        "object": "dialogue_state",
        "conversation_id": conversation_id,
        "after": after,
        **state,
    }


def routes(store: Store, personas: Personas) -> APIRouter:
    router = APIRouter(prefix="/v1/conversations", tags=["conversations"])
    states = States(store.objects)

    def find(conversation_id: str, owner: str, after: str | None) -> Stored | None:
        head = check_conversation(store, conversation_id, owner)
        path = None
        if after is None and head is not None:  # the branch that is shown
            path = [each.id for each in store.path_to(head)]
        return states.of(conversation_id, owner=owner, after=after, path=path)

    def change(conversation_id: str, owner: str, edit: EditedState) -> Stored:
        row = find(conversation_id, owner, edit.after)
        if row is None:
            raise Conflict("There is no dialogue state yet: it begins with the first turn.")
        changes = edit.model_dump(exclude_unset=True, exclude={"after"})
        config = personas.get(row.body.get("persona") or DEFAULT.name).dialogue
        today = datetime.now(UTC).date()
        return states.change(
            row, lambda state: edited(config, state, changes, today=today), owner=owner
        )

    @router.get("/{conversation_id}/state")
    @documented(response=SHAPE)
    async def retrieve_dialogue_state(
        conversation_id: str,
        request: Request,
        after: Annotated[str | None, Query(max_length=200)] = None,
    ) -> dict[str, Any]:
        owner = caller_of(request).owner
        return shown(conversation_id, await asyncio.to_thread(find, conversation_id, owner, after))

    @router.post("/{conversation_id}/state")
    @documented(request=EditedState, response=SHAPE)
    async def edit_dialogue_state(conversation_id: str, request: Request) -> dict[str, Any]:
        edit = await body.read(request, EditedState)
        owner = caller_of(request).owner
        row = await asyncio.to_thread(change, conversation_id, owner, edit)
        return shown(conversation_id, row)

    return router


def check_conversation(store: Store, conversation_id: str, owner: str) -> str | None:
    """The message at which the conversation stands; None at its beginning.

    Raises:
        NotFound: there is none of the owner's.
    """
    unknown = f"Conversation with id {conversation_id[:100]!r} not found."
    try:
        found = store.get(conversation_id)
    except NotFound:
        raise NotFound(unknown) from None
    if found.owner != owner:
        raise NotFound(unknown)
    return found.head_id


__all__ = ["KIND", "EditedState", "check_conversation", "routes", "shown"]
