"""Answers that the model writes itself, through the engine, many at once.

`exact_match`: what `pattern` finds in the answer (its last match; without a pattern the answer's
first line) is, after `remove` and without spaces at the ends and letter case, what it finds in the
expected one.  `chrf` is `translation.py`'s.  Decoding is greedy.  The answers are those of the
arithmetic that serves the model, which on a CPU is 8 bits.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fireside.errors import BadRequest, FiresideError
from fireside.evaluation.evaluated import Evaluated
from fireside.evaluation.loglikelihood import Advance
from fireside.evaluation.outcome import SAMPLES, Outcome, Sample, cut_note, shown
from fireside.evaluation.prompts import Drawn, prompts_for
from fireside.evaluation.scores import Score, mean_score
from fireside.evaluation.tasks import Task
from fireside.evaluation.translation import chrf_score

if TYPE_CHECKING:
    from fireside.engine.text import Generation

IN_FLIGHT = 64  # waiting or running: the engine's batch stays full, its queue never overflows


def ask_for_answers(
    model: Evaluated, task: Task, drawn: Drawn, *, chat: bool, advance: Advance | None = None
) -> Outcome:
    prompts = prompts_for(drawn, chat, lambda row: (row.fill(task.prompt), row.fill(task.answer)))
    room = model.window - task.max_tokens
    if room < 1:
        raise BadRequest(
            f"Task {task.name} lets an answer have {task.max_tokens} tokens, but the model's "
            f"window is {model.window}: lower max_tokens."
        )
    contexts = [prompts.context(row.fill(task.prompt)) for row in drawn.items]
    ids = [model.prompt(context) for context in contexts]
    answers, unfinished = _generate(model, task, [one[-room:] for one in ids], advance)
    expected = [row.fill(task.answer) for row in drawn.items]
    notes = cut_note(sum(len(one) > room for one in ids), len(ids), model.window)
    if unfinished:
        notes = (*notes, f"{unfinished} answers were still going on at {task.max_tokens} tokens")
    score, rights = _score(task, expected, answers)
    samples = [
        Sample(prompt=shown(row.fill(task.prompt)), expected=want, answer=got, right=right)
        for row, want, got, right in zip(
            drawn.items[:SAMPLES], expected, answers, rights, strict=False
        )
    ]
    return Outcome(scores=(score,), notes=notes, samples=tuple(samples))


def _score(
    task: Task, expected: Sequence[str], answers: Sequence[str]
) -> tuple[Score, list[bool | None]]:
    if task.metric == "chrf":
        return chrf_score(task.name, answers, expected), [None] * len(answers)
    wanted = [parse(task, one) for one in expected]
    for want, text in zip(wanted, expected, strict=True):
        if want is None:
            raise BadRequest(f"Task {task.name}: its pattern finds nothing in {text[-80:]!r}.")
    right = [parse(task, got) == want for got, want in zip(answers, wanted, strict=True)]
    score = mean_score(task.name, "exact_match", [float(one) for one in right], percent=True)
    return score, list(right)


def parse(task: Task, answer: str) -> str | None:
    """The result in an answer; None where `pattern` finds none."""
    if task.pattern:
        matches = list(re.finditer(task.pattern, answer))
        if not matches:
            return None
        found = matches[-1]
        answer = found[1] if found.re.groups else found[0]
    else:
        answer = answer.strip().partition("\n")[0]
    return (
        re.sub(task.remove, "", answer).strip().casefold()
        if task.remove
        else answer.strip().casefold()
    )


def _generate(
    model: Evaluated, task: Task, prompts: Sequence[Sequence[int]], advance: Advance | None
) -> tuple[list[str], int]:
    """The answers, and how many were cut by max_tokens."""
    from fireside.engine.params import SamplingParams

    text = model.text_model()
    params = SamplingParams(
        temperature=0.0, max_tokens=task.max_tokens, stop=tuple(task.stop), seed=0
    )
    answers: list[str] = []
    unfinished = 0
    under_way: deque[Generation] = deque()
    try:
        for prompt in prompts:
            under_way.append(text.generate(prompt, params, owner="evaluation"))
            if len(under_way) >= IN_FLIGHT:
                unfinished += _finish(under_way.popleft(), answers)
                if advance:
                    advance(len(answers), len(prompts))
        while under_way:
            unfinished += _finish(under_way.popleft(), answers)
            if advance:
                advance(len(answers), len(prompts))
    finally:
        for generation in under_way:
            generation.cancel()
    return answers, unfinished


def _finish(generation: Generation, answers: list[str]) -> bool:
    """Read an answer to its end; whether it was cut."""
    pieces, reason = [], None
    for event in generation:
        pieces.append(event.text)
        reason = event.finish_reason
    if reason == "error":
        raise generation.error or FiresideError("The engine failed; FIRESIDE_DEBUG=1 shows where.")
    answers.append("".join(pieces))
    return reason == "length"
