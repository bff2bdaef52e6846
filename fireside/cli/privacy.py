"""`fireside privacy`: everything that is kept of somebody, to take along or to delete for good.

It works on the database and the folders themselves; `--owner` is a project's name or id, and
without one it is the one person of a server without keys.  It asks before it deletes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fireside.cli import failures, people
from fireside.cli.printable import printable_json
from fireside.cli.table import show_table
from fireside.errors import BadRequest, Conflict, Unavailable

if TYPE_CHECKING:
    from fireside.safety.privacy.owned import Owned

app = typer.Typer(
    help="Export or delete everything of somebody; find personal data.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Owner = Annotated[
    str | None, typer.Option("--owner", help="Whose: a project of `keys projects list`.")
]


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The zip file to write.")],
    owner: Owner = None,
    as_json: Json = False,
) -> None:
    """Write all conversations, files, memories, ... of one owner into a zip file."""
    if file.exists():
        raise Conflict(f"{file} is there already: take another name.")
    beside = file.with_name(f".{file.name}.part")
    with opened(owner) as (owned, whose):
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as target:
                counts = owned.export(whose, target)
            beside.rename(file)
        except OSError as error:
            raise Unavailable(f"{file} cannot be written: {error.strerror}.") from None
        finally:
            beside.unlink(missing_ok=True)
    if as_json:
        print(printable_json({"file": str(file), "rows": counts}))
        return
    show_table(("what", "rows"), ((name, str(count)) for name, count in counts.items()))
    failures.say(f"{file} holds it in the clear: keep it as you would keep the conversations.")


@app.command("forget")
def forget(
    owner: Owner = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete everything of one owner: rows, indexes, files, runs, hidden values."""
    with opened(owner) as (owned, whose):
        name = f"the owner {owner!r}" if owner is not None else "the person of this machine"
        if not yes and not typer.confirm(f"Delete everything of {name}? It cannot be undone."):
            raise BadRequest("Nothing was deleted.")
        done = owned.forget(whose)
    if as_json:
        print(printable_json(done.as_json()))
        return
    print(f"{sum(done.rows.values())} rows and {done.paths} files and folders are gone.")
    if done.remains:
        failures.say(done.remains)


@app.command("find")
def find(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A text, or - for standard input.")],
    as_json: Json = False,
) -> None:
    """Show what of a text counts as personal data; nothing is kept."""
    from fireside.safety.privacy.finder import load_finder

    given = typer.get_text_stream("stdin").read() if text == "-" else text
    found = load_finder().find(given)
    if as_json:
        rows = [
            {"kind": f.kind, "start": f.start, "end": f.end, "score": round(f.score, 3)}
            for f in found
        ]
        print(printable_json(rows))
        return
    shown = ((f.kind, given[f.start : f.end], f"{f.score:.2f}") for f in found)
    show_table(("kind", "text", "score"), shown)


@contextmanager
def opened(owner: str | None) -> Iterator[tuple[Owned, str]]:
    """What this machine keeps, and whose is meant."""
    from fireside.safety.privacy.owned import Owned
    from fireside.settings import load_settings

    with people.opened() as store:
        whose = people.project_named(store, owner).owner
        yield Owned(store, load_settings().home), whose
