"""The sentence of some passages that answers a question, its span, and how likely it is right.

    passages -> pieces of whole sentences -> logits of each token -> the best span of each sentence
             -> the best sentence, and features of it -> the chance that it answers

A question in a language that the embedding model cannot read is answered by shared words alone
(`by_words`), and such an answer is never called sure.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch

from fireside.engine.embedding import Embedder
from fireside.knowledge.answers.head import AnswerHead
from fireside.knowledge.answers.spans import Logits, SpanReader, Words
from fireside.knowledge.queries import unread
from fireside.knowledge.words import STOPS, wanted, words
from fireside.language.sentences import sentence_spans

PIECE: Final = 160  # tokens that are read at once, at most; the head was trained on up to 128
SPAN: Final = 30  # tokens of an answer
MOST_TOKENS: Final = 16_384  # of all passages
SHARED_WEIGHT: Final = 4.0
"""What a sentence with all of the question's words gains over one with none, in logits.  Of 150
questions of Reddit held out, 61 % got the right sentence with it and 54 % without."""
ANCHOR: Final = 3.0
"""What a name, a day or a number of the question weighs, where another word weighs 1."""
TIME_WEIGHT: Final = 8.0
"""What a sentence with the question's days, months and numbers gains, in logits: the sentence about
Monday has all the other words of a question about Saturday, and an answer of the right kind."""
_DAYS = "mon tues wednes thurs fri satur sun"
_MONTHS = (
    "january february march april june july august september october november december spring "
    "summer autumn winter christmas easter"
)
_TIME: Final = re.compile(
    rf"\b(?:\d[\d.,:/-]*|(?:{'|'.join(_DAYS.split())})days?|week(?:day|end)s?|"
    rf"(?:bank |public )?holidays?|{'|'.join(_MONTHS.split())})\b",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"\b[A-Z][\w'’-]*")
_FIRST: Final = re.compile(r"\W*\w+")
FEATURES: Final = ("margin", "lead", "shared", "shared_near", "shared_passage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The best sentence.

    passage: its number among those given, from 0.  begin, end: of the sentence in it.
    span: (begin, end) in it, of the words that answer; None where words alone were compared.
    chance: that it answers the question, from 0 to 1; None where words alone were compared.
    shared: how much of the question's weight the sentence and its neighbours hold.
    features: what `chance` was made of.
    """

    passage: int
    begin: int
    end: int
    span: tuple[int, int] | None
    chance: float | None
    shared: float
    features: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    """margin: of its best span over "not here".  shared: how much of the question's words it has;
    times: of its days, months and numbers."""

    passage: int
    place: int  # among its passage's sentences
    begin: int
    end: int
    margin: float
    shared: float
    times: float
    span: tuple[int, int] | None

    @property
    def score(self) -> float:
        return self.margin + SHARED_WEIGHT * self.shared + TIME_WEIGHT * self.times


class AnswerReader:
    """Safe to use from many threads."""

    def __init__(self, head: AnswerHead, embedder: Embedder, memory: int = 0) -> None:
        """memory: pieces of text whose vectors are kept for the next question."""
        self.head = head
        self._embedder = embedder
        self._spans = SpanReader(head, embedder, memory)

    def read(self, question: str, passages: Sequence[str]) -> Answer | None:
        """The best sentence of all passages; None where there is none.

        Raises: Unavailable, as the embedder.
        """
        sentences = [sentence_spans(text) for text in passages]
        if not any(sentences):
            return None
        if unread(self._embedder, question):
            return by_words(question, passages, sentences)
        has_words = bool(self._spans.words(question).ids)
        scored = list(self._scored(question, passages, sentences)) if has_words else []
        if not scored:
            return None
        best = max(scored, key=lambda each: each.score)
        features = _features(question, passages, sentences, scored, best)
        logit = float(self.head.slopes @ torch.tensor(features) + self.head.shift)
        return Answer(
            passage=best.passage,
            begin=best.begin,
            end=best.end,
            span=best.span,
            chance=1 / (1 + math.exp(-logit)),
            shared=features[FEATURES.index("shared_near")],
            features=features,
        )

    def _scored(
        self, question: str, passages: Sequence[str], sentences: Sequence[list[tuple[int, int]]]
    ) -> Iterator[_Sentence]:
        pieces: list[tuple[int, Words]] = []  # with the number of its passage
        left = MOST_TOKENS
        for number, text in enumerate(passages):
            for piece in _pieces(self._spans.words(text), sentences[number]):
                left -= len(piece.ids)
                if left >= 0:
                    pieces.append((number, piece))
        asked, times = weighed(question), dict.fromkeys(times_of(question), 1.0)
        logits = self._spans.logits(question, [piece for _, piece in pieces])
        for (number, piece), found in zip(pieces, logits, strict=True):
            for place, (begin, end) in enumerate(sentences[number]):
                best = _best_span(piece, found, begin, end)
                if best is not None:
                    margin, first, last = best
                    yield _Sentence(
                        passage=number,
                        place=place,
                        begin=begin,
                        end=end,
                        margin=margin,
                        shared=_held(asked, passages[number][begin:end]),
                        times=_held(times, passages[number][begin:end]),
                        span=(first, last),
                    )


