"""Bring a model to this machine before a person's eyes: a bar, the rounding of its weights, and the
check of the personas that begins afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fireside.cli import failures
from fireside.cli.printable import printable
from fireside.errors import FiresideError

if TYPE_CHECKING:
    from fireside.hub import LocalModel, Progress
    from fireside.settings import Settings


def fetch(name: str, settings: Settings) -> LocalModel:
    """
    Raises:
        FiresideError: as `hub.pull`; what has come is kept for the next try.
    """
    from fireside.assistant.ability.afterwards import check_afterwards
    from fireside.hub import installed, pull

    before = {model.name for model in installed(settings.models_dir)}
    with _progress() as progress:
        model = pull(name, settings.models_dir, progress)
        if model.name not in before and (model.entry is None or model.entry.kind == "chat"):
            _prepare(model, settings, progress)
    if check_afterwards(model, settings):
        failures.say(
            "the personas are checked with it in the background: `fireside personas` shows them."
        )
    return model


def _prepare(model: LocalModel, settings: Settings, progress: Progress) -> None:
    """Round the weights now rather than at the first start; a model that cannot be served is said
    to be so, and stays: it may have been pulled for something else."""
    from fireside.engine.load import prepare

    def rounded(done: int, total: int) -> None:
        progress("preparing", model.size_bytes * done // total, model.size_bytes)

    try:
        prepare(model, settings, rounded)
    except FiresideError as error:
        failures.say(f"{model.name} is here, but cannot answer: {error.message}")


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal's stderr; else one line for each new thing that is done."""
    if not sys.stderr.isatty():
        said: set[str] = set()

        def tell(text: str, done: int, total: int) -> None:
            if text not in said:
                said.add(text)
                print(f"fireside: {printable(text)}", file=sys.stderr, flush=True)

        yield tell
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    columns_of_time = (TransferSpeedColumn(), TimeRemainingColumn())
    with Bars(*columns, *columns_of_time, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)

        def draw(text: str, done: int, total: int) -> None:
            bars.update(
                task, description=escape(printable(text)), completed=done, total=total or None
            )

        yield draw
