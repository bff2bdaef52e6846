"""Memories on the wire: what clients send, what they get, and its schema."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from fireside.assistant.memory.index import Found
from fireside.assistant.memory.log import Change
from fireside.assistant.memory.records import STATUSES, Memory
from fireside.assistant.persona import NAME
from fireside.server.body import Wire
from fireside.server.wire import Integer
from fireside.storage.objects import Stored

Text = Annotated[str, Field(min_length=1)]
PersonaName = Annotated[str, Field(pattern=f"^{NAME}$")]
Days = Annotated[Integer, Field(ge=1, le=36_500)]


class NewMemory(Wire):
    """persona: the one that sees it; without it, all.  personal: keep it although it looks
    private.  proposed: it waits to be accepted."""

    is_exact: ClassVar[bool] = True

    text: Text
    persona: PersonaName | None = None
    expires_after_days: Days | None = None
    personal: bool = False
    proposed: bool = False


class ChangedMemory(Wire):
    """What is given is changed; null takes a persona or an end away."""

    is_exact: ClassVar[bool] = True
    nulls = frozenset({"persona", "expires_after_days"})

    text: Text | None = None
    persona: PersonaName | None = None
    expires_after_days: Days | None = None
    personal: bool = False


class SearchMemories(Wire):
    is_exact: ClassVar[bool] = True

    query: Text
    limit: Annotated[Integer, Field(ge=1, le=100)] = 10
    score_threshold: float = Field(0.0, ge=0, le=1)
    persona: PersonaName | None = None


class Undo(Wire):
    """change_id: of the list of changes; without it, the newest that is not taken back."""

    change_id: str | None = Field(None, max_length=100)


class Nothing(Wire):
    """An empty object: the URL says it all."""


NULLABLE: Final = {"type": ["string", "null"]}
SOURCE_SHAPE: Final = {
    "type": "object",
    "required": ["by", "conversation_id", "message_id", "words"],
    "properties": {
        "by": {"type": "string", "enum": ["person", "conversation"]},
        "conversation_id": NULLABLE,
        "message_id": NULLABLE,
        "words": {"type": "string"},
    },
}
MEMORY_SHAPE: Final[dict[str, Any]] = {
    "title": "Memory",
    "type": "object",
    "required": ["object", "id", "text", "status", "kind", "source", "created_at"],
    "properties": {
        "object": {"const": "memory"},
        "id": {"type": "string"},
        "text": {"type": "string"},
        "status": {"type": "string", "enum": list(STATUSES)},
        "kind": {"type": "string"},
        "subject": NULLABLE,
        "persona": NULLABLE,
        "source": SOURCE_SHAPE,
        "score": {"type": "number"},
        "created_at": {"type": "integer"},
        "expires_at": {"type": ["integer", "null"]},
        "last_used_at": {"type": ["integer", "null"]},
        "uses": {"type": "integer"},
        "supersedes": NULLABLE,
        "superseded_by": NULLABLE,
    },
}
FOUND_SHAPE: Final = {
    "type": "object",
    "required": ["object", "data", "searched"],
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": MEMORY_SHAPE},
        "searched": {"type": "integer"},
        "words_only": NULLABLE,
        "not_embedded_yet": {"type": "integer"},
    },
}
CHANGE_SHAPE: Final = {
    "title": "MemoryChange",
    "type": "object",
    "required": ["object", "id", "operation", "memory_ids", "at", "undone"],
    "properties": {
        "object": {"const": "memory.change"},
        "id": {"type": "string"},
        "operation": {"type": "string"},
        "memory_ids": {"type": "array", "items": {"type": "string"}},
        "at": {"type": "integer"},
        "undone": {"type": "boolean"},
    },
}
DELETED_SHAPE: Final = {
    "type": "object",
    "required": ["id", "object", "deleted", "purged"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "memory.deleted"},
        "deleted": {"const": True},
        "purged": {"type": "boolean"},
    },
}
SUMMARY_SHAPE: Final = {
    "title": "ConversationSummary",
    "type": "object",
    "required": ["object", "id", "text", "by", "message_ids", "previous_id", "messages"],
    "properties": {
        "object": {"const": "conversation.summary"},
        "id": {"type": "string"},
        "text": {"type": "string"},
        "by": {"type": "string", "enum": ["model", "extract"]},
        "message_ids": {"type": "array", "items": {"type": "string"}},
        "previous_id": NULLABLE,
        "messages": {"type": "integer"},
    },
}


def shown(memory: Memory) -> dict[str, Any]:
    told = memory.as_json()
    for name in ("created_at", "expires_at", "last_used_at"):
        told[name] = None if told[name] is None else int(told[name])
    return {"object": "memory", **told}


def shown_found(found: Found) -> dict[str, Any]:
    cosine = None if found.cosine is None else round(found.cosine, 4)
    scores = {"embedding": cosine, "text": round(found.words, 4)}
    return shown(found.memory) | {"match": round(found.score, 4), "scores": scores}


def shown_change(change: Change) -> dict[str, Any]:
    return {"object": "memory.change", **change.as_json(), "at": int(change.at)}


def shown_summary(row: Stored) -> dict[str, Any]:
    return {
        "object": "conversation.summary",
        "id": row.id,
        "created_at": int(row.created_at),
        **row.body,
    }
