"""The audit log: what admins did, by whom and when.  Lines are only ever added."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Row, insert

from fireside.storage import paging
from fireside.storage.ids import new_id
from fireside.storage.paging import Listed, values_of
from fireside.storage.persons import Actor, Deed
from fireside.storage.schema import audit


class AuditLog:
    """`Store.audit`."""

    def __init__(self, reader: Engine) -> None:
        self._reader = reader

    def listed(
        self,
        *,
        types: Sequence[str] = (),
        actor_ids: Sequence[str] = (),
        project_ids: Sequence[str] = (),
        resource_ids: Sequence[str] = (),
        since: float | None = None,
        until: float | None = None,
        **page: Any,
    ) -> Listed[Deed]:
        """since, until: Unix seconds; the first is within, the last is not."""
        a = audit.c
        within: list[tuple[Column[Any], Sequence[str]]] = [
            (a.type, types), (a.actor_id, actor_ids),
            (a.project_id, project_ids), (a.resource_id, resource_ids),
        ]  # fmt: skip
        which: list[ColumnElement[bool]] = [column.in_(some) for column, some in within if some]
        if since is not None:
            which.append(a.at >= since)
        if until is not None:
            which.append(a.at < until)
        return paging.listed(self._reader, audit, which, _deed, "audit log", **page)


def note(
    connection: Connection,
    by: Actor,
    said: str,
    resource_id: str,
    details: Mapping[str, Any],
    project_id: str | None = None,
) -> None:
    """In the transaction of the deed itself: there is none without its line.

    said: OpenAI's word for it.
    """
    connection.execute(
        insert(audit).values(
            id=new_id("audit_log"),
            type=said,
            at=time.time(),
            actor_id=by.id,
            project_id=project_id,
            resource_id=resource_id,
            actor=asdict(by),
            details={"id": resource_id, **details},
        )
    )


def _deed(row: Row[Any]) -> Deed:
    return Deed(**values_of(row, "serial", "actor_id"))