def _pieces(words: Words, sentences: Sequence[tuple[int, int]]) -> Iterator[Words]:
    """Stretches of whole sentences, `PIECE` tokens each at most; a sentence that is longer is cut.
    The places stay those in the passage."""
    begins = [begin for begin, _ in words.places]
    cuts = [bisect_left(begins, end) for _, end in sentences]
    first = 0
    for here, after in zip(cuts, [*cuts[1:], None], strict=True):
        while here - first > PIECE:
            yield _part(words, first, first + PIECE)
            first += PIECE
        if here > first and (after is None or after - first > PIECE):
            yield _part(words, first, here)
            first = here


def _part(words: Words, first: int, last: int) -> Words:
    return Words(ids=words.ids[first:last], places=words.places[first:last])


def _best_span(made: Words, found: Logits, begin: int, end: int) -> tuple[float, int, int] | None:
    """(score, begin, end) of the best span within the sentence; None where the piece lacks it."""
    low = bisect_left(made.places, (begin, begin))
    high = bisect_left(made.places, (end, end))
    if low >= high:
        return None
    pairs = found.begins[low:high, None] + found.ends[None, low:high]
    order = torch.arange(high - low)
    apart = order[None, :] - order[:, None]
    pairs = pairs.masked_fill((apart < 0) | (apart >= SPAN), -math.inf)
    first, last = divmod(int(pairs.argmax()), high - low)
    score = float(pairs[first, last]) - found.nothing
    return score, made.places[low + first][0], made.places[low + last][1]


def _features(
    question: str,
    passages: Sequence[str],
    sentences: Sequence[list[tuple[int, int]]],
    scored: Sequence[_Sentence],
    best: _Sentence,
) -> list[float]:
    """As `FEATURES` names them: the span's margin over "not here"; the sentence's lead over the
    best one with another text; the question's words that the sentence, it and its neighbours, and
    the whole passage hold."""
    text = passages[best.passage]
    own = text[best.begin : best.end]
    others = [each.score for each in scored if passages[each.passage][each.begin : each.end] != own]
    lead = best.score - max(others, default=best.score - 10)
    near = sentences[best.passage][max(0, best.place - 1) : best.place + 2]
    asked = weighed(question)
    return [
        max(-20.0, min(20.0, best.margin)),
        min(10.0, lead),
        best.shared,
        _held(asked, text[near[0][0] : near[-1][1]]),
        _held(asked, text),
    ]


def weighed(question: str) -> dict[str, float]:
    """The question's telling words and what each weighs."""
    telling = [word for word in wanted(question) if word not in STOPS] or wanted(question)
    first = _FIRST.match(question)
    rest = question[first.end() :] if first else question
    anchors = {word for found in _NAME.findall(rest) for word in words(found)} | times_of(question)
    return {word: ANCHOR if word in anchors else 1.0 for word in telling}


def times_of(question: str) -> set[str]:
    """The words of its days, months and numbers."""
    return {word for found in _TIME.finditer(question) for word in words(found[0])}


def _held(asked: Mapping[str, float], text: str) -> float:
    """The share of the question's weight that a text holds."""
    there = set(words(text))
    held = sum(weight for word, weight in asked.items() if word in there)
    return held / sum(asked.values()) if asked else 0.0


def by_words(
    question: str, passages: Sequence[str], sentences: Sequence[list[tuple[int, int]]]
) -> Answer | None:
    """The sentence with most of the question's words; rarer ones count more, and its neighbours'
    words a little."""
    asked = wanted(question)
    rows = [
        (number, begin, end, set(words(passages[number][begin:end])))
        for number, found in enumerate(sentences)
        for begin, end in found
    ]
    if not asked or not rows:
        return None
    rarity = {
        word: math.log(1 + len(rows) / (0.5 + sum(word in held for *_, held in rows)))
        for word in asked
    }
    total = sum(rarity.values())
    own = [sum(rarity[word] for word in asked if word in held) / total for *_, held in rows]
    best = max(range(len(rows)), key=lambda i: (own[i], -i))
    number, begin, end, _ = rows[best]
    return Answer(passage=number, begin=begin, end=end, span=None, chance=None, shared=own[best])
