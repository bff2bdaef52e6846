"""Questions of a SQuAD file as tokens, and windows of their passages to train on.

A passage's lower layers are computed once, and a window is cut out of what they gave: with its
answer, or without any (the same passage elsewhere, or another), which teaches "it is not here".
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jaxtyping import Float
from torch import Tensor

from fireside.engine.embedding import Embedder
from fireside.knowledge.answers.spans import MOST_QUESTION, Words, lower_vectors, words_of
from fireside.training.heads.rows import read_text

LONGEST: Final = 500  # tokens of a passage
SIZES: Final = (48, 64, 96, 128)  # tokens of a window
WITH_ANSWER, ELSEWHERE = 0.72, 0.16
"""Shares of windows that hold the answer, and that are of its passage without it; the rest is of
other passages."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """answers: (begin, text) of each, in its passage."""

    text: str
    answers: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    article: str
    text: str
    asked: Sequence[Asked]


def passages_of(path: Path) -> list[Passage]:
    """Raises NotFound, BadRequest: with the file's name."""
    return [
        Passage(
            article=article.get("title", ""),
            text=paragraph["context"],
            asked=[
                Asked(
                    text=one["question"],
                    answers=[(each["answer_start"], each["text"]) for each in one["answers"]],
                )
                for one in paragraph["qas"]
            ],
        )
        for article in json.loads(read_text(path))["data"]
        for paragraph in article["paragraphs"]
    ]


@dataclass(slots=True, kw_only=True)
class Lower:
    """A passage's tokens and what the lower layers make of them.  starts: tokens that
    begin a sentence."""

    words: Words
    vectors: Float[Tensor, "T D"]
    starts: Sequence[int] = ()


@dataclass(slots=True, kw_only=True)
class Row:
    """A question.  spans: of its answers, in the passage's tokens.  best: the one that most
    people gave, the longest of those."""

    passage: int
    ids: Sequence[int]
    vectors: Float[Tensor, "Q D"]
    spans: Sequence[Span]
    best: Span


@dataclass(slots=True, kw_only=True)
class Material:
    passages: Sequence[Lower]
    rows: Sequence[Row] = field(default_factory=list)


def material_of(passages: Sequence[Passage], embedder: Embedder, layers: int) -> Material:
    made = [words_of(embedder, each.text) for each in passages]
    made = [Words(ids=each.ids[:LONGEST], places=each.places[:LONGEST]) for each in made]
    asked = [(number, one) for number, each in enumerate(passages) for one in each.asked]
    ids = [words_of(embedder, one.text).ids[:MOST_QUESTION] for _, one in asked]
    frame = embedder.tokenizer.frame
    framed = [frame(each) for each in (*(words.ids for words in made), *ids)]
    vectors = embedder.compute(lambda encoder: lower_vectors(encoder, framed, layers))
    vectors = [each.half() for each in vectors]  # there are many
    rows = []
    for (number, one), tokens, vector in zip(asked, ids, vectors[len(made) :], strict=True):
        spans = [span for each in one.answers if (span := _span(made[number], *each))]
        if spans:
            best = max(spans, key=lambda each: (spans.count(each), each[1] - each[0]))
            rows.append(Row(passage=number, ids=tokens, vectors=vector, spans=spans, best=best))
    lower = [
        Lower(words=words, vectors=vector, starts=_starts(passage.text, words))
        for passage, words, vector in zip(passages, made, vectors[: len(made)], strict=True)
    ]
    return Material(passages=lower, rows=rows)


def _span(words: Words, begin: int, text: str) -> Span | None:
    end = begin + len(text)
    inside = [i for i, (a, b) in enumerate(words.places) if a < end and b > begin]
    return (inside[0], inside[-1]) if inside else None


def _starts(text: str, words: Words) -> list[int]:
    return [
        i
        for i in range(len(words.ids))
        if not i
        or (text[slice(*words.places[i - 1])] in ".!?" and words.places[i] != words.places[i - 1])
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """target: of the answer's first and last token in the window; None where it holds none."""

    passage: int
    begin: int
    end: int
    target: Span | None


def window_of(row: Row, material: Material, dice: random.Random) -> Window:
    own = material.passages[row.passage]
    size, draw = dice.choice(SIZES), dice.random()
    if draw < WITH_ANSWER:
        begin, end = _around(own, row.best, size, dice)
        target = (row.best[0] - begin, row.best[1] - begin)
        return Window(passage=row.passage, begin=begin, end=end, target=target)
    if draw < WITH_ANSWER + ELSEWHERE:
        for _ in range(6):
            begin, end = _anywhere(own, size, dice)
            if not any(first < end and last >= begin for first, last in row.spans):
                return Window(passage=row.passage, begin=begin, end=end, target=None)
    other = row.passage
    while other == row.passage:
        other = dice.randrange(len(material.passages))
    begin, end = _anywhere(material.passages[other], size, dice)
    return Window(passage=other, begin=begin, end=end, target=None)


def _around(lower: Lower, span: Span, size: int, dice: random.Random) -> Span:
    count = len(lower.words.ids)
    if count <= size:
        return 0, count
    high = span[0]
    low = min(high, max(0, span[1] + 1 - size))  # an answer may be longer than the window
    good = [start for start in lower.starts if low <= start <= high]
    begin = dice.choice(good) if good else max(low, min(high, span[0] - 4))
    return begin, min(count, max(begin + size, span[1] + 1))


def _anywhere(lower: Lower, size: int, dice: random.Random) -> Span:
    count = len(lower.words.ids)
    if count <= size:
        return 0, count
    begin = min(dice.choice(lower.starts), max(0, count - 8))
    return begin, min(count, begin + size)
