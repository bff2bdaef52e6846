"""`fireside personas`: what each persona can do with a model, as measured; and the measuring.

It parses and prints; the conversations are held and graded by the assistant room.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fireside.cli.printable import printable, printable_json

if TYPE_CHECKING:
    from fireside.assistant.ability.scores import Score
    from fireside.assistant.rehearsal import Rehearsed

app = typer.Typer(help="Show what personas can do with a model, and measure it.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Model = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which model; otherwise the persona's, or the default one."),
]
NICEST = 19


@app.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_personas()


@app.command("list")
def list_personas(model: Model = None, as_json: Json = False) -> None:
    """What each persona can do with a model: good, limited, needs a larger model."""
    from fireside.assistant.ability.states import abilities_of
    from fireside.assistant.persona import Persona, Personas
    from fireside.settings import load_settings

    settings = load_settings()
    abilities = abilities_of(settings)
    rows: list[dict[str, Any]] = []
    for one in Personas(settings.home / "personas").listed:
        if isinstance(one, Persona):
            ability = abilities.of(one, model or one.model or settings.model)
            rows.append({"persona": one.name, "description": one.description} | ability.as_json())
        else:
            rows.append({"persona": one.name, "problem": one.problem})
    if as_json:
        print(printable_json(rows))
        return
    for row in rows:
        if "problem" in row:
            print(printable(f"{row['persona']:<14} ({row['problem']})"))
            continue
        print(printable(f"{row['persona']:<14} {row['description']}".rstrip()))
        print(printable(f"{'':<14} {row['line']}"))


@app.command("check")
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Personas; all that have a check if none is named."
        ),
    ] = None,
    model: Model = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the scores in this file instead of FIRESIDE_HOME."),
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="At the lowest priority, on one thread.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with what went wrong in each conversation.")
    ] = False,
) -> None:
    """Hold every conversation of each persona's check, and keep how many went right."""
    from fireside.assistant.ability.checks import checked
    from fireside.assistant.ability.measuring import measure, weights_hash
    from fireside.assistant.ability.scores import Scores
    from fireside.assistant.ability.states import Abilities, abilities_of
    from fireside.assistant.persona import Personas
    from fireside.engine.models import Models
    from fireside.hub.local import locate
    from fireside.settings import load_settings

    settings = load_settings()
    if background:
        os.nice(NICEST)
        settings = settings.model_copy(update={"threads": 1})
    personas = Personas(settings.home / "personas")
    scores = Scores(out or settings.home / "ability.json", shipped=None)
    abilities = Abilities(scores, abilities_of(settings).larger)
    made: list[dict[str, Any]] = []
    with closing(Models(settings)) as models:
        for name in names or checked(personas):
            persona = personas.get(name)
            local = locate(model or persona.model or settings.model, settings.models_dir)
            score, held = measure(
                name, local.name, models, settings, personas, told=_progress(name, as_json)
            )
            scores.keep(local.name, weights_hash(local), name, score)
            ability = abilities.of(persona, local.name)
            made.append({"persona": name} | ability.as_json() | {"wrong": _wrong(held)})
            if not as_json:
                _show(name, score, ability.line)
    if as_json:
        print(printable_json(made))


def _progress(name: str, as_json: bool) -> Any:
    def show_progress(done: int, of: int) -> None:
        if sys.stderr.isatty() and not as_json:
            end = "" if done < of else "\r" + " " * 40 + "\r"
            print(
                f"\r{name}: {done} of {of} conversations{end}", end="", file=sys.stderr, flush=True
            )

    return show_progress


def _show(name: str, score: Score, line: str) -> None:
    low, high = score.interval
    figures = f"{score.share:>4.0%}  ({low:.0%} to {high:.0%}, {score.right} of {score.of})"
    print(printable(f"{name:<14} {figures:<32}  {line}"), flush=True)


def _wrong(held: list[Rehearsed]) -> list[dict[str, Any]]:
    return [
        {
            "conversation": one.script.name,
            "line": one.failure.line,
            "user": one.failure.user,
            "expected": one.failure.wanted,
            "got": one.failure.got,
            "answer": one.failure.answer,
        }
        for one in held
        if one.failure is not None
    ]
