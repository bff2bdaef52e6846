"""`fireside tokenizer train`: a vocabulary of one's own, learned from text.

It refuses to read files by itself (data does) and to learn (the tokenizer room does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from fireside.cli import failures
from fireside.cli.printable import printable, printable_json

app = typer.Typer(help="Learn a tokenizer from text.", no_args_is_help=True)

Data = Annotated[
    list[str],
    typer.Option(
        "--data",
        "-d",
        help="A file, a folder, or hf:ORG/NAME[:CONFIG][@SPLIT]; more than once for more.",
        show_default=False,
    ),
]
Size = Annotated[
    int,
    typer.Option("--vocab-size", "-n", help="How many ids, control tokens and bytes included."),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="A new folder.", show_default=False)]
Context = Annotated[
    int | None, typer.Option("--context", min=1, help="The model's longest sequence, if known.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]


@app.callback()
def _group() -> None:
    """Learn a tokenizer from text."""


@app.command("train")
def train(
    data: Data,
    out: Out,
    vocab_size: Size = 8192,
    context: Context = None,
    as_json: Json = False,
) -> None:
    """Learn a byte-level BPE vocabulary; GPT2Tokenizer and llama.cpp read the files too.

    The same data give the same files.
    """
    from fireside.tokenizer.training import train_tokenizer

    with _progress() as progress:
        trained = train_tokenizer(_texts(data), vocab_size, out, context=context, progress=progress)
    if not trained.whole:
        failures.say(f"Learned from the first {trained.characters:,} characters: enough for this.")
    if trained.vocab_size < trained.wanted:
        failures.say(
            f"The text has pairs for {trained.vocab_size:,} ids only, not for "
            f"{trained.wanted:,}: the vocabulary is that small. More text makes it larger."
        )
    if as_json:
        figures = {
            "path": str(out),
            "vocab_size": trained.vocab_size,
            "wanted": trained.wanted,
            "characters": trained.characters,
            "whole": trained.whole,
        }
        print(printable_json(figures))
    else:
        read = f"{trained.characters:,} characters"
        print(f"{printable(str(out))}: {trained.vocab_size:,} ids from {read}")


def _texts(data: list[str]) -> Iterator[str]:
    from fireside.data.examples import Text
    from fireside.data.readers import read_examples
    from fireside.data.source import Source

    for example in read_examples([Source(path=path) for path in data], "text"):
        if isinstance(example, Text):
            yield example.text


@contextmanager
def _progress() -> Iterator[Callable[[int], None] | None]:
    """How far reading is, on a terminal."""
    import sys

    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("Reading …") as status:
        yield lambda characters: status.update(f"Reading … {characters / 1e6:,.1f} M characters")
