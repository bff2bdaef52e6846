"""A conversation that is long at once: rows by the thousand, without a turn for each."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import insert, update

from fireside.storage import Store, StoredMessage
from fireside.storage.rows import values_of
from fireside.storage.schema import conversations, messages


def filled(
    store: Store, rows: int, content: Callable[[int], str] = lambda n: f"{n} words"
) -> tuple[str, str]:
    """A conversation of so many messages, a person's first, and the last of them."""
    made = store.create_conversation()
    values, parent = [], None
    for n in range(rows):
        message = StoredMessage(
            id=f"msg_{n:018}", conversation_id=made.id, parent_id=parent,
            role="assistant" if n % 2 else "user", content=content(n), created_at=float(n),
        )  # fmt: skip
        parent = message.id
        values.append(values_of(message))
    with store._writer.begin() as connection:
        connection.execute(insert(messages), values)
        head = update(conversations).where(conversations.c.id == made.id).values(head_id=parent)
        connection.execute(head)
    return made.id, str(parent)
