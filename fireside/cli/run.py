"""`fireside run PERSONA [FILES…]`: texts, documents and tables through a persona, without a chat.

Text comes from files or from stdin and goes to stdout; a table goes row by row into `--out`, and a
run that was broken off goes on when the same command is given again.  `fireside run reader FILE
"QUESTION"` asks files (`asked_files.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fireside.assistant.assistant import Assistant
    from fireside.assistant.once import Once
    from fireside.assistant.persona import Persona
    from fireside.engine.text import TextModel

TABLES = (".csv", ".jsonl")


def run(
    persona: Annotated[
        str | None,
        typer.Argument(metavar="[PERSONA]", help="A name, or a .toml file. None: list them."),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILES]...",
            help="Texts, documents, tables; none: stdin. Of a reader: files, then a question.",
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Instead of files.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which model; the persona's otherwise.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For a table: a new .csv or .jsonl file.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The table's column that holds the text.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also with a model measured to be too small.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON object per text, with its receipt; one for a table."),
    ] = False,
) -> None:
    """Run texts, documents or a table through a persona."""
    from fireside.assistant.persona import Personas, read
    from fireside.cli.asked_files import opened_with, question_of
    from fireside.errors import BadRequest
    from fireside.settings import load_settings

    settings = load_settings()
    personas = Personas(settings.home / "personas")
    if persona is None:
        from fireside.cli.personas import list_personas

        list_personas(model)
        return
    is_file = persona.endswith(".toml")
    chosen = read(Path(persona)) if is_file else personas.get(persona)
    asked_files = question_of(chosen, files or [])
    if asked_files is not None and text is None and out is None:
        documents, question = asked_files
        with opened_with(chosen, model, documents) as (assistant, reader, loaded):
            _one(
                assistant, reader, loaded, "", question,
                as_json=as_json, headed=False, anyway=anyway,
            )  # fmt: skip
        return
    paths = [Path(each) for each in files or []]
    tables = [path for path in paths if path.suffix.lower() in TABLES]
    if bool(tables) != (out is not None) or len(tables) > 1 or (tables and len(paths) > 1):
        raise BadRequest("A table goes alone, with --out FILE; other files go without it.")
    if text is not None and paths:
        raise BadRequest("Give --text or files, not both.")
    if out is not None and out.suffix.lower() not in TABLES:
        raise BadRequest(f"--out {out}: name a .csv or a .jsonl file.")
    if tables:
        _table(tables[0], column, out or Path(), chosen, model, anyway=anyway, as_json=as_json)
        return
    # What is no text is told before the model is loaded.
    asked = list(_texts(paths, text))
    with _opened(chosen, model) as (assistant, loaded):
        for name, each in asked:
            headed = len(asked) > 1 and not as_json
            _one(
                assistant, chosen, loaded, name, each,
                as_json=as_json, headed=headed, anyway=anyway,
            )  # fmt: skip


def _texts(paths: Sequence[Path], text: str | None) -> Iterator[tuple[str, str]]:
    from fireside.cli.printable import printable
    from fireside.errors import BadRequest, FiresideError, NotFound
    from fireside.knowledge.reading import read

    if text is not None:
        yield "", text
    elif not paths:
        try:
            # Its bytes, for stdin itself may let through what is no text.
            yield "", sys.stdin.buffer.read().decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise BadRequest("What came from stdin is not text in UTF-8.") from None
    for path in paths:
        if not path.is_file():
            raise NotFound(f"There is no file {str(path)!r}.")
        try:
            document = read(path, path.name)
        except FiresideError as error:
            raise type(error)(f"{path.name}: {error.message}") from None
        for what in document.unread:
            print(printable(f"{path.name}: not read: {what}"), file=sys.stderr)
        yield path.name, document.text


@contextmanager
def _opened(persona: Persona, model: str | None) -> Iterator[tuple[Assistant, TextModel]]:
    """The assistant and its model, for as long as the block lasts; on a terminal it says how far
    the model is loaded."""
    from fireside.assistant.ability.states import abilities_of
    from fireside.assistant.lineup import assistant_of
    from fireside.cli.printable import printable
    from fireside.cli.waiting import Waiting
    from fireside.engine.models import Models
    from fireside.settings import load_settings
    from fireside.storage import Store

    settings = load_settings()
    name = model or persona.model or settings.model
    waiting = Waiting(f"Loading {name}")
    models = Models(settings, waiting.show_share)
    with Store.open(settings.database_path) as store, closing(models):
        assistant = assistant_of(models, store, settings)
        with closing(assistant):
            with waiting:
                loaded = models.get(name)
            ability = abilities_of(settings).of(persona, loaded.name)
            if ability.state == "limited":
                print(printable(f"With {loaded.name}: {ability.line}"), file=sys.stderr)
            yield assistant, loaded


def _one(
    assistant: Assistant,
    persona: Persona,
    model: TextModel,
    name: str,
    text: str,
    *,
    as_json: bool,
    headed: bool,
    anyway: bool,
) -> None:
    from fireside.assistant.once import answer_once
    from fireside.cli.printable import printable, printable_json
    from fireside.cli.waiting import Waiting

    if headed:
        print(f"── {printable(name)}")
    shown = sys.stdout.isatty() and not as_json

    def say(piece: str) -> None:
        print(printable(piece), end="", flush=True)

    waiting = Waiting("Working", model)

    def stop_waiting(piece: str) -> None:
        if shown:
            waiting.stop()
            say(piece)

    with waiting:
        once = answer_once(assistant, persona, model, text, say=stop_waiting, anyway=anyway)
    if as_json:
        told = {"file": name or None, "text": once.text, **once.fields}
        print(printable_json(told | {"notices": once.notices, "steps": once.receipt}))
        return
    print("" if shown else printable(once.text))
    for notice in once.notices:
        print(printable(notice), file=sys.stderr)


def _table(
    path: Path,
    column: str | None,
    out: Path,
    persona: Persona,
    model: str | None,
    *,
    anyway: bool,
    as_json: bool,
) -> None:
    from fireside.assistant.once import answer_once
    from fireside.assistant.uses import table
    from fireside.cli.printable import printable_json
    from fireside.errors import NotFound

    if not path.is_file():
        raise NotFound(f"There is no file {str(path)!r}.")
    rows = table.Table.read(path, column)
    table.check_out(out)
    with _opened(persona, model) as (assistant, loaded):

        def answer(text: str) -> Once:
            return answer_once(assistant, persona, loaded, text, anyway=anyway)

        def done(finished: int, total: int) -> None:
            if sys.stderr.isatty():
                print(f"\r{finished:,} of {total:,}", end="", file=sys.stderr, flush=True)

        tally = table.run(rows, answer, out, done=done)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    labels = {label: tally.labels[label] for label in (*persona.task.labels, *tally.labels)}
    if as_json:
        told = {"rows": len(rows.rows), "errors": tally.errors, "out": str(out)}
        never = [label for label, count in labels.items() if not count]
        print(printable_json(told | ({"labels": labels, "never": never} if labels else {})))
        return
    print(f"{len(rows.rows):,} rows, {tally.errors:,} with an error: {out}")
    _print_labels(labels)


def _print_labels(labels: Mapping[str, int]) -> None:
    """How often each was given, and those that never were."""
    from fireside.cli.printable import printable

    given = [f"{label} {count:,}" for label, count in labels.items() if count]
    never = [label for label, count in labels.items() if not count]
    if given:
        print(printable(f"Labels: {', '.join(given)}."))
    if never:
        print(printable(f"Never given: {', '.join(never)}."))
