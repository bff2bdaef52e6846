"""How a task's questions are put: which rows, which examples before them, plain text or chat.

Rows are drawn by a seeded shuffle, because files are often sorted by class; a smaller limit draws
a part of what a larger one draws.  Examples are the same for every question, so that the model
reads them once; they are never asked themselves.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fireside.errors import BadRequest
from fireside.evaluation.rows import Row, read_rows
from fireside.evaluation.tasks import Task
from fireside.messages import Message

Context = str | tuple[Message, ...]


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """shots: (prompt, answer) pairs shown before each question.  chat: by the model's template."""

    shots: tuple[tuple[str, str], ...] = ()
    chat: bool = False

    def context(self, prompt: str) -> Context:
        if not self.chat:
            shown = [question + self.answer(answer, question) for question, answer in self.shots]
            return "\n\n".join([*shown, prompt])
        messages = []
        for question, answer in self.shots:
            messages.append(Message(role="user", content=question.strip()))
            messages.append(Message(role="assistant", content=answer.strip()))
        return (*messages, Message(role="user", content=prompt.strip()))

    def answer(self, text: str, prompt: str = "") -> str:
        """How an answer goes on after its prompt: after a space, unless one stands there."""
        bare = text.lstrip(" ")
        return bare if self.chat or not prompt or prompt[-1].isspace() else " " + bare


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What is asked (`items`), what is shown (`shots`), and everything that there is."""

    items: tuple[Row, ...]
    shots: tuple[Row, ...]
    everything: tuple[Row, ...]


def draw(task: Task, *, limit: int | None, seed: int) -> Drawn:
    """The rows of one evaluation: the same for the same seed, whatever the model."""
    assert task.source is not None, "`select` finds the files"
    rows = read_rows(task.source, task.columns)
    order = list(range(len(rows)))
    random.Random(f"{seed} items").shuffle(order)  # noqa: S311 - no secret
    shuffled = [rows[i] for i in order]
    shots: list[Row] = []
    everything = list(rows)
    if task.shots and task.shots_source is not None:
        pool = read_rows(task.shots_source, task.columns)
        everything += pool
        random.Random(f"{seed} shots").shuffle(pool)  # noqa: S311
        shots = _balanced(pool, task)[: task.shots]
    elif task.shots:  # shown from the far end, so that the limit changes nothing
        shots = _balanced(shuffled[::-1], task)[: task.shots]
    shown = {id(row) for row in shots}
    items = [row for row in shuffled if id(row) not in shown]
    if len(shots) < task.shots or not items:
        raise BadRequest(
            f"Task {task.name} has {len(rows)} items, too few to show {task.shots} examples and "
            "ask others."
        )
    return Drawn(items=tuple(items[:limit]), shots=tuple(shots), everything=tuple(everything))


def _balanced(rows: Sequence[Row], task: Task) -> list[Row]:
    """Classes in turn, where the task has classes."""
    if task.kind != "classification":
        return list(rows)
    turns: defaultdict[str, int] = defaultdict(int)
    placed = []
    for i, row in enumerate(rows):
        label = row.text(task.label)
        placed.append((turns[label], i, row))
        turns[label] += 1
    return [row for _, _, row in sorted(placed, key=lambda one: one[:2])]


def prompts_for(drawn: Drawn, chat: bool, show: Callable[[Row], tuple[str, str]]) -> Prompts:
    """show: a row as it is shown with its answer."""
    return Prompts(shots=tuple(show(row) for row in drawn.shots), chat=chat)
