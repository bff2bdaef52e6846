"""A page of a table, by birth, and one row of it: what users, projects, keys and audit share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Row, Table, and_, select

from fireside.errors import NotFound
from fireside.storage.objects import Order

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of a list, and whether more follow it."""

    items: list[T]
    more: bool


def row_of(
    connection: Connection, table: Table, row_id: str, what: str, *which: ColumnElement[bool]
) -> Row[Any]:
    """
    Raises:
        NotFound: there is none of that id, or none that is `which`.
    """
    row = connection.execute(select(table).where(table.c.id == row_id, *which)).one_or_none()
    if row is None:
        raise NotFound(f"There is no {what} {row_id[:100]!r}.")
    return row


def listed(
    reader: Engine,
    table: Table,
    which: Sequence[ColumnElement[bool]],
    made: Callable[[Row[Any]], T],
    what: str,
    *,
    order: Order = "desc",
    after: str | None = None,
    before: str | None = None,
    limit: int = 20,
) -> Listed[T]:
    """after, before: ids that the page lies between, in the list's own order.

    Raises:
        NotFound: one of them is no row.
    """
    serial = table.c.serial
    with reader.connect() as connection:
        query = select(table).where(and_(True, *which))
        for cursor, onwards in ((after, True), (before, False)):
            if cursor is not None:
                at = row_of(connection, table, cursor, what).serial
                upwards = (order == "asc") == onwards
                query = query.where(serial > at if upwards else serial < at)
        # A page that only ends somewhere is the one that ends there, not the list's first.
        backwards = before is not None and after is None
        direction = serial.asc() if (order == "asc") != backwards else serial.desc()
        rows = list(connection.execute(query.order_by(direction).limit(limit + 1)))
    found = [made(row) for row in rows[:limit]]
    return Listed(found[::-1] if backwards else found, len(rows) > limit)


def values_of(row: Row[Any], *without: str) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in without}
