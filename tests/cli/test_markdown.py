"""Streaming Markdown: what was streamed ends up on the screen once, whole and in order."""

from __future__ import annotations

import io
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fireside.cli.markdown import Block, StreamingMarkdown, blocks, finished
from fireside.cli.printable import UNSAFE, printable, printable_json

TEXT = """# Title

A paragraph with **bold**
over two lines.

- one
- two

  still two
- three

```python
def f():
    return "<b>"
```

| a | b |
|---|---|
| 1 | 2 |

<div>kept</div> and [a link](http://example.org/x).

Last.
"""


def screen(text: str, cut: int) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, height=12, color_system=None)
    with StreamingMarkdown(console) as shown:
        for start in range(0, len(text), cut):
            shown._drawn_at = 0.0  # redraw at every push
            shown.push(text[start : start + cut])
    return emulate(out.getvalue())


def emulate(raw: str, height: int = 12) -> str:
    """What stays on a terminal: it scrolls, and the cursor cannot go back above its top."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", raw):
        if part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row == len(lines))
        elif part == "\r":
            column = 0
        elif not part.startswith("\x1b["):
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
        elif part.endswith("A"):
            row = max(0, len(lines) - height, row - int(part[2:-1] or 1))
        elif part == "\x1b[2K":
            lines[row] = ""
        else:
            assert part.endswith(("h", "l", "m")), part
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def test_streamed_is_whole_and_printed_once() -> None:
    whole = screen(TEXT, len(TEXT))
    for cut in (1, 7, 33):
        assert screen(TEXT, cut) == whole
    for words in ("Title", "over two lines", "still two", "three", '"<b>"', "<div>kept</div>"):
        assert whole.count(words) == 1
    assert "http://example.org/x" in whole


def test_an_answer_longer_than_the_screen_is_neither_cut_nor_doubled() -> None:
    text = "```\n" + "".join(f"line {n:03}\n" for n in range(100)) + "```\n\nend\n"
    shown = screen(text, 50)
    assert re.findall(r"line \d+", shown) == [f"line {n:03}" for n in range(100)]


def test_the_tail_fits_the_screen() -> None:
    console = Console(width=40, height=10)
    lines = console.render_lines(Block("- x\n" * 50, tail=True), pad=False)
    assert len(lines) <= 9


def test_a_block_is_finished_when_another_has_begun() -> None:
    assert finished("one\n\ntwo") == []  # `two` may become anything
    assert finished("one\n\ntwo\n") == ["one\n\n"]
    assert finished("```\na\n\nb\n") == []
    assert finished("- a\n\n  b\n") == []
    assert finished("") == []


@given(text=st.text(alphabet="ab \n\x0c\u2028#-*`>|1.<[]()_~\t", max_size=80))
def test_blocks_joined_are_the_text(text: str) -> None:
    assert "".join(blocks(text)) == text


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet="ab \n#-*`>|1.<[]()_~\t", max_size=80))
def test_no_markdown_breaks_the_drawing(text: str) -> None:
    screen(text, 5)


@given(text=st.text(max_size=60), cut=st.integers(0, 60))
def test_printable_is_the_same_however_a_stream_is_cut(text: str, cut: int) -> None:
    assert printable(text) == printable(text[:cut]) + printable(text[cut:])
    assert not UNSAFE.search(printable(text))
    assert printable(printable(text)) == printable(text)


@given(value=st.dictionaries(st.text(max_size=5), st.text(max_size=20)))
def test_printable_json_loses_nothing(value: dict[str, str]) -> None:
    import json

    assert json.loads(printable_json(value)) == value
    assert not UNSAFE.search(printable_json(value))
