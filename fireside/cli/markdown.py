"""Markdown that grows while it is read.

A finished block (a paragraph, a list, a fenced code block) is printed once, for good; only the
last, unfinished one is drawn again as it grows, and of that no more than the screen holds.  So an
answer of any length scrolls by without flicker, and nothing of it is cut or printed twice.

It refuses HTML (shown as it was written, where rich would drop it in silence) and hidden link
targets (a link's address is shown beside its text).
"""

from __future__ import annotations

import re
import time
from itertools import pairwise
from types import TracebackType
from typing import Final, Self

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment
from rich.text import Text

REDRAW_SECONDS: Final = 1 / 12
THINKING_LINES: Final = 4

# Lines as markdown-it counts them; `str.splitlines` also cuts at form feeds and their like.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])


def markdown(text: str) -> Markdown:
    """What rich draws for `text`."""
    drawn = Markdown("", code_theme="ansi_dark", hyperlinks=False)
    drawn.parsed = _parser.parse(text)
    return drawn


def blocks(text: str) -> list[str]:
    """`text` cut where its top-level blocks begin; joined, the pieces are `text` again."""
    starts = [token.map[0] for token in _parser.parse(text) if token.level == 0 and token.map]
    lines = _LINE.findall(text)
    cuts = [0, *starts[1:], len(lines)]
    return ["".join(lines[start:end]) for start, end in pairwise(cuts)]


def finished(text: str) -> list[str]:
    """The blocks that nothing to come can change: another has begun after them, on a whole line."""
    return blocks(text[: text.rfind("\n") + 1])[:-1]


class Block:
    """A block without the empty lines that rich sets around it; `tail`: its last lines only."""

    def __init__(self, text: str, *, tail: bool = False) -> None:
        self._drawn = markdown(text)
        self._tail = tail

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._drawn, options, pad=False)
        empty = ["".join(segment.text for segment in line).isspace() or not line for line in lines]
        first = next((n for n, one in enumerate(empty) if not one), 0)
        last = next((n for n in range(len(lines), 0, -1) if not empty[n - 1]), 0)
        if self._tail:
            # Fewer lines than the screen: a full one would scroll and leave a copy behind.
            first = max(first, last - max(1, console.height - 2))
        for line in lines[first:last]:
            yield from line
            yield Segment.line()


class Thinking:
    """The last lines of a reasoning that goes on."""

    def __init__(self, text: str) -> None:
        self._text = Text(text.strip() or "Thinking …", style="dim")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._text, options, pad=False)
        for line in lines[-max(1, min(THINKING_LINES, console.height - 2)) :]:
            yield from line
            yield Segment.line()


def print_markdown(console: Console, text: str) -> None:
    """Print `text` as an answer that has ended looks."""
    shown = [block for block in blocks(text) if block.strip()]
    for n, block in enumerate(shown):
        if n:
            console.print()
        console.print(Block(block))


class StreamingMarkdown:
    """A context in which `push` draws what has come so far."""

    def __init__(self, console: Console, waiting: str = "…") -> None:
        self._console = console
        self._pending = ""
        self._printed = False
        self._drawn_at = 0.0
        self._live = Live(
            Text(waiting, style="dim"), console=console, auto_refresh=False, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.update(Text(""), refresh=False)
        self._live.stop()
        for block in blocks(self._pending):
            self._print(block)

    def think(self, text: str) -> None:
        """Draw the end of `text`, dimmed, in the place where the answer will be."""
        now = time.monotonic()
        if now - self._drawn_at >= REDRAW_SECONDS:
            self._drawn_at = now
            self._live.update(Thinking(text), refresh=True)

    def remark(self, text: str) -> None:
        """Print a dimmed line, for good, before what comes."""
        self._live.update(Text(""), refresh=True)
        self._console.print(Text(text, style="dim"))
        self._printed = True

    def push(self, text: str) -> None:
        self._pending += text
        now = time.monotonic()
        if now - self._drawn_at < REDRAW_SECONDS:
            return
        self._drawn_at = now
        for block in finished(self._pending):
            self._pending = self._pending[len(block) :]
            self._print(block)
        self._live.update(Block(self._pending, tail=True), refresh=True)

    def _print(self, text: str) -> None:
        if not text.strip():
            return
        if self._printed:
            self._console.print()
        self._console.print(Block(text))
        self._printed = True
