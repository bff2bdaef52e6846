"""`fireside keys`: who may ask this server.  It works on the database itself, so it needs no key:
whoever may read that file is an admin already.

A key is printed once, alone on stdout (`KEY=$(fireside keys create laptop)`); the database keeps
its hash.  It refuses to show a key again: revoke it and make another.
"""

from __future__ import annotations

import getpass
import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fireside.cli import failures, people
from fireside.cli.printable import printable_json
from fireside.cli.table import show_table
from fireside.errors import BadRequest

if TYPE_CHECKING:
    from fireside.storage import Store
    from fireside.storage.persons import Key, User

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)
app.add_typer(people.users, name="users")
app.add_typer(people.projects, name="projects")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
SPANS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST = 10 * 365 * 86_400


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")] = "key",
    user: Annotated[
        str | None,
        typer.Option("--user", help="Whose key: a name or id of `keys users list`; else yours."),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", help="Whose rows it sees: of `keys projects list`."),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What it may do; several may be given.  Without: all."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="When it ends: 90m, 12h, 30d, 4w.")
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option("--requests-per-minute", min=1, max=10**6)
    ] = None,
    tokens_per_minute: Annotated[
        int | None, typer.Option("--tokens-per-minute", min=1, max=10**9)
    ] = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=1, max=10**12, help="In its whole life.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it, this once.  From the first key on, everybody needs one."""
    from fireside.server.scopes import SCOPES
    from fireside.storage.persons import Actor, Limits

    for each in scope or ():
        if each not in SCOPES:
            raise BadRequest(f"There is no scope {each!r}: take of {', '.join(SCOPES)}.")
    ends = None if expires is None else time.time() + seconds_of(expires)
    limits = Limits(
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        tokens_total=tokens,
    )
    with people.opened() as store:
        first = not store.keys.any()
        key, secret = store.keys.add(
            name,
            by=Actor(),
            user_id=_whose(store, user).id,
            project_id=people.project_named(store, project).id,
            scopes=scope,
            limits=limits,
            expires_at=ends,
        )
    if as_json:
        print(printable_json(shown(key) | {"value": secret}))
        return
    print(secret)
    failures.say(f"{key.id} is shown this once: keep it now.")
    if first:
        failures.say("it is the first key: from now on the server asks everybody for one.")


@app.command("list")
def list_keys(
    all_of_them: Annotated[bool, typer.Option("--all", help="The revoked ones too.")] = False,
    as_json: Json = False,
) -> None:
    """The keys that were made, and what they have used."""
    with people.opened() as store:
        found = [
            (key, store.keys.holder_of(key.id))
            for key in people.every(store.keys.listed, revoked=all_of_them)
        ]
    if as_json:
        print(printable_json([shown(key) for key, _ in found]))
        return
    show_table(
        ("id", "key", "name", "user", "project", "scopes", "expires", "tokens used", "state"),
        (
            (
                key.id, key.redacted, key.name, holder.user.name, holder.project.name,
                "all" if key.scopes is None else ",".join(key.scopes),
                people.date(key.expires_at), str(key.tokens_used), _state(key),
            )
            for key, holder in found
        ),
    )  # fmt: skip


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="An id of `keys list`.")],
    as_json: Json = False,
) -> None:
    """End a key, at once and for good."""
    from fireside.storage.persons import Actor

    with people.opened() as store:
        key = store.keys.revoke(key_id, by=Actor())
    if as_json:
        print(printable_json({"id": key.id, "revoked": True}))
    else:
        print(f"{key.id} ({key.name}) opens nothing any more.")


def seconds_of(span: str) -> float:
    """`30d` to seconds."""
    found = re.fullmatch(r"(\d{1,6})([mhdw])", span)
    if found is None or not 0 < int(found[1]) * SPANS[found[2]] <= LONGEST:
        raise BadRequest(f"--expires takes a span like 90m, 12h, 30d or 4w, not {span!r}.")
    return int(found[1]) * SPANS[found[2]]


def shown(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "redacted_value": key.redacted,
        "user_id": key.user_id,
        "project_id": key.project_id,
        "scopes": None if key.scopes is None else list(key.scopes),
        "requests_per_minute": key.limits.requests_per_minute,
        "tokens_per_minute": key.limits.tokens_per_minute,
        "tokens_total": key.limits.tokens_total,
        "tokens_used": key.tokens_used,
        "created_at": int(key.created_at),
        "expires_at": None if key.expires_at is None else int(key.expires_at),
        "last_used_at": None if key.last_used_at is None else int(key.last_used_at),
        "state": _state(key),
    }


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= time.time() else "valid"


def _whose(store: Store, named: str | None) -> User:
    """The user of that name; without one the first admin, who is made if there is none."""
    from fireside.storage.persons import Actor

    if named is not None:
        return people.user_named(store, named)
    for user in people.every(store.people.users):
        if user.role == "admin":
            return user
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        name = "admin"
    return store.people.add_user(name, role="admin", by=Actor())
