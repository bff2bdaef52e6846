"""The store: conversations and their messages, as rows.

A message is appended once.  A streamed answer is appended as `partial`, flushed while it grows and
sealed at its end; after that nothing rewrites it (the database itself refuses).  A process killed
in between leaves the row `partial`, with the text of the last flush.

It refuses to know what a prompt, a model or a user's right is: owners are names that the caller
has already checked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from fireside.errors import Conflict, NotFound
from fireside.messages import Role, ToolCall
from fireside.storage import sqlite
from fireside.storage.audit import AuditLog
from fireside.storage.erasure import Erasure
from fireside.storage.ids import new_id
from fireside.storage.items import Items
from fireside.storage.keyring import Keyring
from fireside.storage.lineage import Lineage
from fireside.storage.migrate import is_current, migrate, revision
from fireside.storage.objects import Objects
from fireside.storage.passages import Passages
from fireside.storage.people import People
from fireside.storage.records import Conversation, Hit, Status, StoredMessage
from fireside.storage.reserve import Reserve, freeing, reserve_of, with_reserve
from fireside.storage.rows import conversation_of, hit, stored, values_of
from fireside.storage.schema import conversations as conversations_table
from fireside.storage.schema import messages as messages_table
from fireside.storage.schema import objects as objects_table
from fireside.storage.writer import Writer

PATIENCE = 30.0
"""Seconds that a write waits for another process's, and before that for those of its own process;
and that a read waits for a connection."""


class Store:
    """An open database.  Safe to use from many threads; each call is one transaction."""

    def __init__(self, engine: Engine, patience: float = PATIENCE) -> None:
        """patience: seconds that a write waits for the others of this process."""
        self._engine = engine
        self._writer = Writer(engine.execution_options(**{sqlite.WRITES: True}), patience)
        self.objects = Objects(engine, self._writer)
        self.passages = Passages(engine, self._writer)
        self.people = People(engine, self._writer)
        self.keys = Keyring(engine, self._writer)
        self.audit = AuditLog(engine)
        self.lineage = Lineage(engine)
        self.items = Items(self._writer)
        self.erasure = Erasure(engine, self._writer)
        self.reserve = reserve_of(engine)

    @classmethod
    def open(cls, path: Path, *, busy_timeout: float = PATIENCE, migrating: bool = True) -> Self:
        """Open the database at `path`, making or migrating it first if need be.

        Args:
            busy_timeout: seconds to wait for another write, or for a connection.
            migrating: False opens it as it is, to look at only.

        Raises:
            Unavailable: it cannot be opened, another process holds it, or a newer Fireside
                wrote it.
            Corrupt: the file is damaged or is not ours; it is left untouched.
        """
        return with_reserve(Reserve(path), lambda: cls._open(path, busy_timeout, migrating))

    @classmethod
    def _open(cls, path: Path, busy_timeout: float, migrating: bool) -> Self:
        engine = sqlite.open_engine(path, busy_timeout)
        store = cls(engine, busy_timeout)
        try:
            with engine.connect() as connection:
                current = is_current(connection)
            if not current and migrating:
                import alembic.command  # noqa: F401  # before others must wait for the lock

                with store._writer.begin() as connection:
                    migrate(connection)
        except BaseException:
            engine.dispose()
            raise
        return store

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Conversations

    def create_conversation(
        self,
        *,
        owner: str = "",
        title: str = "",
        model: str | None = None,
        system: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Conversation:
        now = time.time()
        made = Conversation(
            id=new_id("conv"),
            owner=owner,
            title=title,
            created_at=now,
            updated_at=now,
            model=model,
            system=system,
            metadata=dict(metadata or {}),
        )
        with self._writer.begin() as connection:
            connection.execute(insert(conversations_table).values(asdict(made)))
        return made

    def conversations(
        self, owner: str = "", limit: int = 50, before: str | None = None
    ) -> list[Conversation]:
        """The owner's conversations, the last used first; `before`: the last id of a page."""
        c = conversations_table.c
        query = (
            select(conversations_table)
            .where(c.owner == owner)
            .order_by(c.updated_at.desc(), c.id.desc())
            .limit(limit)
        )
        if before is not None:
            last = self.get(before)
            query = query.where(tuple_(c.updated_at, c.id) < (last.updated_at, last.id))
        with self._engine.connect() as connection:
            return [conversation_of(dict(row._mapping)) for row in connection.execute(query)]

    def get(self, conversation_id: str) -> Conversation:
        """
        Raises:
            NotFound: there is no such conversation.
        """
        query = select(conversations_table).where(conversations_table.c.id == conversation_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise no_conversation(conversation_id)
        return conversation_of(dict(row._mapping))

    def rename(self, conversation_id: str, title: str) -> None:
        self._change(conversation_id, title=title)

    def set_model(self, conversation_id: str, model: str | None) -> None:
        self._change(conversation_id, model=model)

    def set_system(self, conversation_id: str, system: str | None) -> None:
        self._change(conversation_id, system=system)

    def set_metadata(self, conversation_id: str, metadata: Mapping[str, str]) -> None:
        self._change(conversation_id, metadata=dict(metadata))

    def set_head(self, conversation_id: str, message_id: str | None) -> None:
        """Stand at another message of the tree; None stands before the first."""
        if message_id is not None and self.message(message_id).conversation_id != conversation_id:
            raise no_message(message_id)
        self._change(conversation_id, head_id=message_id)

    def _change(self, conversation_id: str, **values: Any) -> None:
        c = conversations_table.c
        with self._writer.begin() as connection:
            done = connection.execute(
                update(conversations_table).where(c.id == conversation_id).values(**values)
            )
            if done.rowcount == 0:
                raise no_conversation(conversation_id)

    @freeing
    def delete(self, conversation_id: str) -> None:
        """Delete a conversation with all its messages, out of the search index too, and every
        object that belongs to it: summaries, states, calls, the files that it was given."""
        c = conversations_table.c
        with self._writer.begin() as connection:
            done = connection.execute(delete(conversations_table).where(c.id == conversation_id))
            if done.rowcount == 0:
                raise no_conversation(conversation_id)
            o = objects_table.c
            below = o.parent_id == conversation_id
            # The files of its vector store lie one level deeper; passages go with them.
            deeper = o.parent_id.in_(select(o.id).where(below))
            connection.execute(delete(objects_table).where(deeper))
            connection.execute(delete(objects_table).where(below))

    # Messages

    def append(
        self,
        conversation_id: str,
        role: Role,
        content: str,
        *,
        parent_id: str | None,
        status: Status = "complete",
        model: str | None = None,
        name: str | None = None,
        tool_calls: Sequence[ToolCall] = (),
        tool_call_id: str | None = None,
    ) -> StoredMessage:
        """Append a message under `parent_id` (None: a first message) and stand at it.

        Raises:
            NotFound: no such conversation, or no such parent in it.
        """
        made = StoredMessage(
            id=new_id("msg"),
            conversation_id=conversation_id,
            parent_id=parent_id,
            role=role,
            content=content,
            created_at=time.time(),
            status=status,
            model=model,
            name=name,
            tool_calls=tuple(tool_calls),
            tool_call_id=tool_call_id,
        )
        c = conversations_table.c
        with self._writer.begin() as connection:
            moved = connection.execute(
                update(conversations_table)
                .where(c.id == conversation_id)
                .values(head_id=made.id, updated_at=made.created_at)
            )
            if moved.rowcount == 0:
                raise no_conversation(conversation_id)
            if parent_id is not None:
                parent = one_message(connection, parent_id)
                if parent.conversation_id != conversation_id:
                    raise no_message(parent_id)
            connection.execute(insert(messages_table).values(values_of(made)))
        return made

    def flush(self, message_id: str, content: str) -> None:
        """Keep what a streamed answer says so far."""
        self._write_partial(message_id, content=content)

    def seal(
        self,
        message_id: str,
        content: str,
        *,
        status: Status = "complete",
        usage: Mapping[str, Any] | None = None,
        receipt: Mapping[str, Any] | None = None,
    ) -> StoredMessage:
        """End a streamed answer; from here on nothing rewrites it.

        Raises:
            Conflict: it is sealed already.
        """
        self._write_partial(
            message_id,
            content=content,
            status=status,
            usage=dict(usage or {}),
            receipt=dict(receipt or {}),
        )
        return self.message(message_id)

    def _write_partial(self, message_id: str, **values: Any) -> None:
        m = messages_table.c
        with self._writer.begin() as connection:
            done = connection.execute(
                update(messages_table)
                .where(m.id == message_id, m.status == "partial")
                .values(**values)
            )
            if done.rowcount == 0:
                one_message(connection, message_id)
                raise Conflict(f"The message {message_id!r} is sealed: append a new one instead.")

    def message(self, message_id: str) -> StoredMessage:
        """
        Raises:
            NotFound: there is no such message.
        """
        with self._engine.connect() as connection:
            return one_message(connection, message_id)

    def path_to(self, message_id: str, limit: int | None = None) -> list[StoredMessage]:
        """The messages from the first one down to this one; with `limit` so many at its end."""
        m = messages_table
        begin = select(m.c.id, m.c.parent_id, literal(1).label("steps"))
        up = begin.where(m.c.id == message_id).cte("up", recursive=True)
        above = select(m.c.id, m.c.parent_id, up.c.steps + 1).join(up, m.c.id == up.c.parent_id)
        up = up.union_all(above if limit is None else above.where(up.c.steps < limit))
        # A parent is always there before its child, so the serial orders the path.
        query = select(m).join(up, m.c.id == up.c.id).order_by(m.c.serial)
        found = self._messages(query)
        if not found:
            raise no_message(message_id)
        return found

    def depth(self, message_id: str) -> int:
        """How many messages the path to this one has; reads none of them."""
        m = messages_table
        up = select(m.c.parent_id).where(m.c.id == message_id).cte("up", recursive=True)
        up = up.union_all(select(m.c.parent_id).join(up, m.c.id == up.c.parent_id))
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(up)).scalar_one())

    def tree(self, conversation_id: str) -> list[tuple[str, str | None]]:
        """Each message's id and its parent's, oldest first."""
        m = messages_table.c
        query = (
            select(m.id, m.parent_id).where(m.conversation_id == conversation_id).order_by(m.serial)
        )
        with self._engine.connect() as connection:
            return [(row.id, row.parent_id) for row in connection.execute(query)]

    def children(self, conversation_id: str, parent_id: str | None) -> list[StoredMessage]:
        """The messages right under `parent_id` (None: the first ones), oldest first."""
        m = messages_table.c
        return self._messages(
            select(messages_table)
            .where(m.conversation_id == conversation_id, m.parent_id == parent_id)
            .order_by(m.serial)
        )

    def messages(self, conversation_id: str) -> list[StoredMessage]:
        """The whole tree of a conversation, oldest first."""
        m = messages_table.c
        return self._messages(
            select(messages_table).where(m.conversation_id == conversation_id).order_by(m.serial)
        )

    def _messages(self, query: Select[Any]) -> list[StoredMessage]:
        with self._engine.connect() as connection:
            return [stored(row) for row in connection.execute(query)]

    def search(self, query: str, *, owner: str = "", limit: int = 20) -> list[Hit]:
        """The owner's messages that hold every word of `query`, best first."""
        m, c = messages_table, conversations_table.c
        base = (
            select(m, *(column.label(f"of_{column.name}") for column in c))
            .join(conversations_table, c.id == m.c.conversation_id)
            .where(c.owner == owner)
            .limit(limit)
        )
        matching = sqlite.searching(base, query)
        if matching is None:
            return []
        with self._engine.connect() as connection:
            return [hit(row) for row in connection.execute(matching)]

    # For `doctor`

    def revision(self) -> str | None:
        with self._engine.connect() as connection:
            return revision(connection)

    def check(self) -> str:
        """`ok`, or what the database's own integrity check finds wrong; reads every page."""
        with self._engine.connect() as connection:
            return sqlite.check(connection)


def one_message(connection: Connection, message_id: str) -> StoredMessage:
    query = select(messages_table).where(messages_table.c.id == message_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise no_message(message_id)
    return stored(row)


def no_conversation(conversation_id: str) -> NotFound:
    return NotFound(
        f"There is no conversation {conversation_id[:100]!r}: list them to see which are."
    )


def no_message(message_id: str | None) -> NotFound:
    return NotFound(f"There is no message {str(message_id)[:100]!r} in this conversation.")
