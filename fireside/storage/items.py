"""Items of the API as rows of a conversation: a chain at its end, and one taken out of it.

They are rows of `messages` like those of the page and the terminal, in the same tree.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from fireside.errors import NotFound
from fireside.messages import Role
from fireside.storage.records import StoredMessage
from fireside.storage.reserve import freeing
from fireside.storage.rows import values_of
from fireside.storage.schema import conversations, messages
from fireside.storage.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """A row to be.

    role, content: what a person reads of the item; the full-text search finds the content.
    """

    id: str
    item: Mapping[str, Any]
    role: Role
    content: str
    model: str | None = None


class Items:
    """Of one database; `Store.items`.  Each call is one transaction."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def append(
        self,
        conversation_id: str,
        items: Sequence[NewItem],
        *,
        title: str = "",
        model: str | None = None,
    ) -> None:
        """Append a chain of items where the conversation stands, and stand at the last of them.

        Args:
            title, model: the conversation's from now on, where it has none.

        Raises:
            NotFound: there is no such conversation.
        """
        if not items:
            return
        now = time.time()
        c = conversations.c
        with self._writer.begin() as connection:
            row = connection.execute(
                select(c.title, c.model, c.head_id).where(c.id == conversation_id)
            ).one_or_none()
            if row is None:
                raise NotFound(f"Conversation with id {conversation_id[:100]!r} not found.")
            parent_id = row.head_id
            for new in items:
                message = StoredMessage(
                    id=new.id,
                    conversation_id=conversation_id,
                    parent_id=parent_id,
                    role=new.role,
                    content=new.content,
                    created_at=now,
                    model=new.model,
                    item=dict(new.item),
                )
                connection.execute(insert(messages).values(values_of(message)))
                parent_id = new.id
            connection.execute(
                update(conversations)
                .where(c.id == conversation_id)
                .values(
                    head_id=parent_id,
                    updated_at=now,
                    title=row.title or title,
                    model=row.model or model,
                )
            )

    @freeing
    def remove(self, message_id: str) -> None:
        """Delete one row; what stands under it moves up to its parent."""
        m, c = messages.c, conversations.c
        with self._writer.begin() as connection:
            row = connection.execute(
                select(m.parent_id, m.conversation_id).where(m.id == message_id)
            ).one_or_none()
            if row is None:
                return
            connection.execute(
                update(messages).where(m.parent_id == message_id).values(parent_id=row.parent_id)
            )
            connection.execute(
                update(conversations)
                .where(c.id == row.conversation_id, c.head_id == message_id)
                .values(head_id=row.parent_id)
            )
            connection.execute(delete(messages).where(m.id == message_id))
