"""What is asked: tasks as data, the known ones in `tasks.toml`, a user's in a file like it.

A task names its file relative to the folder that `--data` gives (a user's: else to its own TOML
file).  `select` finds tasks and their files before any model is loaded.  Refuses fields that a
kind does not use: a setting without effect is a mistake.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from fireside.errors import BadRequest, NotFound
from fireside.toml_files import explain, parse_toml, read_text_file

Kind = Literal[
    "choice", "classification", "continuation", "generation", "perplexity", "counterfactual"
]
ALWAYS = {"name", "about", "kind", "file", "columns"}
FEW_SHOT = {"prompt", "shots", "shots_file"}
FIELDS: dict[Kind, tuple[set[str], set[str]]] = {  # what each kind needs, and what it may have
    "choice": ({"gold"}, {*FEW_SHOT, "choices", "contexts", "answer"}),
    "classification": ({"prompt", "label"}, {*FEW_SHOT, "labels", "spaces"}),
    "continuation": ({"prompt", "answer"}, set()),
    "generation": (
        {"prompt", "answer"},
        {*FEW_SHOT, "pattern", "remove", "stop", "max_tokens", "metric"},
    ),
    "perplexity": (set(), {"text", "part", "window"}),
    "counterfactual": (set(), set()),
}
Strings = Annotated[
    dict[str, str], BeforeValidator(lambda d: {str(k): v for k, v in dict(d).items()})
]


class Task(BaseModel):
    """One task; docs/evaluation.md has these fields as a table for people.

    kind: how it is scored.
    file: its items, beside the others in the data folder.  columns: names, where a CSV or TSV does
        not begin with them.
    prompt: what the model reads; `{column}` is replaced by the row's value.
    choices: the column with the list of answers.  gold: the column with the right one's number.
    contexts: the column with a list of beginnings; then `answer` is scored after each of them.
    answer: what should come (a template).
    label: the column with the class; labels: class -> the word that stands for it; spaces: what
        stands for a space in the names of classes.
    shots: examples shown before the question, from shots_file or else from the file itself.
    pattern: where the result stands in an answer (group 1, the last match); remove: what does not
        count in it; both are regular expressions.  stop, max_tokens: where an answer ends.
    metric: "exact_match" or "chrf".
    text: the column with the text.  part: which part of it, as shares.  window: tokens that are
        foretold together; 0 takes the model's, at most 1,024.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    kind: Kind
    about: str = ""
    file: str = ""
    columns: list[str] = []
    prompt: str = ""
    choices: str = ""
    contexts: str = ""
    gold: str = ""
    answer: str = ""
    label: str = ""
    labels: Strings = {}
    spaces: str = ""
    shots: int = Field(0, ge=0, le=1000)
    shots_file: str = ""
    pattern: str = ""
    remove: str = ""
    stop: list[str] = []
    max_tokens: int = Field(128, ge=1)
    metric: Literal["exact_match", "chrf"] = "exact_match"
    text: str = "text"
    part: list[float] = [0.0, 1.0]
    window: int = Field(0, ge=0)
    source: Path | None = Field(None, strict=False)
    shots_source: Path | None = Field(None, strict=False)

    @model_validator(mode="after")
    def _fields_belong(self) -> Self:
        needs, may = FIELDS[self.kind]
        said = {name for name in self.model_fields_set if not name.endswith("source")}
        for name in sorted(needs - said):
            raise ValueError(f"a {self.kind} task needs {name!r}")
        for name in sorted(said - needs - may - ALWAYS):
            raise ValueError(f"a {self.kind} task has no {name!r}")
        if self.kind == "choice" and bool(self.choices) == bool(self.contexts):
            raise ValueError("a choice task needs either 'choices' or 'contexts'")
        if self.kind == "choice" and bool(self.answer) != bool(self.contexts):
            raise ValueError("'answer' belongs to 'contexts', and 'contexts' to 'answer'")
        if len(self.part) != 2 or not 0 <= self.part[0] < self.part[1] <= 1:
            raise ValueError("'part' is two shares, such as [0.9, 1.0]")
        for pattern in (self.pattern, self.remove):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return self

    def with_prompt(self, prompt: str) -> Task:
        """This task, put in other words."""
        if "prompt" not in FIELDS[self.kind][0] | FIELDS[self.kind][1] or self.contexts:
            raise BadRequest(f"Task {self.name} has no prompt to replace.", param="prompt")
        return self.model_copy(update={"prompt": prompt})


