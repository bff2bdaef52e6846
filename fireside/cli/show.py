"""What the terminal chat prints besides answers.

Everything that a model, a file or another program may have written passes `printable`; nothing is
read as rich's markup.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fireside.cli.markdown import print_markdown
from fireside.cli.printable import printable
from fireside.cli.receipt import receipt_rows
from fireside.cli.thought import split

if TYPE_CHECKING:
    from fireside.assistant import Done
    from fireside.cli.session import Session
    from fireside.storage import Conversation, Hit, StoredMessage

NOTE: Final = {"partial": "interrupted", "stopped": "stopped", "error": "failed"}
RECENT: Final = 6  # messages shown when a conversation is opened


def terminal() -> Console:
    # emoji and markup off: an answer that says :bomb: or [red] is shown as it is.
    return Console(highlight=False, markup=False, emoji=False)


def line(console: Console, text: str, style: str = "dim") -> None:
    console.print(Text(printable(text), style=style))


def error(console: Console, text: str) -> None:
    line(console, text, "red")


def short(text: str, letters: int = 60) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= letters else flat[: letters - 1] + "…"


def table(console: Console, rows: Sequence[tuple[str, ...]]) -> None:
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*(Text(printable(cell)) for cell in row))
    console.print(grid)


def conversations(console: Console, found: Sequence[Conversation], here: str | None) -> None:
    if not found:
        line(console, "There is no conversation yet.")
        return
    rows = [
        (
            f"{n}{'*' if one.id == here else ''}",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(one.updated_at)),
            short(one.title or "(no title)"),
            one.id,
        )
        for n, one in enumerate(found, 1)
    ]
    table(console, rows)


def hits(console: Console, found: Sequence[Hit]) -> None:
    if not found:
        line(console, "Nothing found.")
    for n, hit in enumerate(found, 1):
        line(console, f"{n}  {short(hit.conversation.title or '(no title)')}", "bold")
        line(console, f"   {hit.message.role}: {short(hit.snippet, 200)}")


def conversation(console: Console, session: Session) -> None:
    """The title and the last messages of the conversation that was opened."""
    here, path = session.conversation, session.path()
    if here is not None and len(path) > RECENT:
        line(console, here.title or here.id, "bold")
        line(console, f"… {len(path) - RECENT} earlier messages")
    for said in path[-RECENT:]:
        message(console, said)


def message(console: Console, said: StoredMessage) -> None:
    if said.role == "user":
        console.print(Text("› " + printable(said.content), style="bold"))
    else:
        thought, answer = split(printable(said.content))
        if thought.strip():
            line(console, "(thought first; /thought shows the last)")
        print_markdown(console, answer)
    note(console, said)
    console.print()


def note(console: Console, said: StoredMessage) -> None:
    """Say what is not as it should be with an answer: never silently."""
    if said.status in NOTE:
        line(console, f"({NOTE[said.status]})", "yellow")
    elif said.role == "assistant" and not split(said.content)[1].strip():
        line(console, "(an empty answer)", "yellow")
    if "error" in said.receipt:
        error(console, str(said.receipt["error"]))
    if said.receipt.get("finish_reason") == "length":
        line(console, "(cut off at its limit: /continue writes on)", "yellow")


def after(console: Console, done: Done) -> None:
    """What follows an answer: notes, and what it could not see."""
    note(console, done.message)
    for dropped in done.receipt["dropped"]:
        line(
            console,
            f"({dropped['messages']} earlier messages were left out: {dropped['reason']})",
            "yellow",
        )
    for notice in done.receipt.get("notices", ()):
        line(console, f"({notice})", "yellow")


def receipt(console: Console, said: StoredMessage) -> None:
    table(console, receipt_rows(said))
