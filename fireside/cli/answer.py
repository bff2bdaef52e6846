"""Show one answer as it comes: Markdown on a terminal, plain text in a pipe.

What a model thinks first is dimmed on a terminal and folded away at its end, and left out of a
pipe.  Ctrl-C stops the answer and not the program; a second one does not wait for the engine.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Protocol, Self, cast

from fireside.cli import failures
from fireside.cli.printable import printable
from fireside.cli.thought import Thought

if TYPE_CHECKING:
    from rich.console import Console

    from fireside.assistant import Done, Turn
    from fireside.assistant.turn import Shown


class Show(Protocol):
    """A way to show an answer."""

    def __call__(self, turn: Turn) -> Done: ...


def on_terminal(console: Console) -> Show:
    if console.is_dumb_terminal:  # no cursor to move: inside an editor, or on paper
        return plain
    # Not needed in a pipe, where rich and markdown-it would cost a tenth of a second.
    from fireside.cli.markdown import StreamingMarkdown

    def show(turn: Turn) -> Done:
        thought = Thought()
        began: float | None = None

        def folded() -> None:
            nonlocal began
            if began is not None:
                shown.remark(f"Thought for {max(1, round(time.monotonic() - began))} s.")
                began = None

        def push(text: str) -> None:
            nonlocal began
            said = thought.push(text)
            if thought.thinking:
                began = began or time.monotonic()
                shown.think(thought.text)
            elif said:
                folded()
                shown.push(said)

        with silent_keys(), StreamingMarkdown(console) as shown:
            done = _each(turn, push, lambda name: shown.remark(f"({name} …)"))
            folded()
            shown.push(thought.end())
        return done

    return show


def plain(turn: Turn) -> Done:
    """Text as it comes, flushed at once, with a newline at its end; without what was thought."""
    thought, last = Thought(), ""

    def write(text: str) -> None:
        nonlocal last
        last = text or last
        sys.stdout.write(text)
        sys.stdout.flush()

    try:
        done = _each(turn, lambda text: write(thought.push(text)))
        write(thought.end())
    finally:
        if last and not last.endswith("\n"):
            write("\n")
    if thought.text.strip():
        only = "" if last else ", and nothing else was said"
        failures.say(f"what the model thought is left out{only}; --json has it.")
    return done


def silent(turn: Turn) -> Done:
    """For `--json`: nothing until the end."""
    return _each(turn, lambda text: None)


def _each(
    turn: Turn, show: Callable[[str], None], tool: Callable[[str], None] = lambda name: None
) -> Done:
    """tool: hears of each tool that begins."""
    from fireside.assistant import Delta, Done
    from fireside.assistant.pieces import ToolStarted

    # Closed at once when `show` fails, so that the engine stops and the row is sealed.
    events = cast("Generator[Shown]", iter(turn))
    with closing(events):
        for event in events:
            if isinstance(event, Done):
                return event
            if isinstance(event, Delta):
                show(printable(event.text))
            if isinstance(event, ToolStarted):
                tool(printable(event.call.name))
    raise AssertionError("a turn ends with Done")


class CtrlC:
    """Within, Ctrl-C stops an answer instead of the program; a second one raises KeyboardInterrupt.

    It is entered before the answer begins: one that was stored and never stopped would look as if
    the program had died.
    """

    def __init__(self) -> None:
        self._turn: Turn | None = None
        self._pressed = False

    def stops(self, turn: Turn) -> None:
        self._turn = turn
        if self._pressed:
            turn.cancel()

    def __enter__(self) -> Self:
        self._here = threading.current_thread() is threading.main_thread()
        if self._here:
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        if self._here:
            signal.signal(signal.SIGINT, self._before)

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self._pressed:
            raise KeyboardInterrupt
        self._pressed = True
        if self._turn is not None:
            # Not here: the interrupted code may hold the very lock that cancelling takes.
            threading.Thread(target=self._turn.cancel, daemon=True).start()


@contextmanager
def silent_keys() -> Iterator[None]:
    """Within, the terminal does not echo: a `^C` or a key typed ahead would tear the drawing.

    What is typed ahead is kept for the next prompt as the keys that they are: Enter is CR and not
    NL, and Ctrl-D waits for its turn (by lines, the terminal would take it for itself).
    """
    try:
        import termios

        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
    except (ImportError, OSError, ValueError, termios.error):
        yield
        return
    quiet = [*before]
    quiet[0] &= ~termios.ICRNL
    # Without NOFLSH a Ctrl-C throws away what the terminal has not shown yet, mid-drawing.
    quiet[3] = quiet[3] & ~(termios.ECHO | termios.ICANON) | termios.NOFLSH
    termios.tcsetattr(keyboard, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
