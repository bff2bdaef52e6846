"""The one right continuation (LAMBADA): does the model say it, and how surprised is it?

`accuracy`: every token of the continuation is the likeliest, so greedy decoding would say it.
`perplexity`: exp of the mean negative log-likelihood of the whole continuation, as
lm-evaluation-harness has it.
"""

from __future__ import annotations

from fireside.evaluation.evaluated import Evaluated
from fireside.evaluation.loglikelihood import Advance
from fireside.evaluation.outcome import SAMPLES, Outcome, Sample, answered, shown
from fireside.evaluation.prompts import Drawn, Prompts
from fireside.evaluation.scores import exponential, mean_score
from fireside.evaluation.tasks import Task


def ask_continuations(
    model: Evaluated, task: Task, drawn: Drawn, *, chat: bool, advance: Advance | None = None
) -> Outcome:
    prompts = Prompts(chat=chat)
    groups = []
    for row in drawn.items:
        prompt = row.fill(task.prompt)
        answer = prompts.answer(row.fill(task.answer), prompt)
        groups.append([model.question(prompts.context(prompt), answer)])
    found, notes = answered(model.model, groups, advance)
    likelihoods = [group[0] for group in found]
    nats = mean_score(
        task.name, "nats", [-one.total for one in likelihoods], higher_is_better=False
    )
    samples = [
        Sample(
            prompt=shown(row.fill(task.prompt)),
            expected=row.fill(task.answer),
            answer=f"log-likelihood {one.total:.2f}",
            right=one.greedy,
        )
        for row, one in zip(drawn.items[:SAMPLES], likelihoods, strict=False)
    ]
    hits = [float(one.greedy) for one in likelihoods]
    scores = (
        mean_score(task.name, "accuracy", hits, percent=True),
        exponential(nats, "perplexity"),
    )
    return Outcome(scores=scores, notes=notes, samples=tuple(samples))
