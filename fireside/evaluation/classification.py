"""Which class, by the log-likelihood of the classes' names, and how sure the model is of it.

P(class | text) is the softmax of the names' log-likelihoods, so its largest is the confidence, and
the expected calibration error says how far confidence and accuracy lie apart (Guo et al. 2017:
equal bins of confidence, |accuracy - confidence| weighted by the bin's share).

Names whose tokens begin as another whole name ("pin", "pin blocked") would lose to it always; then
every name is scored with what ends an answer.  Names that are the same in tokens are refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from fireside.errors import BadRequest
from fireside.evaluation.evaluated import Evaluated
from fireside.evaluation.loglikelihood import Advance, Question
from fireside.evaluation.outcome import SAMPLES, Outcome, Sample, answered, shown
from fireside.evaluation.prompts import Drawn, Prompts, prompts_for
from fireside.evaluation.rows import Row
from fireside.evaluation.scores import Floats, Score, bootstrap_error, mean_score
from fireside.evaluation.tasks import Task

BINS = 15
CONFUSIONS = 10


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Answers of like confidence.  from_, to: its bounds; the rest are means and a count."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def ask_classes(
    model: Evaluated, task: Task, drawn: Drawn, *, chat: bool, advance: Advance | None = None
) -> Outcome:
    words = class_words(task, drawn)
    prompts = prompts_for(drawn, chat, lambda row: (row.fill(task.prompt), _word(task, words, row)))
    groups, ended = _questions(model, task, drawn, prompts, list(words.values()))
    found, notes = answered(model.model, groups, advance)
    classes = list(words)
    golds = np.array([classes.index(row.text(task.label)) for row in drawn.items])
    logits = np.array([[one.total for one in group] for group in found])
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    picked, confidence = shares.argmax(axis=1), shares.max(axis=1)
    right = (picked == golds).astype(np.float64)
    samples = [
        Sample(
            prompt=shown(row.fill(task.prompt)),
            expected=words[classes[gold]],
            answer=f"{words[classes[pick]]} ({sure:.0%})",
            right=bool(pick == gold),
        )
        for row, gold, pick, sure in zip(
            drawn.items[:SAMPLES], golds, picked, confidence, strict=False
        )
    ]
    if ended:
        notes = (*notes, "names that begin as another name are told apart by what ends an answer")
    accuracy = mean_score(
        task.name, "accuracy", right.tolist(), chance=1 / len(classes), percent=True
    )
    mistakes = Counter(
        (words[classes[gold]], words[classes[pick]])
        for gold, pick in zip(golds, picked, strict=True)
        if gold != pick
    )
    details = {
        "bins": [asdict(one) for one in calibration(confidence, right)],
        "mistakes": [[gold, pick, n] for (gold, pick), n in mistakes.most_common(CONFUSIONS)],
    }
    return Outcome(
        scores=(accuracy, calibration_error(task.name, confidence, right)),
        notes=notes,
        samples=tuple(samples),
        details=details,
    )


def class_words(task: Task, drawn: Drawn) -> dict[str, str]:
    """Each class and the words that stand for it.  Errors: BadRequest for a class without words."""
    if task.labels:
        for row in drawn.everything:
            _word(task, task.labels, row)
        return dict(task.labels)
    names = sorted({row.text(task.label) for row in drawn.everything})
    if len(names) < 2:
        raise drawn.items[0].broken(f"every {task.label!r} is the same: there is nothing to choose")
    return {name: name.replace(task.spaces, " ") if task.spaces else name for name in names}


def _word(task: Task, words: Mapping[str, str], row: Row) -> str:
    label = row.text(task.label)
    if label not in words:
        raise row.broken(f"{task.label!r} is {label!r}, not one of {', '.join(words)}")
    return words[label]


def _questions(
    model: Evaluated, task: Task, drawn: Drawn, prompts: Prompts, words: Sequence[str]
) -> tuple[list[list[Question]], bool]:
    """Each item's questions, and whether the names had to be ended."""

    def ask(row: Row, end: str) -> list[Question]:
        prompt = row.fill(task.prompt)
        context = prompts.context(prompt)
        return [model.question(context, prompts.answer(word, prompt) + end) for word in words]

    first = {
        tuple(one.continuation): word
        for one, word in zip(ask(drawn.items[0], ""), words, strict=True)
    }
    if len(first) < len(words):
        raise _alike(task, ask(drawn.items[0], ""), words)
    ended = any(long[: len(short)] == short for short in first for long in first if short != long)
    end = "\n" if ended else ""
    return [ask(row, end) for row in drawn.items], ended


def _alike(task: Task, questions: Sequence[Question], words: Sequence[str]) -> BadRequest:
    seen: dict[tuple[int, ...], str] = {}
    for question, word in zip(questions, words, strict=True):
        if question.continuation in seen:
            other = seen[question.continuation]
            return BadRequest(
                f"Task {task.name}: the classes {other!r} and {word!r} are the same tokens to this "
                "model: give them other words with `labels`."
            )
        seen[question.continuation] = word
    raise AssertionError("some are alike")


def calibration(confidence: Floats, right: Floats, bins: int = BINS) -> list[Bin]:
    """The bins that are not empty, (low, high] as in Guo et al. 2017."""
    numbers = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    found = []
    for number in range(bins):
        inside = numbers == number
        if inside.any():
            found.append(
                Bin(
                    low=number / bins,
                    high=(number + 1) / bins,
                    n=int(inside.sum()),
                    confidence=float(confidence[inside].mean()),
                    accuracy=float(right[inside].mean()),
                )
            )
    return found


def expected_calibration_error(confidence: Floats, right: Floats, bins: int = BINS) -> float:
    """Sum over bins of share × |accuracy - confidence|."""
    numbers = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(numbers, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def calibration_error(task: str, confidence: Floats, right: Floats) -> Score:
    """The ECE, with a bootstrap error."""
    return Score(
        task=task,
        metric="ece",
        value=expected_calibration_error(confidence, right),
        stderr=bootstrap_error(
            len(right),
            lambda drawn: expected_calibration_error(confidence[drawn], right[drawn]),
        ),
        n=len(right),
        percent=True,
        higher_is_better=False,
    )