@cache
def known_tasks() -> Mapping[str, Task]:
    """The tasks of `tasks.toml`, by name."""
    text = resources.files("fireside.evaluation").joinpath("tasks.toml").read_text("utf-8")
    return _parse(text, "tasks.toml")


def read_tasks(path: Path) -> Mapping[str, Task]:
    """The tasks of a user's TOML file, their files beside it."""
    if not path.is_file():
        raise NotFound(f"There is no task file {path}: check the path.", param="tasks")
    return _parse(read_text_file(path, param="tasks"), path.name)


def _parse(text: str, file: str) -> dict[str, Task]:
    tables = parse_toml(text, origin=file, param="tasks")
    found = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise BadRequest(
                f"{file}: {name} stands outside a task: begin each task with [its_name].",
                param="tasks",
            )
        try:
            found[name] = Task(**{**table, "name": name})
        except ValidationError as error:
            line = explain(error, Task, origin=file, text=text, path=[name])
            raise BadRequest(line, param="tasks") from None
    if not found:
        raise BadRequest(f"{file} holds no task.", param="tasks")
    return found


def select(names: Sequence[str], data: Path | None) -> tuple[Task, ...]:
    """Tasks by name or TOML file, each with its files found.

    data: the folder of the data files, or one file that a single task reads instead of its own
    (without any task: what the file is asked follows from its columns).
    Errors: BadRequest for an unknown name (with the near ones); NotFound for a missing file.
    """
    if data is not None and not data.exists():
        raise NotFound(f"There is nothing at {data}: check --data.", param="data")
    if not names and data is not None and data.is_file():
        return (task_of_file(data),)
    chosen: list[tuple[Task, Path | None]] = []
    for name in names:
        if name.endswith(".toml"):
            path = Path(name)
            chosen += [(task, path.parent) for task in read_tasks(path).values()]
        else:
            chosen.append((_known(name), None))
    if data is not None and data.is_file() and len(chosen) != 1:
        raise BadRequest(
            f"--data {data} is one file: name one task to read it, or give the data's folder.",
            param="data",
        )
    return tuple(_found(task, data or beside) for task, beside in chosen)


def _known(name: str) -> Task:
    known = known_tasks()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or list(known)
    raise BadRequest(
        f"There is no task {name!r}. Did you mean {', '.join(near)}? (A task of your own is a "
        ".toml file.)",
        param="tasks",
    )


def _found(task: Task, data: Path | None) -> Task:
    """The task with the paths of its files."""
    if data is not None and data.is_file():
        return task.model_copy(update={"source": data})
    if not task.file and task.kind == "counterfactual":
        return task
    if data is None or not task.file:
        what = f"reads {task.file}" if task.file else "names no file"
        raise BadRequest(f"Task {task.name} {what}: say where with --data.", param="data")
    paths = {"source": data / task.file}
    if task.shots_file:
        paths["shots_source"] = data / task.shots_file
    if not paths["source"].is_file():
        raise NotFound(
            f"Task {task.name} reads {task.file}, which is not in {data}: give its folder with "
            "--data.",
            param="data",
        )
    return task.model_copy(update=paths)


def task_of_file(path: Path) -> Task:
    """The task that a file of the user's is, by its columns."""
    from fireside.evaluation.rows import read_rows

    columns = set(read_rows(path)[0].values)
    name = path.stem
    if {"prompt", "choices", "gold"} <= columns:
        task = Task(name=name, kind="choice", prompt="{prompt}", choices="choices", gold="gold")
    elif {"prompt", "label"} <= columns:
        task = Task(name=name, kind="classification", prompt="{prompt}", label="label")
    elif {"prompt", "answer"} <= columns:
        task = Task(name=name, kind="generation", prompt="{prompt}", answer="{answer}")
    elif "text" in columns:
        task = Task(name=name, kind="perplexity")
    else:
        raise BadRequest(
            f"{path.name} has the columns {', '.join(sorted(map(str, columns)))}; without --tasks "
            "it needs prompt, choices and gold; prompt and label; prompt and answer; or text.",
            param="data",
        )
    return task.model_copy(update={"source": path})
