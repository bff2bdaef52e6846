"""Rows that follow one another: the chain of responses that ends in one of them.

A response's parent is the response before it, so a chain is read by one recursive query however
deep it is, and the items of all its links by one query for every 500.  Bodies are what costs: those
of the links are not read, for a receipt is larger than what was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, literal, select

from fireside.storage.objects import BATCH, Stored, _alive, _stored
from fireside.storage.schema import objects as table


@dataclass(frozen=True, slots=True)
class Link:
    """One row of a chain, less its body."""

    id: str
    parent_id: str | None
    status: str | None


class Lineage:
    """Of one database; beside `Objects`, whose rows it reads."""

    def __init__(self, reader: Engine) -> None:
        self._reader = reader

    def chain(self, kind: str, row_id: str, *, owner: str) -> list[Link]:
        """The row and those before it, by parent, the oldest first; empty if it is not the
        owner's.  Ends early where a parent is gone: the first row's `parent_id` says so."""
        columns = (table.c.id, table.c.parent_id, table.c.status)
        links = (
            select(*columns, literal(0).label("depth"))
            .where(table.c.id == row_id, table.c.kind == kind, table.c.owner == owner, _alive())
            .cte("links", recursive=True)
        )
        above = select(*columns, links.c.depth + 1).where(
            table.c.id == links.c.parent_id,
            table.c.kind == kind,
            table.c.owner == owner,
            _alive(),
        )
        links = links.union_all(above)
        query = select(links.c.id, links.c.parent_id, links.c.status).order_by(links.c.depth.desc())
        with self._reader.connect() as connection:
            return [Link(*row) for row in connection.execute(query)]

    def bodies_below(self, kind: str, parents: Sequence[str]) -> list[dict[str, Any]]:
        """The bodies of all children: parent by parent, and of each by birth."""
        found: dict[str, list[dict[str, Any]]] = {parent: [] for parent in parents}
        with self._reader.connect() as connection:
            for begin in range(0, len(parents), BATCH):
                some = list(parents[begin : begin + BATCH])
                query = (
                    select(table.c.parent_id, table.c.body)
                    .where(table.c.parent_id.in_(some), table.c.kind == kind, _alive())
                    .order_by(table.c.serial)
                )
                for parent, body in connection.execute(query):
                    found[parent].append(body)
        return [body for parent in parents for body in found[parent]]

    def below(self, kind: str, parents: Sequence[str]) -> dict[str, list[Stored]]:
        """The children of each, by birth; parents without any have an empty list."""
        found: dict[str, list[Stored]] = {parent: [] for parent in parents}
        with self._reader.connect() as connection:
            for begin in range(0, len(parents), BATCH):
                some = list(parents[begin : begin + BATCH])
                query = (
                    select(table)
                    .where(table.c.parent_id.in_(some), table.c.kind == kind, _alive())
                    .order_by(table.c.serial)
                )
                for row in connection.execute(query):
                    child = _stored(row)
                    found[str(child.parent_id)].append(child)
        return found
