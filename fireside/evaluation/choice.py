"""Multiple choice by log-likelihood: which answer does the model find likeliest?

`accuracy` compares log P(answer | question), `accuracy_norm` the same per character of the answer
(Brown et al. 2020, 2.4; lm-evaluation-harness's `acc` and `acc_norm`), because longer answers are
less likely for being long.  Where the beginnings differ and the ending is one (Winogrande:
Trinh and Le 2018), only the ending is scored, and its length is the same in all.
"""

from __future__ import annotations

import numpy as np

from fireside.evaluation.evaluated import Evaluated
from fireside.evaluation.loglikelihood import Advance, Question
from fireside.evaluation.outcome import SAMPLES, Outcome, Sample, answered, shown
from fireside.evaluation.prompts import Drawn, Prompts, prompts_for
from fireside.evaluation.rows import Row
from fireside.evaluation.scores import mean_score
from fireside.evaluation.tasks import Task


def ask_choices(
    model: Evaluated, task: Task, drawn: Drawn, *, chat: bool, advance: Advance | None = None
) -> Outcome:
    prompts = prompts_for(drawn, chat, lambda row: _shown_example(task, row))
    groups = [_questions(model, task, prompts, row) for row in drawn.items]
    found, notes = answered(model.model, groups, advance)
    golds = [gold_of(task, row) for row in drawn.items]
    chance = float(np.mean([1 / len(group) for group in groups]))
    plain: list[float] = []
    normed: list[float] = []
    samples: list[Sample] = []
    for row, gold, group in zip(drawn.items, golds, found, strict=True):
        answers = _answers(task, row)
        totals = np.array([one.total for one in group])
        plain.append(float(totals.argmax() == gold))
        best = int(totals.argmax())
        if not task.contexts:
            lengths = np.array([max(1, len(answer)) for answer in answers])
            best = int((totals / lengths).argmax())
            normed.append(float(best == gold))
        if len(samples) < SAMPLES:
            prompt = "" if task.contexts else shown(row.fill(task.prompt))
            samples.append(
                Sample(
                    prompt=prompt, expected=answers[gold], answer=answers[best], right=best == gold
                )
            )
    scores = [mean_score(task.name, "accuracy", plain, chance=chance, percent=True)]
    if normed:
        norm = mean_score(task.name, "accuracy_norm", normed, chance=chance, percent=True)
        scores.insert(0, norm)
    return Outcome(scores=tuple(scores), notes=notes, samples=tuple(samples))


def _answers(task: Task, row: Row) -> tuple[str, ...]:
    """What is chosen from."""
    answers = row.texts(task.contexts or task.choices)
    if len(answers) < 2:
        raise row.broken(f"{task.contexts or task.choices!r} has fewer than two answers")
    if not all(answer.strip() for answer in answers):
        raise row.broken(f"{task.contexts or task.choices!r} has an empty answer")
    return answers


def gold_of(task: Task, row: Row) -> int:
    """The number of the right answer."""
    gold, answers = row[task.gold], _answers(task, row)
    if isinstance(gold, str) and gold.isdecimal():
        gold = int(gold)
    if isinstance(gold, bool) or not isinstance(gold, int) or not 0 <= gold < len(answers):
        raise row.broken(f"{task.gold!r} is {gold!r}, no number from 0 to {len(answers) - 1}")
    return gold


def _questions(model: Evaluated, task: Task, prompts: Prompts, row: Row) -> list[Question]:
    if task.contexts:
        ending = row.fill(task.answer)
        return [
            model.question(prompts.context(begin), prompts.answer(ending, begin))
            for begin in _answers(task, row)
        ]
    prompt = row.fill(task.prompt)
    context = prompts.context(prompt)
    return [
        model.question(context, prompts.answer(answer, prompt)) for answer in _answers(task, row)
    ]


def _shown_example(task: Task, row: Row) -> tuple[str, str]:
    right = _answers(task, row)[gold_of(task, row)]
    return (right, row.fill(task.answer)) if task.contexts else (row.fill(task.prompt), right)
