"""Everything of one owner in the database: read out, and deleted so that nothing of it is left.

`OWNED` and `UNOWNED` name every table; a test fails where one is missing.  Rows go a few at a time,
for others wait for the lock meanwhile; then the file itself is cleaned, as its dialect does that.
It refuses to touch another owner's row, and files: `fireside/safety/privacy/owned.py` knows those.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Engine, Select, Table, delete, func, select

from fireside.errors import Unavailable
from fireside.storage import sqlite
from fireside.storage.objects import BATCH, _alive
from fireside.storage.reserve import NO_SPACE, freeing
from fireside.storage.schema import conversations, messages, objects, passages
from fireside.storage.writer import Writer

OWNED: Final[Mapping[str, Table]] = {"conversations": conversations, "objects": objects}
"""Tables whose rows have an owner; `messages` and `passages` go with theirs."""

BELOW: Final[Mapping[str, str]] = {
    "messages": "of conversations",
    "passages": "of files of vector stores, which are objects",
}
UNOWNED: Final[Mapping[str, str]] = {
    "users": "people of the organisation; `fireside keys users remove`",
    "projects": "the owners themselves; `fireside keys projects archive`",
    "keys": "hashes; `fireside keys revoke`",
    "audit": "what admins did, kept by law where there is one",
}

READ: Final = "another process reads the database: its log is clean once that ends or restarts."
NO_ROOM: Final = (
    "the disk has no room for a clean copy of the database: deleted words stay in its search index "
    "until there is. Free some space, then do it once more."
)


class Erasure:
    """Of one database."""

    def __init__(self, reader: Engine, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    # Reading

    def conversations(self, owner: str) -> Iterator[Mapping[str, Any]]:
        yield from self._rows(select(conversations).where(conversations.c.owner == owner))

    def messages(self, owner: str) -> Iterator[Mapping[str, Any]]:
        query = select(messages).join(
            conversations, conversations.c.id == messages.c.conversation_id
        )
        yield from self._rows(query.where(conversations.c.owner == owner))

    def objects(self, owner: str, kind: str | None = None) -> Iterator[Mapping[str, Any]]:
        """Also those whose time is over and that nobody has swept yet."""
        query = select(objects).where(objects.c.owner == owner).order_by(objects.c.serial)
        yield from self._rows(query if kind is None else query.where(objects.c.kind == kind))

    def passages(self, owner: str) -> Iterator[Mapping[str, Any]]:
        p = passages.c
        query = (
            select(p.file, p.store, p.place, p.page, p.section, p.text)
            .join(objects, objects.c.id == p.file)
            .where(objects.c.owner == owner)
        )
        yield from self._rows(query)

    def kinds(self, owner: str) -> dict[str, int]:
        """How many rows of each kind of object."""
        query = (
            select(objects.c.kind, func.count())
            .where(objects.c.owner == owner)
            .group_by(objects.c.kind)
        )
        with self._reader.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def busy(self, owner: str, work: Mapping[str, Sequence[str]]) -> list[str]:
        """Ids of rows at work.  work: by kind, the statuses in which nothing more is done."""
        found: list[str] = []
        with self._reader.connect() as connection:
            for kind, over in work.items():
                query = select(objects.c.id).where(
                    objects.c.owner == owner,
                    objects.c.kind == kind,
                    objects.c.status.notin_(over),
                    _alive(),
                )
                found += list(connection.execute(query).scalars())
        return found

    def _rows(self, query: Select[Any]) -> Iterator[Mapping[str, Any]]:
        with self._reader.connect() as connection:
            for row in connection.execute(query.execution_options(yield_per=BATCH)):
                yield dict(row._mapping)

    # Deleting

    def forget(self, owner: str) -> dict[str, int]:
        """Delete every row of the owner's; how many of each table and kind there were."""
        gone = self.kinds(owner)
        with self._reader.connect() as connection:
            counted = select(func.count()).where(conversations.c.owner == owner)
            gone["conversations"] = int(connection.execute(counted).scalar_one())
        self._delete(objects, objects.c.serial, objects.c.owner == owner)
        self._delete(conversations, conversations.c.id, conversations.c.owner == owner)
        return {name: count for name, count in gone.items() if count}

    @freeing
    def _delete(self, table: Table, key: Column[Any], which: Any) -> None:
        some = select(key).where(which).limit(BATCH)
        while True:
            with self._writer.begin() as connection:
                if self._writer.engine.dialect.name == "sqlite":
                    sqlite.overwrite_deleted(connection)
                ids = list(connection.execute(some).scalars())
                connection.execute(delete(table).where(key.in_(ids)))
            if len(ids) < BATCH:
                return

    def scrub(self) -> str:
        """Clean the database's own files of what was deleted; what is not clean yet, or ""."""
        if self._writer.engine.dialect.name != "sqlite":
            return ""  # the server's VACUUM, which its administrator sets up
        try:
            with self._writer.turn():
                is_clean = sqlite.scrub(self._writer.engine)
        except Unavailable as error:
            if error.code != NO_SPACE:
                raise
            return NO_ROOM
        return "" if is_clean else READ

    # By age

    def stale(self, days: int) -> Iterator[tuple[str, str, str]]:
        """(table or kind, id, owner) of conversations and responses that nobody has used for so
        many days, and of files that are so old and in no vector store."""
        before = time.time() - days * 86_400
        c, o = conversations.c, objects.c
        below = objects.alias()
        attached = select(below.c.id).where(
            below.c.kind == "vector_store_file",
            below.c.owner == o.owner,
            below.c.body["file_id"].as_string() == o.id,
        )
        old = select(o.kind, o.id, o.owner).where(o.created_at < before)
        queries: list[Select[Any]] = [
            select(_literal("conversations"), c.id, c.owner).where(c.updated_at < before),
            old.where(
                o.kind.in_(("response", "chat_completion")),
                o.status.is_(None) | o.status.notin_(("queued", "in_progress")),
            ),
            old.where(o.kind == "file", ~attached.exists()),
        ]
        for query in queries:
            with self._reader.connect() as connection:
                found = [(row[0], row[1], row[2]) for row in connection.execute(query)]
            yield from found


def _literal(text: str) -> Any:
    from sqlalchemy import literal

    return literal(text)
