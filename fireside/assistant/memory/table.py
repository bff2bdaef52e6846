"""The facts of one owner as arrays: cosines in one product, words by their postings.

It refuses to know of rows and of time: `index.py` makes a new one when a text has changed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

COSINE: Final = 0.7
WORDS: Final = 0.3
K1, B = 1.2, 0.75

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Of each fact.  cosine: NaN for a fact or a question without a vector."""

    score: Floats
    cosine: Floats
    words: Floats


class Table:
    """texts: the words of each fact.  vectors: of each fact, all of one width; None or zeros for
    one that has none."""

    def __init__(
        self, texts: Sequence[Sequence[str]], vectors: Sequence[Floats | None], width: int
    ) -> None:
        self._bare = np.array([v is None or not v.any() for v in vectors], np.bool_)
        nothing = np.zeros(width, np.float32)
        rows = [nothing if vector is None else vector for vector in vectors]
        self._rows = np.stack(rows) if rows else np.zeros((0, width), np.float32)
        self._lengths = np.array([len(text) for text in texts], np.float32)
        postings: dict[str, tuple[list[int], list[int]]] = {}
        for place, text in enumerate(texts):
            for word, count in Counter(text).items():
                places, counts = postings.setdefault(word, ([], []))
                places.append(place)
                counts.append(count)
        self._postings = {
            word: (np.array(places, np.int64), np.array(counts, np.float32))
            for word, (places, counts) in postings.items()
        }

    def scores(self, words: Sequence[str], vector: Floats | None, seen: Bools) -> Scores:
        """words: of the question.  Rarity is counted over the `seen` facts."""
        texts = self._bm25(words, seen)
        cosine = np.full(len(texts), np.nan, np.float32)
        if vector is None:
            return Scores(score=texts, cosine=cosine, words=texts)
        there = (self._rows @ vector).clip(0, 1)
        score = np.where(self._bare, texts, COSINE * there + WORDS * texts).astype(np.float32)
        return Scores(score=score, cosine=np.where(self._bare, cosine, there), words=texts)

    def _bm25(self, words: Sequence[str], seen: Bools) -> Floats:
        """The share of the question's weight that each fact covers, as `knowledge.lexical`."""
        number = int(seen.sum())
        scores = np.zeros(len(self._lengths), np.float32)
        rarity = {
            word: math.log(1 + (number - held + 0.5) / (held + 0.5))
            for word in words
            for held in [self._held(word, seen)]
        }
        most = sum(rarity.values()) * (K1 + 1)
        if not most:
            return scores
        mean = float(self._lengths[seen].mean()) or 1.0
        norm = K1 * (1 - B + B * self._lengths / mean)
        for word in words:
            if word in self._postings:
                places, counts = self._postings[word]
                scores[places] += rarity[word] * counts * (K1 + 1) / (counts + norm[places])
        return (scores / np.float32(most)).astype(np.float32)

    def _held(self, word: str, seen: Bools) -> int:
        return int(seen[self._postings[word][0]].sum()) if word in self._postings else 0
