"""`fireside pretrain`: from raw text to a model that writes, by one dial.

It refuses to know how: it makes a config of its options, and `training` does the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fireside.cli import training
from fireside.errors import BadRequest

Family = Annotated[
    Literal["gpt2", "llama"] | None,
    typer.Option("--family", help="Whose architecture.", show_default="llama"),
]
Depth = Annotated[
    int | None,
    typer.Option("--depth", min=1, help="Layers: the size of the model, and all that follows."),
]
Tokenizer = Annotated[
    Path | None,
    typer.Option("--tokenizer", help="A tokenizer's folder; without it one is learned."),
]


def pretrain(
    data: training.Data = None,
    out: training.Out = None,
    family: Family = None,
    minutes: training.Minutes = None,
    depth: Depth = None,
    config: training.Config = None,
    tokenizer: Tokenizer = None,
    seed: training.Seed = None,
    as_json: training.Json = False,
) -> int:
    """Train a model from nothing: tokenizer, batches, Transformer, next-token prediction.

    --minutes or --depth is the dial; what follows from it is printed with its reason. The same
    command on an unfinished folder goes on with it. docs/training.md has every field.
    """
    options = {
        "run": {
            "out": None if out is None else str(out),
            "minutes": minutes,
            "depth": depth,
            "seed": seed,
        },
        "model": {"family": family},
        "tokenizer": {"path": None if tokenizer is None else str(tokenizer.absolute())},
    }
    sources = [{"path": path} for path in data or ()]
    asked = training.config_of(config, options, sources, method="pretrain")
    if asked.run.method != "pretrain":
        raise BadRequest("That config tunes a model: use `fireside finetune`.", param="method")
    return training.run_here(asked, as_json)
