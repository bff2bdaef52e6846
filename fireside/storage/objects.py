"""What the API keeps besides conversations: files, batches, responses, jobs, ... one row each.

A row's `body` is the object as the API shows it, less what every row has: id, owner, times,
status.  Rows of one parent (the items of a conversation, the events of a job) are rows of their
own and never a list inside its body.  It refuses to know what a kind means, and to show a row to
anyone but its owner: another's id is as unknown as one that never was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, Select, delete, insert, select, update

from fireside.errors import Conflict, NotFound
from fireside.storage.ids import new_id
from fireside.storage.reserve import freeing
from fireside.storage.schema import objects as table
from fireside.storage.writer import Writer

Order = Literal["asc", "desc"]
BATCH = 500  # rows deleted by one statement: SQLite takes so many parameters and more


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One row.  kind: `file`, `batch`, ...  times: Unix seconds.  version: of its changes."""

    id: str
    kind: str
    owner: str
    parent_id: str | None
    status: str | None
    created_at: float
    expires_at: float | None
    version: int
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A row to be."""

    id: str
    body: Mapping[str, Any]
    status: str | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list, and whether more follow it."""

    items: list[Stored]
    more: bool


class Objects:
    """All of a database's; `Store.objects`.  Safe to use from many threads."""

    def __init__(self, reader: Engine, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    def add(
        self,
        kind: str,
        prefix: str,
        body: Mapping[str, Any],
        *,
        owner: str,
        parent_id: str | None = None,
        status: str | None = None,
        expires_at: float | None = None,
    ) -> Stored:
        """A new row with a new id: `prefix` and eighteen letters."""
        new = New(id=new_id(prefix), body=body, status=status, expires_at=expires_at)
        return self.add_all(kind, [new], owner=owner, parent_id=parent_id)[0]

    def add_all(
        self, kind: str, rows: Sequence[New], *, owner: str, parent_id: str | None = None
    ) -> list[Stored]:
        """Rows in this order, all or none.

        Raises:
            Conflict: one of the ids is taken.
        """
        now = time.time()
        made = [
            Stored(
                id=row.id, kind=kind, owner=owner, parent_id=parent_id, status=row.status,
                created_at=now, expires_at=row.expires_at, version=1, body=dict(row.body),
            )
            for row in rows
        ]  # fmt: skip
        if made:
            with self._writer.begin() as connection:
                ids = [row.id for row in made]
                taken = select(table.c.id).where(table.c.id.in_(ids)).limit(1)
                if (one := connection.execute(taken).scalar()) is not None:
                    raise Conflict(f"There is a {kind} {one!r} already.")
                connection.execute(insert(table), [asdict(row) for row in made])
        return made

    def get(self, kind: str, row_id: str, *, owner: str | None) -> Stored:
        """owner: None finds anyone's: for the server's own work, never for a request.

        Raises:
            NotFound: there is none, or it is another's, or its time is over.
        """
        with self._reader.connect() as connection:
            return _one(connection, kind, row_id, owner)

    def change(
        self, kind: str, row_id: str, change: Callable[[Stored], Stored], *, owner: str | None
    ) -> Stored:
        """Replace body, status, parent and expiry by what `change` makes of the row, in one
        transaction.  `change` may raise: nothing is changed then.

        Raises:
            NotFound: as `get`.
        """
        with self._writer.begin() as connection:
            old = _one(connection, kind, row_id, owner)
            new = replace(change(old), version=old.version + 1)
            if new == replace(old, version=new.version):
                return old
            values = {
                name: getattr(new, name)
                for name in ("body", "status", "parent_id", "expires_at", "version")
            }
            connection.execute(update(table).where(table.c.id == row_id).values(values))
        return new

    @freeing
    def remove(self, kind: str, row_id: str, *, owner: str | None) -> Stored:
        """Delete a row and every row below it; returns the row as it was.

        Raises:
            NotFound: as `get`.
        """
        with self._writer.begin() as connection:
            gone = _one(connection, kind, row_id, owner)
            level = [row_id]
            while level:
                below = connection.execute(
                    select(table.c.id).where(table.c.parent_id.in_(level[:BATCH]))
                ).scalars()
                rest = level[BATCH:]
                found = list(below)
                connection.execute(delete(table).where(table.c.id.in_(level[:BATCH])))
                level = rest + found
        return gone

    def listed(
        self,
        kind: str,
        *,
        owner: str | None,
        parent_id: str | None = None,
        statuses: Sequence[str] = (),
        matching: Mapping[Any, Any] | None = None,
        order: Order = "desc",
        after: str | None = None,
        before: str | None = None,
        limit: int = 20,
    ) -> Listed:
        """A page of the rows, by birth.

        parent_id: only the rows below it; None, of any parent.  matching: values that the body
        must have, by name or by path (a tuple of names).  after, before: ids that the page lies
        between, in the list's own order.

        Raises:
            NotFound: `after` or `before` is no row of the owner's.
        """
        query = select(table).where(table.c.kind == kind, _alive())
        if owner is not None:
            query = query.where(table.c.owner == owner)
        if parent_id is not None:
            query = query.where(table.c.parent_id == parent_id)
        if statuses:
            query = query.where(table.c.status.in_(statuses))
        for name, value in (matching or {}).items():
            query = query.where(_member(name, value))
        with self._reader.connect() as connection:
            return _paged(connection, query, kind, owner, order, after, before, limit)

    def count(self, kind: str, *, owner: str | None, parent_id: str | None = None) -> int:
        from sqlalchemy import func

        query = select(func.count()).select_from(table).where(table.c.kind == kind, _alive())
        if owner is not None:
            query = query.where(table.c.owner == owner)
        if parent_id is not None:
            query = query.where(table.c.parent_id == parent_id)
        with self._reader.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def tally(
        self, kind: str, *, parent_id: str, matching: Mapping[str, Any] | None = None, sums: str
    ) -> dict[str, tuple[int, int]]:
        """Per status of the rows below a parent: how many there are, and the sum of the body's
        member `sums`."""
        from sqlalchemy import func

        query = (
            select(table.c.status, func.count(), func.sum(table.c.body[sums].as_integer()))
            .where(table.c.kind == kind, table.c.parent_id == parent_id, _alive())
            .group_by(table.c.status)
        )
        for name, value in (matching or {}).items():
            query = query.where(_member(name, value))
        with self._reader.connect() as connection:
            return {row[0]: (row[1], row[2] or 0) for row in connection.execute(query)}

    def bodies(self, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The bodies of those of these rows that are there, anyone's."""
        found: dict[str, dict[str, Any]] = {}
        with self._reader.connect() as connection:
            for begin in range(0, len(ids), BATCH):
                query = select(table.c.id, table.c.body).where(
                    table.c.id.in_(ids[begin : begin + BATCH]), table.c.kind == kind
                )
                found.update({row.id: row.body for row in connection.execute(query)})
        return found

    def versions(self, kind: str, *, owner: str) -> dict[str, int]:
        """The version of each of the owner's rows, by id: what has changed since the last look."""
        query = select(table.c.id, table.c.version).where(
            table.c.kind == kind, table.c.owner == owner, _alive()
        )
        with self._reader.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def chosen(self, kind: str, ids: Sequence[str], *, owner: str) -> list[Stored]:
        """Those of these rows that are there and the owner's, in no order."""
        found: list[Stored] = []
        with self._reader.connect() as connection:
            for begin in range(0, len(ids), BATCH):
                query = select(table).where(
                    table.c.id.in_(ids[begin : begin + BATCH]),
                    table.c.kind == kind,
                    table.c.owner == owner,
                    _alive(),
                )
                found.extend(_stored(row) for row in connection.execute(query))
        return found

    def owners(self, kind: str, *, status: str) -> list[str]:
        """Who has rows of `status`, the owner of the oldest first."""
        from sqlalchemy import func

        query = (
            select(table.c.owner)
            .where(table.c.kind == kind, table.c.status == status, _alive())
            .group_by(table.c.owner)
            .order_by(func.min(table.c.serial))
        )
        with self._reader.connect() as connection:
            return list(connection.execute(query).scalars())

    def claim(
        self, kind: str, *, status: str, becomes: str, owner: str | None = None
    ) -> Stored | None:
        """The oldest row of `status`, the owner's or (None) anyone's, moved to `becomes`; of many
        who ask at once each gets another row.  None where there is none."""
        query = (
            select(table)
            .where(table.c.kind == kind, table.c.status == status, _alive())
            .order_by(table.c.serial)
            .limit(1)
        )
        if owner is not None:
            query = query.where(table.c.owner == owner)
        with self._writer.begin() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            old = _stored(row)
            connection.execute(
                update(table)
                .where(table.c.id == old.id)
                .values(status=becomes, version=old.version + 1)
            )
        return replace(old, status=becomes, version=old.version + 1)

    def expired(self, kind: str, limit: int = 100) -> list[Stored]:
        """Rows whose time is over and that still take room; `remove` finds them."""
        query = (
            select(table)
            .where(table.c.kind == kind, table.c.expires_at <= time.time())
            .order_by(table.c.serial)
            .limit(limit)
        )
        with self._reader.connect() as connection:
            return [_stored(row) for row in connection.execute(query)]

    @freeing
    def discard(self, ids: Sequence[str]) -> None:
        """Delete rows by id, anyone's, expired or not; unknown ids are nothing."""
        with self._writer.begin() as connection:
            for begin in range(0, len(ids), BATCH):
                connection.execute(delete(table).where(table.c.id.in_(ids[begin : begin + BATCH])))


def _alive() -> Any:
    return table.c.expires_at.is_(None) | (table.c.expires_at > time.time())


def _member(name: str | tuple[str, ...], value: Any) -> Any:
    """Whether the body's member of this name or path is `value`."""
    member = table.c.body[name]
    match value:
        case None:
            return member.as_string().is_(None)
        case bool():
            return member.as_boolean() == value
        case int():
            return member.as_integer() == value
        case float():
            return member.as_float() == value
        case _:
            return member.as_string() == str(value)


def _stored(row: Row[Any]) -> Stored:
    values = dict(row._mapping)
    del values["serial"]
    return Stored(**values)


def _one(connection: Connection, kind: str, row_id: str, owner: str | None) -> Stored:
    query = select(table).where(table.c.kind == kind, table.c.id == row_id, _alive())
    if owner is not None:
        query = query.where(table.c.owner == owner)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no {kind.replace('_', ' ')} {row_id[:100]!r}.")
    return _stored(row)


def _serial(connection: Connection, kind: str, row_id: str, owner: str | None) -> int:
    query = select(table.c.serial).where(table.c.kind == kind, table.c.id == row_id)
    if owner is not None:
        query = query.where(table.c.owner == owner)
    found = connection.execute(query).scalar()
    if found is None:
        raise NotFound(f"There is no {kind.replace('_', ' ')} {row_id[:100]!r} to go on from.")
    return int(found)


def _paged(
    connection: Connection,
    query: Select[Any],
    kind: str,
    owner: str | None,
    order: Order,
    after: str | None,
    before: str | None,
    limit: int,
) -> Listed:
    serial = table.c.serial
    upwards = order == "asc"
    if after is not None:
        at = _serial(connection, kind, after, owner)
        query = query.where(serial > at if upwards else serial < at)
    if before is not None:
        at = _serial(connection, kind, before, owner)
        query = query.where(serial < at if upwards else serial > at)
    # A page that only ends somewhere is the one that ends there, not the list's first.
    backwards = before is not None and after is None
    direction = serial.asc() if upwards != backwards else serial.desc()
    rows = connection.execute(query.order_by(direction).limit(limit + 1)).all()
    found = [_stored(row) for row in rows[:limit]]
    return Listed(found[::-1] if backwards else found, more=len(rows) > limit)
