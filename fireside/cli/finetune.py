"""`fireside finetune`: make a model that is here better at one's own task.

It refuses to know how: it makes a config of its options, and `training` does the rest.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

import typer

from fireside.cli import training
from fireside.errors import BadRequest

ESCAPES: Final = {"n": "\n", "t": "\t", "\\": "\\"}

Model = Annotated[
    str | None,
    typer.Option("--model", "-m", help="What is tuned: a name, hf:ORG/NAME, a path, a run."),
]
Method = Annotated[
    Literal["sft", "dpo", "kto", "grpo", "distill"] | None,
    typer.Option(
        "--method",
        help="Chats, preferences, thumbs, answers to check, a teacher.",
        show_default="sft",
    ),
]
Lora = Annotated[
    bool,
    typer.Option("--lora", help="Learn a small adapter, and leave the model's weights alone."),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt", help="For tables: the question, with {column} names and \\n for a new line."
    ),
]
Completion = Annotated[
    str | None,
    typer.Option("--completion", help="For tables: the answer to learn, written like --prompt."),
]
Format = Annotated[
    Literal["openai", "sharegpt", "alpaca"] | None,
    typer.Option(
        "--format", help="What the rows are, where they could be several.", show_default=False
    ),
]
Label = Annotated[
    list[str] | None,
    typer.Option("--label", help="VALUE=WORD: what a value is called; more than once for more."),
]
Columns = Annotated[
    str | None,
    typer.Option("--columns", help="Names, with commas, for a table without a header."),
]
Teacher = Annotated[str | None, typer.Option("--teacher", help="For distill: whom to learn from.")]
Reward = Annotated[str | None, typer.Option("--reward", help="For grpo: how an answer is checked.")]


def finetune(
    model: Model = None,
    data: training.Data = None,
    out: training.Out = None,
    method: Method = None,
    lora: Lora = False,
    minutes: training.Minutes = None,
    prompt: Prompt = None,
    completion: Completion = None,
    label: Label = None,
    row_format: Format = None,
    columns: Columns = None,
    teacher: Teacher = None,
    reward: Reward = None,
    config: training.Config = None,
    seed: training.Seed = None,
    as_json: training.Json = False,
) -> int:
    """Tune a model on your data: chats (JSONL), or a table with --prompt and --completion.

    The same command on an unfinished folder goes on with it. docs/training.md has every field.
    """
    options: dict[str, Any] = {
        "run": {
            "out": None if out is None else str(out),
            "method": method,
            "base": model,
            "minutes": minutes,
            "seed": seed,
        },
        "objective": {"teacher": teacher, "reward": reward},
    }
    if lora:
        options["lora"] = {}
    source = {
        "prompt": None if prompt is None else unescaped(prompt),
        "completion": None if completion is None else unescaped(completion),
        "labels": _labels(label or []),
        "format": row_format,
        "columns": columns.split(",") if columns else [],
    }
    given = {name: value for name, value in source.items() if value}
    if given and not data:
        raise BadRequest(f"--{next(iter(given))} describes --data, which is missing.", param="data")
    sources = [{"path": path, **given} for path in data or ()]
    asked = training.config_of(config, options, sources, method="sft")
    if asked.run.method == "pretrain":
        raise BadRequest("That config pretrains: use `fireside pretrain`.", param="method")
    return training.run_here(asked, as_json)


def unescaped(template: str) -> str:
    r"""A template as it is typed in a shell: `\n` is a new line, `\t` a tab, `\\` a backslash.

    Any other backslash stands for itself.
    """
    return re.sub(r"\\([nt\\])", lambda found: ESCAPES[found[1]], template)


def _labels(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        value, equals, word = pair.partition("=")
        if not equals:
            raise BadRequest(f"--label {pair!r} is no VALUE=WORD.", param="label")
        found[value] = word
    return found
