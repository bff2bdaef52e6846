"""`fireside models`: list, show, pull and remove models (`export.py` exports them).

Tables for a person, tab-separated lines for a pipe, `--json` for a program.  It refuses to run a
model, and to know where one comes from: that is hub.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fireside.cli import failures
from fireside.cli.export import export
from fireside.cli.printable import printable, printable_json
from fireside.errors import BadRequest, FiresideError

if TYPE_CHECKING:
    from fireside.hub import Description, Entry, LocalModel
    from fireside.settings import Settings

app = typer.Typer(help="List, show, pull, remove and export models.", no_args_is_help=True)
app.command("export")(export)

# How the bytes are checked is hub's business.
UNLISTED = {"sha256", "wheel_sha256", "wheel_bytes"}
WIDE = 120  # columns in which the whole table fits without broken words
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A name of `models list`, hf:ORG/NAME, hf:ORG/NAME:FILE.gguf, a path."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """The models that Fireside knows by name, and those that are here."""
    from fireside.hub import damaged, installed
    from fireside.hub.catalogue import catalogue
    from fireside.hub.progress import readable
    from fireside.settings import load_settings

    models_dir = load_settings().models_dir
    here = {model.name: model for model in installed(models_dir)}
    for line in damaged(models_dir):
        failures.say(line)
    rows = [_listed(entry, here.get(entry.name)) for entry in catalogue().values()]
    rows += [_other(model) for name, model in here.items() if name not in catalogue()]
    if as_json:
        print(printable_json(rows))
        return
    columns = ("name", "here", "download", "memory", "context", "licence", "what it is")
    cells = [
        (
            row["name"],
            "yes" if row["installed"] else "",
            readable(row["size_bytes"]),
            readable(row["memory_bytes"]) if row["memory_bytes"] else "",
            _window(row["context"]),
            row["licence"],
            row["summary"],
        )
        for row in rows
    ]
    if sys.stdout.isatty() and shutil.get_terminal_size().columns < WIDE:
        _narrow_table(columns, cells)
    else:
        _table(columns, cells)


@app.command("show")
def show(name: Name, as_json: Json = False) -> None:
    """What a model is: architecture, parameters, quantisation, context, template, licence."""
    from fireside.hub import describe, locate
    from fireside.settings import load_settings

    settings = load_settings()
    local = locate(name, settings.models_dir)
    description = describe(local)
    runs_in = _runs_in(local, settings)
    if as_json:
        print(printable_json(_plain(asdict(description)) | {"runs_in": runs_in}))
        return
    for label, value in (*_facts(description), ("runs in", runs_in)):
        print(f"{label:<14} {printable(value)}")


@app.command("pull")
def pull_model(name: Name, as_json: Json = False) -> None:
    """Bring a model to this machine; what is already here costs nothing."""
    from fireside.cli.pull import fetch
    from fireside.settings import load_settings

    model = fetch(name, load_settings())
    if as_json:
        print(printable_json({"name": model.name, "path": str(model.path), "format": model.format}))
    else:
        print(model.path)


@app.command("use")
def use_model(name: Name) -> None:
    """Let a model answer from now on where none is named; `smollm2:135m` is the first one."""
    from fireside.cli.offer import choose
    from fireside.hub import locate
    from fireside.settings import load_settings

    settings = load_settings()
    local = locate(name, settings.models_dir)
    if local.entry is not None and local.entry.kind != "chat":
        raise BadRequest(f"{name} does not chat: choose a chat model of `fireside models list`.")
    # A path is meant from where it was typed.
    chosen = str(local.own.resolve()) if Path(name).exists() else name
    choose(chosen, settings)
    print(printable(f"{name} answers from now on."))
    if load_settings().model != chosen:
        failures.say(f"but the setting `model` ({settings.model}) counts before that.")


@app.command("rm")
def remove_model(name: Name, as_json: Json = False) -> None:
    """Delete a pulled model from this machine."""
    from fireside.cli.offer import forget_choice
    from fireside.hub import remove
    from fireside.hub.progress import readable
    from fireside.settings import load_settings

    settings = load_settings()
    freed = remove(name, settings.models_dir)
    forget_choice(name, settings)
    if as_json:
        print(printable_json({"name": name, "freed_bytes": freed}))
    else:
        print(f"{name} is gone; {readable(freed)} are free again.")


def _listed(entry: Entry, local: LocalModel | None) -> dict[str, Any]:
    row = {field: value for field, value in asdict(entry).items() if field not in UNLISTED}
    return row | {"installed": local is not None, "path": str(local.path) if local else None}


def _other(model: LocalModel) -> dict[str, Any]:
    """A pulled model that the catalogue does not know."""
    from fireside.hub.local import read_manifest

    folder = model.path if model.path.is_dir() else model.path.parent
    return {
        "name": model.name,
        "licence": read_manifest(folder).licence,
        "size_bytes": model.size_bytes,
        "memory_bytes": None,
        "context": None,
        "summary": "",
        "installed": True,
        "path": str(model.path),
    }


def _narrow_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Licence and summary below the name, where a column for them would break every word."""
    widths = [
        max(map(len, cells)) for cells in zip(columns[:5], *(row[:5] for row in rows), strict=True)
    ]
    for name, here, *figures, licence, summary in ((*columns[:5], "", ""), *rows):
        cells = [f"{name:<{widths[0]}}", f"{here:<{widths[1]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(figures, widths[2:], strict=True)]
        print(printable("  ".join(cells)).rstrip())
        below = f"{summary} ({licence})" if summary and licence else summary or licence
        if below:
            print(f"    {printable(below)}")


def _window(tokens: int | None) -> str:
    if not tokens:
        return ""
    return str(tokens) if tokens < 1024 else f"{tokens // 1024}k"


def _facts(of: Description) -> Iterator[tuple[str, str]]:
    from fireside.hub.progress import readable

    types = ", ".join(f"{count:,} in {name}" for name, count in of.types.items())
    yield "name", of.name
    yield "title", of.title
    yield "path", str(of.path)
    yield "source", f"{of.source} {of.revision}".strip()
    for adapter in of.adapters:
        yield "adapter", str(adapter)
    yield "licence", of.licence
    yield "architecture", of.architecture
    yield "parameters", f"{of.parameters:,}"
    yield "quantisation", f"{of.quantisation} ({types})"
    yield "size", readable(of.size_bytes)
    yield "context", f"{of.context:,} tokens" if of.context else "unknown"
    yield "template", f"yes, {len(of.template):,} characters" if of.template else "none"
    if of.sampling:
        yield "sampling", ", ".join(f"{key} {value:g}" for key, value in of.sampling.items())


def _runs_in(local: LocalModel, settings: Settings) -> str:
    """The arithmetic in which it would answer here."""
    from fireside.engine.arithmetic import choose_arithmetic
    from fireside.model.config import config_of

    if local.entry is not None and local.entry.kind != "chat":
        return "float32"
    try:
        return str(choose_arithmetic(config_of(local), settings))
    except FiresideError as error:
        return f"nothing here: {error.message}"


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: value if key != "path" else str(value) for key, value in fields.items()}
    return plain | {"adapters": [str(folder) for folder in fields["adapters"]]}


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(printable(cell).replace("\t", " ") for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in columns:
        right = column in {"download", "memory", "context"}
        table.add_column(column, justify="right" if right else "left", no_wrap=column == "name")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)
