"""Keys as rows.  A secret is handed out by `add`, once; what is kept is its hash.

A revoked key stays, and opens nothing.  It refuses to decide what a key may do: that is the
server's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, insert, select, update

from fireside.storage import paging, persons
from fireside.storage.audit import note
from fireside.storage.ids import new_id
from fireside.storage.paging import Listed, row_of, values_of
from fireside.storage.people import living_project, project_from, user_from
from fireside.storage.persons import Actor, Holder, Key, KeyKind, Limits
from fireside.storage.schema import keys, projects, users
from fireside.storage.writer import Writer

LIMITS = ("requests_per_minute", "tokens_per_minute", "tokens_total")


class Keyring:
    """All keys of a database; `Store.keys`.  Safe to use from many threads."""

    def __init__(self, reader: Engine, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    def any(self) -> bool:
        """Whether a key was ever made: from then on the server is closed, whatever became of it."""
        with self._reader.connect() as connection:
            return connection.execute(select(keys.c.id).limit(1)).first() is not None

    def usable(self) -> bool:
        """Whether there is a key that opens something today."""
        query = (
            select(keys.c.id)
            .join(users, users.c.id == keys.c.user_id)
            .join(projects, projects.c.id == keys.c.project_id)
            .where(
                keys.c.revoked_at.is_(None),
                keys.c.expires_at.is_(None) | (keys.c.expires_at > time.time()),
                users.c.removed_at.is_(None),
                projects.c.archived_at.is_(None),
            )
        )
        with self._reader.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def holder(self, secret: str) -> Holder | None:
        """Whose key this is, even if it is over; None for an unknown one."""
        with self._reader.connect() as connection:
            found = connection.execute(
                select(keys).where(keys.c.prefix == persons.prefix_of(secret))
            ).all()
            same = [row for row in found if persons.is_same(secret, row.hash)]
            if not same:
                return None
            key = _key(same[0])
            return _holder(connection, key)

    def holder_of(self, key_id: str) -> Holder:
        """
        Raises:
            NotFound: there is no such key.
        """
        with self._reader.connect() as connection:
            return _holder(connection, _key(row_of(connection, keys, key_id, "key")))

    def spend(self, spent: Mapping[str, int], at: float) -> None:
        """Add tokens to what keys have used, by id, and say when that was."""
        with self._writer.begin() as connection:
            for key_id, tokens in spent.items():
                connection.execute(
                    update(keys)
                    .where(keys.c.id == key_id)
                    .values(tokens_used=keys.c.tokens_used + tokens, last_used_at=at)
                )

    def add(
        self,
        name: str,
        *,
        by: Actor,
        user_id: str,
        project_id: str = persons.DEFAULT_PROJECT,
        kind: KeyKind = "project",
        scopes: Sequence[str] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        expires_at: float | None = None,
    ) -> tuple[Key, str]:
        """A new key and its secret, which is not to be had again.

        Raises:
            NotFound: no such user or project.
        """
        secret = persons.new_secret()
        values = {
            "id": new_id("key"), "kind": kind, "name": name,
            "prefix": persons.prefix_of(secret), "hash": persons.hash_of(secret),
            "user_id": user_id, "project_id": project_id,
            "scopes": None if scopes is None else list(scopes), **asdict(limits),
            "tokens_used": 0, "created_at": time.time(), "expires_at": expires_at,
        }  # fmt: skip
        with self._writer.begin() as connection:
            row_of(connection, users, user_id, "user", users.c.removed_at.is_(None))
            living_project(connection, project_id)
            connection.execute(insert(keys).values(values))
            details = {"data": {"scopes": list(scopes or ())}}
            note(connection, by, "api_key.created", str(values["id"]), details, project_id)
            return _key(row_of(connection, keys, str(values["id"]), "key")), secret

    def revoke(
        self,
        key_id: str,
        *,
        by: Actor,
        kind: KeyKind | None = None,
        project_id: str | None = None,
    ) -> Key:
        """From now on the key opens nothing.

        Raises:
            NotFound: there is no such key, or it is revoked already.
        """
        with self._writer.begin() as connection:
            which = _keys_like(kind, project_id, revoked=False)
            key = _key(row_of(connection, keys, key_id, "key", *which))
            connection.execute(
                update(keys).where(keys.c.id == key_id).values(revoked_at=time.time())
            )
            note(connection, by, "api_key.deleted", key_id, {}, key.project_id)
        return key

    def get(self, key_id: str, *, kind: KeyKind, project_id: str | None = None) -> Key:
        with self._reader.connect() as connection:
            which = _keys_like(kind, project_id, revoked=False)
            return _key(row_of(connection, keys, key_id, "key", *which))

    def listed(
        self,
        *,
        kind: KeyKind | None = None,
        project_id: str | None = None,
        revoked: bool = False,
        **page: Any,
    ) -> Listed[Key]:
        which = _keys_like(kind, project_id, revoked=revoked)
        return paging.listed(self._reader, keys, which, _key, "key", **page)


def _keys_like(
    kind: KeyKind | None, project_id: str | None, *, revoked: bool
) -> list[ColumnElement[bool]]:
    which: list[ColumnElement[bool]] = []
    if kind is not None:
        which.append(keys.c.kind == kind)
    if project_id is not None:
        which.append(keys.c.project_id == project_id)
    if not revoked:
        which.append(keys.c.revoked_at.is_(None))
    return which


def _holder(connection: Connection, key: Key) -> Holder:
    return Holder(
        key=key,
        user=user_from(row_of(connection, users, key.user_id, "user")),
        project=project_from(row_of(connection, projects, key.project_id, "project")),
    )


def _key(row: Row[Any]) -> Key:
    values = values_of(row, "serial", "hash", *LIMITS)
    values["scopes"] = None if row.scopes is None else tuple(row.scopes)
    return Key(**values, limits=Limits(**{name: row._mapping[name] for name in LIMITS}))
