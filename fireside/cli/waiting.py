"""A line on the terminal's standard error while a command computes and prints nothing else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from fireside.cli.printable import printable

if TYPE_CHECKING:
    from rich.status import Status

    from fireside.engine.text import TextModel


class Waiting:
    """Shows what is being done, for how long, and how much the model has read and written.

    Elsewhere than on a terminal it shows nothing.

    Args:
        what: what is being done.
        model: whose tokens are counted; None counts none.
    """

    def __init__(self, what: str, model: TextModel | None = None) -> None:
        self._what = printable(what)
        self._model = model
        self._share: float | None = None
        self._status: Status | None = None

    def show_share(self, done: int, total: int) -> None:
        """How much of the work is done."""
        self._share = done / max(1, total)

    def __enter__(self) -> Waiting:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.status import Status

            self._began = time.monotonic()
            self._start = self._count()
            # rich asks for the text at every frame of its spinner.
            self._status = Status(_Text(self), console=Console(stderr=True))  # type: ignore[arg-type]
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the line away; a second call does nothing."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def text(self) -> str:
        parts = [f"{self._what} …"]
        if self._share is not None:
            parts.append(f"{self._share:.0%}")
        if self._model is not None:
            read, written = (
                now - then for now, then in zip(self._count(), self._start, strict=True)
            )
            parts.append(f"{read:,} tokens read, {written:,} written,")
        return " ".join([*parts, f"{time.monotonic() - self._began:.0f} s"])

    def _count(self) -> tuple[int, int]:
        if self._model is None:
            return 0, 0
        stats = self._model.engine.stats()
        return stats.prompt_tokens, stats.generated_tokens


class _Text:
    """The text of now, each time that it is drawn."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting

    def __rich__(self) -> object:
        from rich.text import Text

        return Text(self._waiting.text(), style="dim")
