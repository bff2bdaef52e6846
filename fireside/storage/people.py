"""Users and projects as rows; each change of them writes its line of the audit log with it.

Nothing is deleted: a removed user and an archived project stay, and open nothing.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from fireside.errors import Conflict
from fireside.storage import persons
from fireside.storage.audit import note
from fireside.storage.ids import new_id
from fireside.storage.paging import Listed, listed, row_of, values_of
from fireside.storage.persons import Actor, Project, Role, User
from fireside.storage.schema import keys, projects, users
from fireside.storage.writer import Writer


class People:
    """`Store.people`.  Safe to use from many threads."""

    def __init__(self, reader: Engine, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    # Users

    def add_user(
        self,
        name: str,
        *,
        by: Actor,
        email: str | None = None,
        role: Role = "member",
        service_account_of: str | None = None,
    ) -> User:
        made = User(
            id=new_id("user" if service_account_of is None else "svc_acct"),
            kind="user" if service_account_of is None else "service_account",
            name=name, email=email, role=role, project_id=service_account_of,
            created_at=time.time(), removed_at=None,
        )  # fmt: skip
        with self._writer.begin() as connection:
            if made.project_id is not None:
                living_project(connection, made.project_id)
            connection.execute(insert(users).values(asdict(made)))
            if made.kind == "user":
                note(connection, by, "user.added", made.id, {"data": {"role": role}})
            else:
                note(connection, by, "service_account.created", made.id,
                      {"data": {"role": role}}, made.project_id)  # fmt: skip
        return made

    def user(self, user_id: str) -> User:
        with self._reader.connect() as connection:
            return user_from(
                row_of(connection, users, user_id, "user", users.c.removed_at.is_(None))
            )

    def set_role(self, user_id: str, role: Role, *, by: Actor) -> User:
        with self._writer.begin() as connection:
            row_of(connection, users, user_id, "user", users.c.removed_at.is_(None))
            connection.execute(update(users).where(users.c.id == user_id).values(role=role))
            note(connection, by, "user.updated", user_id, {"changes_requested": {"role": role}})
            return user_from(row_of(connection, users, user_id, "user"))

    def remove_user(self, user_id: str, *, by: Actor) -> User:
        """From now on the user is gone, and their keys are revoked."""
        now = time.time()
        with self._writer.begin() as connection:
            gone = user_from(
                row_of(connection, users, user_id, "user", users.c.removed_at.is_(None))
            )
            connection.execute(update(users).where(users.c.id == user_id).values(removed_at=now))
            connection.execute(
                update(keys)
                .where(keys.c.user_id == user_id, keys.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )
            said = "user.deleted" if gone.kind == "user" else "service_account.deleted"
            note(connection, by, said, user_id, {}, gone.project_id)
        return gone

    def users(self, *, service_accounts_of: str | None = None, **page: Any) -> Listed[User]:
        kind = "user" if service_accounts_of is None else "service_account"
        which = [users.c.kind == kind, users.c.removed_at.is_(None)]
        if service_accounts_of is not None:
            which.append(users.c.project_id == service_accounts_of)
        return listed(self._reader, users, which, user_from, "user", **page)

    # Projects

    def add_project(self, name: str, *, by: Actor) -> Project:
        made = Project(id=new_id("proj"), name=name, created_at=time.time(), archived_at=None)
        with self._writer.begin() as connection:
            connection.execute(insert(projects).values(asdict(made)))
            note(connection, by, "project.created", made.id,
                  {"data": {"name": name, "title": name}}, made.id)  # fmt: skip
        return made

    def default_project(self) -> Project:
        """Made when it is first asked for."""
        with self._writer.begin() as connection:
            living_project(connection, persons.DEFAULT_PROJECT)
            return project_from(row_of(connection, projects, persons.DEFAULT_PROJECT, "project"))

    def project(self, project_id: str) -> Project:
        with self._reader.connect() as connection:
            return project_from(row_of(connection, projects, project_id, "project"))

    def rename_project(self, project_id: str, name: str, *, by: Actor) -> Project:
        with self._writer.begin() as connection:
            living_project(connection, project_id)
            connection.execute(
                update(projects).where(projects.c.id == project_id).values(name=name)
            )
            note(connection, by, "project.updated", project_id,
                  {"changes_requested": {"title": name}}, project_id)  # fmt: skip
            return project_from(row_of(connection, projects, project_id, "project"))

    def archive_project(self, project_id: str, *, by: Actor) -> Project:
        """Its keys open nothing any more; its rows stay."""
        if project_id == persons.DEFAULT_PROJECT:
            raise Conflict("The default project cannot be archived.")
        with self._writer.begin() as connection:
            living_project(connection, project_id)
            now = time.time()
            connection.execute(
                update(projects).where(projects.c.id == project_id).values(archived_at=now)
            )
            note(connection, by, "project.archived", project_id, {}, project_id)
            return project_from(row_of(connection, projects, project_id, "project"))

    def projects(self, *, archived: bool = False, **page: Any) -> Listed[Project]:
        which = [] if archived else [projects.c.archived_at.is_(None)]
        return listed(self._reader, projects, which, project_from, "project", **page)


def living_project(connection: Connection, project_id: str) -> None:
    """
    Raises:
        NotFound: there is none, or it is archived.
    """
    default = project_id == persons.DEFAULT_PROJECT
    if (
        default
        and not connection.execute(select(projects).where(projects.c.id == project_id)).all()
    ):
        made = Project(
            id=project_id, name="Default project", created_at=time.time(), archived_at=None
        )
        connection.execute(insert(projects).values(asdict(made)))
    row_of(connection, projects, project_id, "project", projects.c.archived_at.is_(None))


def user_from(row: Row[Any]) -> User:
    return User(**values_of(row, "serial"))


def project_from(row: Row[Any]) -> Project:
    return Project(**values_of(row, "serial"))
