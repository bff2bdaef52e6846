"""Passages of the files of vector stores: rows, and the full-text index over them.

A file's passages are found from the moment on at which it is called completed, and go with its
row: no search ever finds half a file, or one that is gone.  Writes are short, for the database has
one writer.  It refuses to know what a vector
or a word is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Row,
    and_,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from fireside.storage.reserve import freeing
from fireside.storage.schema import objects, passages
from fireside.storage.writer import Writer

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassage:
    """begin: where its text begins in the document's.  words: with spaces between, `length` many.
    vectors: float32, one or several rows."""

    begin: int
    page: int | None
    section: list[str]
    text: str
    words: str
    length: int
    vectors: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPassage:
    serial: int
    file: str
    begin: int
    page: int | None
    section: list[str]
    text: str


class Passages:
    """All of a database's; `Store.passages`.  Safe to use from many threads."""

    def __init__(self, reader: Engine, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    def keep(
        self, file: str, store: str, created_at: float, place: int, made: Sequence[NewPassage]
    ) -> bool:
        """Passages of a file that is `in_progress`, from this place on; no search finds them
        before `complete`.  False, and nothing is kept, if it is not: cancelled, or gone, or
        another row (by its birth) under the same id."""
        with self._writer.begin() as connection:
            if connection.execute(select(objects.c.id).where(_mine(file, created_at))).scalar():
                rows = [
                    asdict(one) | {"file": file, "store": store, "place": place + i}
                    for i, one in enumerate(made)
                ]
                connection.execute(insert(passages), rows)
                return True
        return False

    def complete(self, file: str, created_at: float, body: Mapping[str, Any]) -> bool:
        """The file becomes `completed`, with these members in its body.  False as `keep`."""
        c = objects.c
        mine = _mine(file, created_at)
        with self._writer.begin() as connection:
            before = connection.execute(select(c.body).where(mine)).scalar()
            if before is None:
                return False
            connection.execute(
                update(objects)
                .where(mine)
                .values(status="completed", body={**before, **body}, version=c.version + 1)
            )
        return True

    @freeing
    def discard(self, file: str) -> None:
        """Delete a file's passages, a few at a time: others wait for the lock meanwhile."""
        p = passages.c
        some = select(p.serial).where(p.file == file).limit(BATCH)
        gone = BATCH
        while gone == BATCH:
            with self._writer.begin() as connection:
                gone = connection.execute(
                    delete(passages).where(p.serial.in_(some.scalar_subquery()))
                ).rowcount

    def of_file(self, file: str) -> list[StoredPassage]:
        """In the document's order."""
        p = passages.c
        query = select(passages).where(p.file == file).order_by(p.place)
        with self._reader.connect() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def get(self, serials: Sequence[int]) -> dict[int, StoredPassage]:
        """Those of these that are there."""
        query = select(passages).where(passages.c.serial.in_(list(serials)))
        with self._reader.connect() as connection:
            return {row.serial: _stored(row) for row in connection.execute(query)}

    def state(self, store: str) -> tuple[object, ...]:
        """Another whenever the passages of a store are others."""
        c = objects.c
        query = select(
            func.count(), func.sum(c.serial), func.max(c.created_at), func.max(c.serial)
        ).where(c.parent_id == store, c.kind == "vector_store_file", c.status == "completed")
        with self._reader.connect() as connection:
            return tuple(connection.execute(query).one())

    def vectors(self, store: str) -> Iterator[tuple[int, str, int, bytes]]:
        """(serial, file, length, vectors) of each passage of a store, by serial."""
        p = passages.c
        query = (
            select(p.serial, p.file, p.length, p.vectors)
            .join(objects, objects.c.id == p.file)
            .where(p.store == store, objects.c.status == "completed")
            .order_by(p.serial)
            .execution_options(yield_per=1000)
        )
        with self._reader.connect() as connection:
            for row in connection.execute(query):
                yield row.serial, row.file, row.length, row.vectors

    def count(self, store: str, word: str) -> int:
        """How many passages of the store hold the word."""
        query = text("SELECT count(*) FROM passages_words WHERE passages_words MATCH :match")
        with self._reader.connect() as connection:
            return int(connection.execute(query, {"match": _match(store, word)}).scalar_one())

    def holding(self, store: str, word: str, limit: int) -> list[int]:
        """Serials of passages of the store that hold the word."""
        query = text(
            "SELECT rowid FROM passages_words WHERE passages_words MATCH :match LIMIT :limit"
        )
        with self._reader.connect() as connection:
            given = {"match": _match(store, word), "limit": limit}
            return [row[0] for row in connection.execute(query, given)]

    def words(self, serials: Sequence[int]) -> Iterator[tuple[int, str]]:
        """(serial, words) of those of these that are there."""
        p = passages.c
        with self._reader.connect() as connection:
            for begin in range(0, len(serials), BATCH):
                query = select(p.serial, p.words).where(
                    p.serial.in_(serials[begin : begin + BATCH])
                )
                for row in connection.execute(query):
                    yield row.serial, row.words


def _mine(file: str, created_at: float) -> ColumnElement[bool]:
    c = objects.c
    return and_(c.id == file, c.status == "in_progress", c.created_at == created_at)


def _match(store: str, word: str) -> str:
    """Ids are a prefix and letters, which the index keeps as two words; quoted, a word is never
    an operator of FTS5's query language."""
    return f'words:"{word}" AND store:"{store.rpartition("_")[2]}"'


def _stored(row: Row[Any]) -> StoredPassage:
    return StoredPassage(
        serial=row.serial,
        file=row.file,
        begin=row.begin,
        page=row.page,
        section=row.section,
        text=row.text,
    )
