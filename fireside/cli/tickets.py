"""`fireside tickets`: what was handed over to a person, to list, to read and to close.

It reads the files of `FIRESIDE_HOME/tickets`, whoever's conversations they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fireside.cli.printable import printable, printable_json
from fireside.cli.table import show_table

if TYPE_CHECKING:
    from fireside.assistant.tickets import Ticket, Tickets

app = typer.Typer(help="What was handed over to a person: list, read, close.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="Of `tickets list`, like T-0007.")]
SHORT = 60


@app.command("list")
def list_tickets(
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: Json = False,
) -> None:
    """Tickets that are open, the newest first."""
    found = [one for one in _opened().read_all() if everything or one.status == "open"]
    if as_json:
        print(printable_json([one.as_json() for one in found]))
        return
    show_table(
        ("number", "since", "state", "for", "why", "sent"),
        ((one.number, one.created_at, one.status, one.to, _short(one.reason), _sent(one))
         for one in found),
    )  # fmt: skip


@app.command("show")
def show(number: Number, as_json: Json = False) -> None:
    """One ticket: what it is about, and the conversation."""
    one = _opened().get(number)
    if as_json:
        print(printable_json(one.as_json()))
        return
    print(printable(one.text))
    for each in one.deliveries:
        print(printable(f"{each['by']}: {'sent' if each['sent'] else each['error']}"))


@app.command("close")
def close(number: Number, as_json: Json = False) -> None:
    """Close a ticket; its file stays."""
    one = _opened().close(number)
    print(printable_json(one.as_json()) if as_json else f"{one.number} is closed.")


def _opened() -> Tickets:
    from fireside.assistant.tickets import Tickets
    from fireside.settings import load_settings

    return Tickets(load_settings().home / "tickets")


def _short(text: str) -> str:
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def _sent(one: Ticket) -> str:
    return ", ".join(f"{e['by']}{'' if e['sent'] else ' failed'}" for e in one.deliveries)
