"""`fireside keys users` and `fireside keys projects`: to whom keys belong, and whose rows they see.

Nothing is deleted: a removed user's keys and an archived project's keys open nothing any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from fireside.cli.printable import printable_json
from fireside.cli.table import show_table
from fireside.errors import BadRequest, NotFound

if TYPE_CHECKING:
    from fireside.storage import Store
    from fireside.storage.paging import Listed
    from fireside.storage.persons import Project, User

users = typer.Typer(help="Add, list and remove users.", no_args_is_help=True)
projects = typer.Typer(help="Add, list and archive projects.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Named = Annotated[str, typer.Argument(metavar="USER", help="A name or an id.")]
T = TypeVar("T")


@users.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="Their name.")],
    email: Annotated[str | None, typer.Option("--email")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May make users and keys.")] = False,
    as_json: Json = False,
) -> None:
    """Add a user; `fireside keys create --user NAME` gives them a key."""
    from fireside.storage.persons import Actor, Role

    role: Role = "admin" if admin else "member"
    with opened() as store:
        user = store.people.add_user(name, email=email, role=role, by=Actor())
    print(printable_json(_user(user)) if as_json else user.id)


@users.command("list")
def list_users(as_json: Json = False) -> None:
    """Everybody who was added."""
    with opened() as store:
        found = list(every(store.people.users))
    if as_json:
        print(printable_json([_user(user) for user in found]))
        return
    rows = ((u.id, u.name, u.email or "", u.role, date(u.created_at)) for u in found)
    show_table(("id", "name", "email", "role", "since"), rows)


@users.command("remove")
def remove_user(named: Named, as_json: Json = False) -> None:
    """Remove a user and revoke their keys."""
    from fireside.storage.persons import Actor

    with opened() as store:
        gone = store.people.remove_user(user_named(store, named).id, by=Actor())
    print(printable_json(_user(gone)) if as_json else f"{gone.name} is gone, their keys with them.")


@projects.command("add")
def add_project(
    name: Annotated[str, typer.Argument(help="Its name.")], as_json: Json = False
) -> None:
    """Add a project: rows that its own keys see, and no others."""
    from fireside.storage.persons import Actor

    with opened() as store:
        made = store.people.add_project(name, by=Actor())
    print(printable_json(_project(made)) if as_json else made.id)


@projects.command("list")
def list_projects(
    archived: Annotated[bool, typer.Option("--all", help="The archived ones too.")] = False,
    as_json: Json = False,
) -> None:
    """All projects."""
    with opened() as store:
        store.people.default_project()
        found = list(every(store.people.projects, archived=archived))
    if as_json:
        print(printable_json([_project(project) for project in found]))
        return
    rows = ((p.id, p.name, "archived" if p.archived_at else "", date(p.created_at)) for p in found)
    show_table(("id", "name", "state", "since"), rows)


@projects.command("archive")
def archive_project(
    named: Annotated[str, typer.Argument(metavar="PROJECT", help="A name or an id.")],
    as_json: Json = False,
) -> None:
    """Archive a project: its keys open nothing any more, its rows stay."""
    from fireside.storage.persons import Actor

    with opened() as store:
        done = store.people.archive_project(project_named(store, named).id, by=Actor())
    print(printable_json(_project(done)) if as_json else f"{done.name} is archived.")


@contextmanager
def opened() -> Iterator[Store]:
    from fireside.settings import load_settings
    from fireside.storage import Store

    with Store.open(load_settings().database_path) as store:
        yield store


def every(listed: Callable[..., Listed[T]], **which: Any) -> Iterator[T]:
    """All pages of a list, oldest first."""
    after = None
    while True:
        page = listed(order="asc", limit=100, after=after, **which)
        yield from page.items
        if not page.more:
            return
        after = page.items[-1].id  # type: ignore[attr-defined]


def user_named(store: Store, named: str) -> User:
    """
    Raises:
        NotFound: nobody.  BadRequest: more than one.
    """
    found = [u for u in every(store.people.users) if named in (u.id, u.name, u.email)]
    return _the_one(found, f"There is no user {named!r}: `fireside keys users list` shows them.")


def project_named(store: Store, named: str | None) -> Project:
    """None: the default one."""
    if named is None:
        return store.people.default_project()
    found = [p for p in every(store.people.projects) if named in (p.id, p.name)]
    return _the_one(
        found, f"There is no project {named!r}: `fireside keys projects list` shows them."
    )


def _the_one(found: list[T], none: str) -> T:
    if not found:
        raise NotFound(none)
    if len(found) > 1:
        raise BadRequest("Several have that name: give the id.")
    return found[0]


def date(at: float | None) -> str:
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "created_at": int(user.created_at),
    }


def _project(project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "status": "active" if project.archived_at is None else "archived",
        "created_at": int(project.created_at),
    }
