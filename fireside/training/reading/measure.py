"""What a reader is worth on questions of a SQuAD file: the right sentence, its span, and honesty.

Each question is read over its own passage and `OTHERS` more, those whose vectors are nearest to
the question, as the search would give them; and over the others alone, where nothing answers it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from fireside.engine.embedding import Embedder
from fireside.evaluation.squad import exact_match, f1
from fireside.knowledge.answers.reader import Answer, AnswerReader
from fireside.training.heads.fit import linear
from fireside.training.reading.rows import Asked, Passage

OTHERS: Final = 2
_NUMBER: Final = re.compile(
    r"\bhow (?:many|much|old|long|far|often|tall|big|large|high)\b|多少|几", re.IGNORECASE
)
_TIME: Final = re.compile(
    r"\bwhen\b|\b(?:what|which) (?:year|day|date|month|time|century)\b|时候|哪年|何时",
    re.IGNORECASE,
)
_WHO: Final = re.compile(r"\bwho(?:m|se)?\b|谁", re.IGNORECASE)
_WHERE: Final = re.compile(r"\bwhere\b|哪里|哪儿|何处", re.IGNORECASE)
_WHY: Final = re.compile(r"\bwhy\b|为什么|为何", re.IGNORECASE)
_HOW: Final = re.compile(r"\bhow\b|如何|怎", re.IGNORECASE)
_YES_OR_NO: Final = re.compile(
    r"^(?:is|are|was|were|do|does|did|can|could|has|have|had|will|should|would)\b", re.IGNORECASE
)
_WHAT: Final = re.compile(r"\bwhat\b|\bwhich\b|什么|哪", re.IGNORECASE)
KINDS: Final = {
    "how many": _NUMBER,
    "when": _TIME,
    "who": _WHO,
    "where": _WHERE,
    "why": _WHY,
    "how": _HOW,
    "yes or no": _YES_OR_NO,
    "what, which": _WHAT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading of one question.  here: its passage was among those read.  answer: None where
    there was no sentence at all.  right: the sentence holds one of the expected answers, or is part
    of one.  exact, f1: of the span, as SQuAD has them."""

    question: str
    here: bool
    answer: Answer | None
    right: bool = False
    exact: float = 0.0
    f1: float = 0.0

    @property
    def kind(self) -> str:
        for name, pattern in KINDS.items():
            if pattern.search(self.question):
                return name
        return "other"


def readings(
    reader: AnswerReader,
    embedder: Embedder,
    passages: Sequence[Passage],
    asked: Sequence[tuple[int, Asked]],
    listener: Callable[[str], None] = lambda line: None,
) -> Iterator[Reading]:
    """asked: questions, each with its passage's number.  Two readings of each."""
    cut = [ids[: embedder.window] for ids in embedder.tokens([each.text for each in passages])]
    vectors = embedder.embed(cut)[0].numpy()
    for count, (number, one) in enumerate(asked):
        question = embedder.embed([embedder.tokens([one.text])[0][: embedder.window]])[0].numpy()[0]
        near = [int(i) for i in np.argsort(-(vectors @ question)) if i != number]
        texts = [passages[i].text for i in (number, *near[:OTHERS])]
        yield _reading(reader.read(one.text, texts), one, texts[0])
        without = [passages[i].text for i in near[: OTHERS + 1]]
        yield Reading(question=one.text, here=False, answer=reader.read(one.text, without))
        if count % 100 == 99:
            listener(f"{count + 1} of {len(asked)} questions")


def _reading(answer: Answer | None, asked: Asked, text: str) -> Reading:
    """text: of the question's own passage, which was read first."""
    if answer is None or answer.passage != 0 or answer.span is None:
        return Reading(question=asked.text, here=True, answer=answer)
    expected = [each for _, each in asked.answers]
    span = text[answer.span[0] : answer.span[1]]
    right = any(
        _within(begin, begin + len(each.rstrip()), answer.begin, answer.end)
        for begin, each in asked.answers
    )
    return Reading(
        question=asked.text,
        here=True,
        answer=answer,
        right=right,
        exact=exact_match(span, expected),
        f1=f1(span, expected),
    )


def _within(begin: int, end: int, low: int, high: int) -> bool:
    """The sentence (low, high) holds the expected answer, or is all within one of several
    sentences."""
    return (low <= begin and end <= high) or (begin <= low and high <= end)


def summary(found: Sequence[Reading], sure: float, least: float) -> dict[str, Any]:
    """The figures at two borders of `Answer.chance`: shown as sure, and shown at all."""
    here = [each for each in found if each.here]
    away = [each for each in found if not each.here]
    certain = [each for each in found if chance_of(each) >= sure]
    wrong = [each for each in found if not each.right]
    return {
        "right sentence": share(each.right for each in here),
        "exact match of the span": share(each.exact for each in here),
        "F1 of the span": share(each.f1 for each in here),
        "answered as sure": share(chance_of(each) >= sure for each in here),
        "wrong among the sure": share(not each.right for each in certain),
        "wrong shown as sure": share(chance_of(each) >= sure for each in wrong),
        "unanswerable, said so": share(chance_of(each) < least for each in away),
        "answerable, said not to be there": share(chance_of(each) < least for each in here),
    }


def rightness(found: Sequence[Reading]) -> tuple[Tensor, Tensor]:
    """(slopes, shift) of the logistic of the features that says how likely an answer is right."""
    rows = [each for each in found if each.answer is not None and each.answer.features]
    features = torch.tensor([list(each.answer.features) for each in rows if each.answer])
    right = torch.tensor([[float(each.right)] for each in rows])
    weight, bias = linear(features, right, torch.ones(len(rows)))
    return weight[0], bias[0]


def by_kind(found: Sequence[Reading]) -> dict[str, tuple[float, float, int]]:
    """kind of question -> the share of right sentences, its error, and how many there are."""
    kinds: dict[str, list[bool]] = {}
    for each in found:
        if each.here:
            kinds.setdefault(each.kind, []).append(each.right)
    return {kind: share(rows) for kind, rows in sorted(kinds.items())}


def chance_of(reading: Reading) -> float:
    answer = reading.answer
    return 0.0 if answer is None or answer.chance is None else answer.chance


def share(flags: Iterable[float]) -> tuple[float, float, int]:
    """(mean, standard error, number)."""
    rows = np.array([float(each) for each in flags])
    if not len(rows):
        return 0.0, 0.0, 0
    return float(rows.mean()), float(rows.std() / np.sqrt(len(rows))), len(rows)
