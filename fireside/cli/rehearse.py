"""`fireside eval --conversations`: a team's own conversations with its persona, line by line.

The conversations are kept in a database that is thrown away.  It prints the first line of each that
did not hold, and fails if there is one; the work is the assistant room's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from fireside.assistant.rehearsal import Rehearsed
    from fireside.dialogue.chatfile import ChatFile
    from fireside.settings import Settings

GREEDY = {"temperature": 0.0}


def rehearse_all(
    paths: Sequence[Path], persona: str | None, settings: Settings, *, as_json: bool
) -> None:
    """Every conversation of every file.

    Raises:
        BadRequest, NotFound: a file or a persona has a mistake; nothing has run then.
        typer.Exit: with 1, where a conversation failed.
    """
    from fireside.assistant.persona import Personas
    from fireside.assistant.rehearsal import check_names
    from fireside.dialogue import chatfile
    from fireside.errors import BadRequest

    personas = Personas(settings.home / "personas")
    files: list[tuple[ChatFile, str]] = []
    for path in found(paths):
        file = chatfile.read(path)
        name = persona or file.persona
        if name is None:
            raise BadRequest(
                f"{path} names no persona: begin it with 'persona: NAME', or give --persona.",
                param="persona",
            )
        check_names(file, personas.get(name).dialogue)
        files.append((file, name))
    results = _run(files, settings, None if as_json else _show)
    failed = sum(one.failure is not None for _, one in results)
    if as_json:
        from fireside.cli.printable import printable_json

        print(printable_json([_as_json(file, one) for file, one in results]))
    else:
        what = "conversation" if len(results) == 1 else "conversations"
        print(f"{len(results):,} {what}, {failed:,} failed.")
    if failed:
        raise typer.Exit(1)


def found(paths: Sequence[Path]) -> list[Path]:
    """Files as they are, folders as their .chat files, patterns as what they match.

    Raises:
        NotFound: one leads to nothing.
    """
    from fireside.errors import NotFound

    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            some = sorted(path.rglob("*.chat"))
        elif path.exists() or not set(path.name) & set("*?["):
            some = [path]
        else:
            some = sorted(path.parent.glob(path.name))
        if not some:
            raise NotFound(f"There is no .chat file at {path}.", param="conversations")
        files += some
    return files


def _run(
    files: Sequence[tuple[ChatFile, str]],
    settings: Settings,
    told: Callable[[ChatFile, Rehearsed], None] | None,
) -> list[tuple[ChatFile, Rehearsed]]:
    from fireside.assistant.chat import Chat
    from fireside.assistant.lineup import assistant_of
    from fireside.assistant.rehearsal import rehearse
    from fireside.assistant.tickets import Tickets
    from fireside.engine.models import Models
    from fireside.safety.guards import Guards
    from fireside.storage import Store

    results = []
    models = Models(settings)
    guards = Guards(models, settings.home / "heads")

    def mood(answer: str) -> float:
        return guards.sentiment("en").judge([answer])[0].valence

    try:
        with (
            tempfile.TemporaryDirectory(prefix="fireside-eval-") as folder,
            Store.open(Path(folder) / "conversations.db") as store,
        ):
            tickets = Tickets(Path(folder) / "tickets")
            for file, name in files:
                assistant = assistant_of(
                    models, store, settings, clock=_clock(file.today), tickets=tickets
                )
                chat = Chat(models, store, assistant)
                said = rehearse(file, chat, store, persona=name, sampling=GREEDY, mood=mood)
                for one in said:
                    results.append((file, one))
                    if told is not None:
                        told(file, one)
                assistant.close()
    finally:
        models.close()
    return results


def _clock(today: date | None) -> Callable[[], datetime]:
    """Noon of the file's day, so that it is that day in most time zones; or now."""
    if today is None:
        return lambda: datetime.now(UTC)
    return lambda: datetime.combine(today, time(12), UTC)


def _show(file: ChatFile, one: Rehearsed) -> None:
    from fireside.cli.printable import printable

    where = printable(f"{file.path}: {one.script.name}")
    failure = one.failure
    if failure is None:
        lines = "line" if one.checked == 1 else "lines"
        print(f"ok      {where} ({one.checked:,} {lines})")
        return
    print(f"FAILED  {where}, line {failure.line}")
    rows = {
        "user": failure.user,
        "expected": failure.wanted,
        "got": failure.got,
        "answer": failure.answer or "(nothing was said)",
    }
    for label, text in rows.items():
        first, *rest = printable(text).splitlines() or [""]
        print(f"    {label + ':':<10}{first}")
        for line in rest:
            print(f"    {'':<10}{line}")


def _as_json(file: ChatFile, one: Rehearsed) -> dict[str, Any]:
    return {
        "file": str(file.path),
        "conversation": one.script.name,
        "line": one.script.line,
        "checked": one.checked,
        "ok": one.failure is None,
        "failure": None if one.failure is None else asdict(one.failure),
    }
