"""`fireside runs`: what trains and what has trained, from any terminal.

Everything goes through the run's folder (`training/control.py`).  It refuses to kill.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fireside.cli import failures, training
from fireside.cli.printable import printable, printable_json

if TYPE_CHECKING:
    from fireside.training.run import RunRecord

app = typer.Typer(help="List, watch, pause, resume and cancel runs.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The run's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]


@app.command("list")
def list_runs(as_json: Json = False) -> None:
    """The runs that were started on this machine and are still there."""
    from fireside.cli.places import places
    from fireside.errors import FiresideError
    from fireside.settings import load_settings
    from fireside.training.run import RunFolder

    found: list[tuple[Path, RunRecord]] = []
    for path in places(load_settings().home):
        try:
            found.append((path, RunFolder(path).status()))
        except FiresideError as error:
            failures.say(error.message)
    if as_json:
        print(printable_json([training.summary(path, record) for path, record in found]))
        return
    for path, record in found:
        print(printable("\t".join((record.state, record.method, _way(record), str(path)))))
    if not found and sys.stdout.isatty():
        print("There is no run yet: `fireside pretrain` and `fireside finetune` start one.")


@app.command("watch")
def watch(folder: Folder, as_json: Json = False) -> int:
    """Follow a run until it stops; Ctrl-C leaves it alone. Exit code 1 if it failed."""
    from fireside.training.control import RunHandle

    handle = RunHandle(folder)
    try:
        if as_json:
            for row in handle.events(follow=True):
                print(printable_json(row), flush=True)
        else:
            _show(handle)
    except KeyboardInterrupt:
        return 0
    status = handle.status()
    if as_json:
        print(printable_json(training.summary(folder, status)), flush=True)
    else:
        failures.say(f"{folder} is {status.state}." + (f" {status.error}" if status.error else ""))
    return failures.FAILURE if status.state in ("failed", "interrupted") else 0


@app.command("pause")
def pause(folder: Folder) -> None:
    """Save and leave, after the step that is going on; `resume` goes on from there."""
    from fireside.training.control import RunHandle

    handle = RunHandle(folder)
    handle.pause()
    failures.say(f"{folder} is {handle.wait().state}.")


@app.command("resume")
def resume(folder: Folder, as_json: Json = False) -> int:
    """Go on with a run that was paused, interrupted, or failed."""
    from fireside.training.run import RunFolder

    return training.run_here(RunFolder(folder).config(), as_json)


@app.command("cancel")
def cancel(folder: Folder) -> None:
    """End a run for good. What it made stays in its folder."""
    from fireside.training.control import RunHandle

    handle = RunHandle(folder)
    handle.cancel()
    failures.say(f"{folder} is {handle.wait().state}.")


def _way(record: RunRecord) -> str:
    """How far, in a few words."""
    far = f"step {record.step:,}" + (f"/{record.steps:,}" if record.steps else "")
    if record.loss is not None:
        far += f", loss {record.loss:.3f}"
    if record.state == "running" and record.seconds_left is not None:
        from fireside.training.progress import duration

        far += f", {duration(record.seconds_left)} left"
    return record.error or far


def _show(handle: Any) -> None:
    """Rows as lines; of the steps only what there is time to read."""
    from fireside.training.loop import Validation
    from fireside.training.progress import Progress

    listener = training.listening()
    try:
        for row in handle.events(follow=True):
            if row["kind"] == "step":
                record = handle.status()
                listener.stepped(
                    Progress(
                        step=row["step"],
                        steps=max(row["step"], record.steps or 0),
                        loss=row["loss"] or float("nan"),
                        learning_rate=row["learning_rate"],
                        norm=row["gradient_norm"] or float("nan"),
                        tokens_per_second=row["tokens_per_second"],
                        mfu=row.get("mfu"),
                        seconds_left=record.seconds_left,
                    )
                )
            elif row["kind"] == "validation":
                figures = {
                    name: value
                    for name, value in row.items()
                    if isinstance(value, float) and name not in ("time", "end")
                }
                listener.validated(
                    Validation(step=row["step"], metrics=figures, best=row["best"], seconds=0.0)
                )
            elif row["kind"] == "sample":
                listener.sampled(row["text"])
            elif row["kind"] == "note":
                listener.say(row["text"])
    finally:
        listener.close()
