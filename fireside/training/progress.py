"""What a person sees of a run while it goes on.

`Listener` is what a run talks to; `Silent` says nothing, `Plain` prints lines, `Live` draws one
line that moves, on a terminal.  It refuses to compute anything: figures come as `Progress`.
"""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TextIO

from fireside.training.loop import Validation

if TYPE_CHECKING:
    from rich.live import Live as RichLive

REASON: Final = 46
"""Column at which the reason of a derived number begins (`derivation.Derivation.say`)."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One step, as a person wants it.

    loss: of this step.  tokens_per_second: over the last steps.  mfu: share of the device's peak.
    seconds_left: of the whole run; None before the speed is known.
    """

    step: int
    steps: int
    loss: float
    learning_rate: float
    norm: float
    tokens_per_second: float
    mfu: float | None
    seconds_left: float | None
    unit: str = "tok"

    def line(self) -> str:
        left = "" if self.seconds_left is None else f"  {duration(self.seconds_left)} left"
        mfu = "" if self.mfu is None else f"  MFU {self.mfu:.0%}"
        return (
            f"step {self.step:,}/{self.steps:,}  loss {self.loss:.4f}  "
            f"{rate(self.tokens_per_second)} {self.unit}/s{mfu}{left}"
        )


class Listener(Protocol):
    """What a run tells, in the order in which it happens."""

    def say(self, line: str) -> None:
        """Something to read: a derived number, what the data hold, where the result is."""

    def working(self, what: str, done: int, total: int) -> None:
        """Preparation goes on; `total` is 0 where nobody knows."""

    def stepped(self, progress: Progress) -> None: ...

    def validated(self, validation: Validation) -> None: ...

    def sampled(self, text: str) -> None: ...

    def close(self) -> None: ...


class Silent:
    def say(self, line: str) -> None: ...

    def working(self, what: str, done: int, total: int) -> None: ...

    def stepped(self, progress: Progress) -> None: ...

    def validated(self, validation: Validation) -> None: ...

    def sampled(self, text: str) -> None: ...

    def close(self) -> None: ...


class Plain:
    """Lines, for a file or a pipe: steps at most every few seconds.

    clean: what makes a model's text safe for this stream.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        every: float = 5.0,
        clean: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._stream = stream or sys.stderr
        self._every, self._clean = every, clean
        self._last = float("-inf")
        self._doing = ""

    def say(self, line: str) -> None:
        print(self._clean(line), file=self._stream, flush=True)

    def working(self, what: str, done: int, total: int) -> None:
        if what != self._doing:
            self._doing = what
            self.say(f"{what} …")

    def stepped(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last >= self._every or progress.step == progress.steps:
            self._last = now
            self.say(progress.line())

    def validated(self, validation: Validation) -> None:
        self.say(validation_line(validation))

    def sampled(self, text: str) -> None:
        self.say("  | " + text.strip().replace("\n", "\n  | "))

    def close(self) -> None: ...


class Live(Plain):
    """On a terminal: the lines stay, the progress stands beneath them and moves."""

    def __init__(self, *, clean: Callable[[str], str]) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        super().__init__(clean=clean)
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._live: RichLive = RichLive(console=self._console, refresh_per_second=8, transient=True)
        self._live.start()

    def say(self, line: str) -> None:
        from rich.text import Text

        for part in wrap_derivation(self._clean(line), self._console.width):
            self._console.print(Text(part))

    def working(self, what: str, done: int, total: int) -> None:
        self._draw(f"{what} …", done, total)

    def stepped(self, progress: Progress) -> None:
        self._draw(progress.line(), progress.step, progress.steps)

    def close(self) -> None:
        self._live.stop()

    def _draw(self, text: str, done: int, total: int) -> None:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 1))
        parts: list[Any] = [Text(self._clean(text), style="dim")]
        if total:
            parts.insert(0, ProgressBar(total=total, completed=min(done, total), width=24))
        row.add_row(*parts)
        self._live.update(row)


def wrap_derivation(line: str, width: int) -> list[str]:
    """A line of `Derivation` in `width` columns: the reason goes on below its own beginning."""
    if len(line) <= width or width < REASON + 24 or not line[:REASON].endswith(" "):
        return [line]
    reason = textwrap.wrap(line[REASON:], width - REASON)
    return [line[:REASON] + reason[0], *(" " * REASON + part for part in reason[1:])]


def validation_line(validation: Validation) -> str:
    names = {"bits_per_byte": "bits per byte"}
    said = "  ".join(
        f"{names.get(name, name.replace('_', ' '))} {value:.4f}"
        for name, value in validation.metrics.items()
    )
    return f"step {validation.step:,}  held out: {said}{'  (best)' if validation.best else ''}"


def duration(seconds: float) -> str:
    """4 s, 3 min 20 s, 2 h 5 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"
