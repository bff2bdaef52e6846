"""`fireside eval`: what a model can do, in figures with their errors; two models side by side.

It parses, shows progress and prints; the work is the evaluation room's.  Ctrl-C says what was done
and writes nothing: a report is of all that was asked, or there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fireside.evaluation import Evaluation, Result, Task
    from fireside.evaluation.compare import Comparison
    from fireside.evaluation.results import Progress
    from fireside.hub import LocalModel
    from fireside.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the tasks are asked, the same for both models."""

    limit: int | None
    seed: int
    shots: int | None
    chat: bool


def evaluate(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] [MODEL2]",
            help="The default model if none is named; two are compared. "
            "With --conversations: more .chat files.",
        ),
    ] = None,
    tasks: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="Names of known tasks or .toml files, parted by commas."
        ),
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The folder of the tasks' files, or one file."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many items of each task, drawn by --seed.")
    ] = None,
    shots: Annotated[
        int | None, typer.Option(min=0, help="Examples shown before each question.")
    ] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="Ask through the model's chat template.")
    ] = False,
    prompt: Annotated[
        str | None,
        typer.Option(metavar="TEMPLATE", help="For one task: another prompt, with {columns}."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Which items and examples are drawn.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write result.json and report.html into a new folder."),
    ] = None,
    conversations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Instead: conversations of .chat files, or of a folder."),
    ] = None,
    persona: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whom the conversations are with.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Score a model on tasks. Without --tasks and --data: the list of the known tasks."""
    from fireside.errors import BadRequest, Conflict
    from fireside.settings import load_settings

    settings = load_settings()
    if conversations is not None:
        from fireside.cli.rehearse import rehearse_all

        given = {
            "--tasks": tasks, "--data": data, "--limit": limit, "--shots": shots, "--chat": chat,
            "--prompt": prompt, "--seed": seed, "--out": out,
        }  # fmt: skip
        _refuse({name for name, value in given.items() if value}, "--conversations")
        paths = [conversations, *map(Path, models or ())]
        rehearse_all(paths, persona, settings, as_json=as_json)
        return
    _refuse({"--persona"} if persona else set(), "tasks")
    if len(named := models or []) > 2:
        raise BadRequest(f"{len(named)} models are named; two at most can be compared.")
    model, other = (*named, None, None)[:2]
    names = [name.strip() for name in tasks.split(",") if name.strip()]
    if not names and data is None:
        _list_tasks()
        return
    from fireside.evaluation.tasks import select

    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Conflict(f"{out} is not empty: name another folder, or remove it first.")
    chosen = select(names, data)
    if prompt is not None:
        if len(chosen) != 1:
            raise BadRequest("--prompt goes with one task: name it with --tasks.", param="prompt")
        chosen = (chosen[0].with_prompt(prompt),)
    options = Options(limit=limit, seed=seed, shots=shots, chat=chat)
    from fireside.hub.local import locate

    wanted = [model or settings.model, *([other] if other else [])]
    # A wrong name is told at once, not after the first model's hour.
    found = [locate(name, settings.models_dir) for name in wanted]
    results = [_ask(local, chosen, settings, options) for local in found]
    _tell(results, out, as_json)
    _write_cards(found, results, quiet=as_json)


def _refuse(given: set[str], what: str) -> None:
    from fireside.errors import BadRequest

    if given:
        raise BadRequest(f"{' and '.join(sorted(given))} cannot go with {what}: leave it out.")


def _list_tasks() -> None:
    from fireside.evaluation.tasks import known_tasks

    _columns([(task.name, task.kind, task.file, task.about) for task in known_tasks().values()])


def _columns(rows: Sequence[Sequence[str]]) -> None:
    """Rows as aligned columns, never wrapped: a pipe gets what a terminal gets."""
    from fireside.cli.printable import printable

    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _ask(local: LocalModel, tasks: Sequence[Task], settings: Settings, options: Options) -> Result:
    """All tasks of one model.  Ctrl-C shows the scores of those that ended."""
    from fireside.evaluation import Evaluated, Result, evaluations

    name = local.name
    done: list[Evaluation] = []

    def result() -> Result:
        return Result(
            model=name,
            evaluations=tuple(done),
            limit=options.limit,
            seed=options.seed,
            chat=options.chat,
        )

    try:
        with closing(Evaluated.open(local, settings)) as model, _progress(name) as progress:
            each = evaluations(
                model,
                tasks,
                limit=options.limit,
                seed=options.seed,
                shots=options.shots,
                chat=options.chat,
                progress=progress,
            )
            for evaluation in each:
                done.append(evaluation)  # noqa: PERF402 - kept one by one, for Ctrl-C
    except KeyboardInterrupt:
        from fireside.cli import failures

        if done:
            _show(result())
        failures.say(
            f"Stopped: {name} had finished {len(done)} of {len(tasks)} tasks. Nothing was written."
        )
        raise
    return result()


@contextmanager
def _progress(model: str) -> Iterator[Progress]:
    """A line per task on stderr, with the time left; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskID,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    known: dict[str, TaskID] = {}

    def advance(task: str, done: int, total: int) -> None:
        if task not in known:
            known[task] = bars.add_task(f"{model} {task}", total=total)
        bars.update(known[task], completed=done, total=total)

    with bars:
        yield advance


def _tell(results: Sequence[Result], out: Path | None, as_json: bool) -> None:
    from fireside.evaluation.compare import compare_results

    comparisons = compare_results(*results) if len(results) == 2 else ()
    if out is not None:
        from fireside.evaluation.report import write_report

        write_report(out, results, comparisons)
    if as_json:
        from fireside.cli.printable import printable_json
        from fireside.evaluation.report import summary

        print(printable_json(summary(results, comparisons)))
        return
    for result in results:
        _show(result)
    if comparisons:
        _show_comparisons(results, comparisons)
    if out is not None:
        print(f"The report is {out / 'report.html'}.")


def _write_cards(models: Sequence[LocalModel], results: Sequence[Result], *, quiet: bool) -> None:
    """Scores belong to what was made here: they go into its card."""
    from fireside.evaluation.card import write_scores

    for local, result in zip(models, results, strict=True):
        card = write_scores(local.own, result) if local.own.is_dir() else None
        if card is not None and not quiet:
            print(f"The scores stand in the model's card too: {card}.")


def _show(result: Result) -> None:
    from fireside.cli.printable import printable

    rows: list[tuple[str, ...]] = [("task", "score", "", "chance", "items", "shots", "time")]
    for one in result.evaluations:
        for score in one.scores:
            chance = "" if score.chance is None else f"{score.chance:.1%}"
            cells = (f"{one.n:,}", str(one.shots), f"{one.seconds:,.0f} s")
            first = score is one.headline
            rows.append(
                (one.task if first else "", score.metric, str(score), chance)
                + (cells if first else ("", "", ""))
            )
    print(printable(result.model))
    _columns(rows)
    for one in result.evaluations:
        for note in one.notes:
            print(printable(f"{one.task}: {note}."))


def _show_comparisons(results: Sequence[Result], comparisons: Sequence[Comparison]) -> None:
    from fireside.cli.printable import printable

    first, second = (printable(result.model) for result in results)
    names = {"first": first, "second": second}
    rows: list[tuple[str, ...]] = [("task", "score", "difference", "+/-", "p", "test", "better")]
    rows += [
        (
            one.task,
            one.metric,
            one.shown,
            f"{one.better}/{one.worse}",
            f"{one.p_value:.2g}",
            one.test,
            names.get(one.verdict, one.verdict),
        )
        for one in comparisons
    ]
    print(f"{second} minus {first}, on the same items")
    _columns(rows)
