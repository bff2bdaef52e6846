"""A model and tasks to scores: `evaluate`, and `Result`, which a report and a model card read.

    model = Evaluated.open(locate("smollm2:135m", settings.models_dir), settings)
    result = evaluate(model, select(["arc_easy"], Path("data")), limit=200)

Tasks run one after the other; `evaluations` gives each as it ends, so that an interrupted run can
say what it has.  Refuses to print and to write files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import fireside
from fireside.errors import BadRequest
from fireside.evaluation.bias import ask_counterfactuals
from fireside.evaluation.choice import ask_choices
from fireside.evaluation.classification import ask_classes
from fireside.evaluation.continuation import ask_continuations
from fireside.evaluation.evaluated import Evaluated
from fireside.evaluation.generation import ask_for_answers
from fireside.evaluation.loglikelihood import Advance
from fireside.evaluation.outcome import Ask, Outcome, Sample
from fireside.evaluation.perplexity import ask_perplexity
from fireside.evaluation.prompts import draw
from fireside.evaluation.scores import Score
from fireside.evaluation.tasks import Task

ASK: Mapping[str, Ask] = {
    "choice": ask_choices,
    "classification": ask_classes,
    "continuation": ask_continuations,
    "generation": ask_for_answers,
}
PLAIN = ("a text is read as it is, with --chat too",)
Progress = Callable[[str, int, int], None]
"""Hears of (task, work done, work in all)."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One task's outcome.  `file`, `n`: what was asked; `seconds`: how long it took."""

    task: str
    kind: str
    about: str
    file: str
    n: int
    shots: int
    seconds: float
    scores: tuple[Score, ...]
    notes: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()
    details: dict[str, Any]

    @property
    def headline(self) -> Score:
        """The score that stands for the task."""
        return self.scores[0]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one model scored.  Two results of the same `limit`, `seed`, `chat` can be compared."""

    model: str
    evaluations: tuple[Evaluation, ...]
    limit: int | None
    seed: int
    chat: bool
    version: str = fireside.__version__

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def scores(self) -> tuple[Score, ...]:
        return tuple(score for one in self.evaluations for score in one.scores)


def evaluate(
    model: Evaluated,
    tasks: Sequence[Task],
    *,
    limit: int | None = None,
    seed: int = 0,
    shots: int | None = None,
    chat: bool = False,
    progress: Progress | None = None,
) -> Result:
    """All tasks.

    Args:
        limit: so many items of each task (pieces of a text), drawn by `seed`; None takes all.
        shots: examples before each question; None leaves it to the task.
        chat: ask by the model's chat template instead of in plain text.
    Errors: BadRequest, NotFound for tasks whose data is missing or broken.
    """
    done = evaluations(
        model, tasks, limit=limit, seed=seed, shots=shots, chat=chat, progress=progress
    )
    return Result(model=model.name, evaluations=tuple(done), limit=limit, seed=seed, chat=chat)


def evaluations(
    model: Evaluated,
    tasks: Sequence[Task],
    *,
    limit: int | None = None,
    seed: int = 0,
    shots: int | None = None,
    chat: bool = False,
    progress: Progress | None = None,
) -> Iterator[Evaluation]:
    """Each task as it ends; arguments as in `evaluate`."""
    if limit is not None and limit < 1:
        raise BadRequest("--limit is at least 1.", param="limit")
    for task in tasks:
        if shots is not None and "shots" in _fields(task):
            task = task.model_copy(update={"shots": shots})
        yield _evaluate(model, task, limit, seed, chat, progress)


def _fields(task: Task) -> set[str]:
    from fireside.evaluation.tasks import FIELDS

    needs, may = FIELDS[task.kind]
    return needs | may


def _evaluate(
    model: Evaluated,
    task: Task,
    limit: int | None,
    seed: int,
    chat: bool,
    progress: Progress | None,
) -> Evaluation:
    begun = time.monotonic()

    def advance(done: int, total: int) -> None:
        if progress:
            progress(task.name, done, total)

    outcome = _ask(model, task, limit, seed, chat, advance)
    return Evaluation(
        task=task.name,
        kind=task.kind,
        about=task.about,
        file=task.source.name if task.source else "",
        n=outcome.scores[0].n,
        shots=task.shots,
        seconds=time.monotonic() - begun,
        scores=outcome.scores,
        notes=(*outcome.notes, *PLAIN) if chat and task.kind == "perplexity" else outcome.notes,
        samples=outcome.samples,
        details=dict(outcome.details),
    )


def _ask(
    model: Evaluated,
    task: Task,
    limit: int | None,
    seed: int,
    chat: bool,
    advance: Advance,
) -> Outcome:
    if task.kind == "counterfactual":
        return ask_counterfactuals(model, task, limit=limit, chat=chat, advance=advance)
    drawn = draw(task, limit=limit, seed=seed)
    if task.kind == "perplexity":
        return ask_perplexity(model, task, drawn, limit=limit, advance=advance)
    return ASK[task.kind](model, task, drawn, chat=chat, advance=advance)
