"""How sure the reader is: the logistic and its borders; windows that a long answer does not fit."""

from __future__ import annotations

import random

import torch

from fireside.knowledge.answers.reader import FEATURES, Answer
from fireside.knowledge.answers.spans import Words
from fireside.training.reading.certainty import WRONG, Certainty, fit_certainty, judged_by, left_out
from fireside.training.reading.measure import Reading
from fireside.training.reading.rows import Lower, Material, Row, window_of


def source(seed: int, noise: float) -> list[Reading]:
    """Readings whose first feature tells, but for the noise, whether they are right."""
    dice = random.Random(seed)
    rows = []
    for n in range(400):
        right = n % 2 == 0 and n % 8 != 0
        first = (2.0 if right else -2.0) + dice.gauss(0, noise)
        features = [first, *(dice.random() for _ in FEATURES[1:])]
        answer = Answer(
            passage=0, begin=0, end=9, span=None, chance=None, shared=0.0, features=features
        )
        rows.append(Reading(question="Who?", here=n % 2 == 0, answer=answer, right=right))
    rows.append(Reading(question="Who?", here=False, answer=None))
    return rows


def test_the_worst_source_keeps_both_borders() -> None:
    sources = [source(1, 0.8), source(2, 1.6)]
    made = fit_certainty(sources)
    assert 0 < made.least < made.sure < 1
    for rows in sources:
        told = judged_by(made, rows)
        assert told["wrong among the sure"][0] <= WRONG
        assert told["unanswerable, said so"][0] >= 0.87
    alone = fit_certainty(sources[:1])
    assert alone.sure <= made.sure


def test_a_source_is_judged_by_the_others_alone() -> None:
    sources = {"a": source(1, 0.8), "b": source(2, 1.6)}
    told = left_out(sources)
    assert told["a"] == judged_by(fit_certainty([sources["b"]]), sources["a"])


def test_no_sentence_has_no_chance() -> None:
    made = Certainty(slopes=torch.ones(len(FEATURES)), shift=torch.tensor(9.0), sure=0.9, least=0.1)
    assert made.chances([Reading(question="Who?", here=False, answer=None)]) == [0.0]


def test_an_answer_that_is_longer_than_the_window_begins_in_it() -> None:
    words = Words(ids=list(range(400)), places=[(n, n + 1) for n in range(400)])
    own = Lower(words=words, vectors=torch.zeros(400, 4), starts=[0, 50, 200])
    row = Row(passage=0, ids=[1], vectors=torch.zeros(1, 4), spans=[(60, 350)], best=(60, 350))
    material = Material(passages=[own, own], rows=[row])
    dice = random.Random(0)
    held = [window for _ in range(60) if (window := window_of(row, material, dice)).target]
    assert held
    for window in held:
        assert window.target == (60 - window.begin, 350 - window.begin)
        assert 0 <= window.begin <= 60
        assert window.end > 350
