"""Okapi BM25 (Robertson & Zaragoza 2009, eq. 3.15), from 0 to 1: the share of a query's weight that
a passage covers.

Counted over one store alone.  SQLite's own `bm25()` weighs a word by all stores together, so its
scores would tell one owner which words another's documents hold; it only orders the candidates.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from fireside.storage.passages import Passages

K1, B = 1.2, 0.75
CANDIDATES = 1000


def bm25(
    passages: Passages, store: str, words: Sequence[str], number: int, mean_length: float
) -> dict[int, float]:
    """serial -> score of the store's passages that hold any of the words.

    number: of the store's passages.  mean_length: theirs, in words.
    """
    if not words or not number:
        return {}
    rarity = {}
    for word in words:
        holding = passages.count(store, word)
        rarity[word] = math.log(1 + (number - holding + 0.5) / (holding + 0.5))
    most = sum(rarity.values()) * (K1 + 1)
    scores = {}
    for serial, text in passages.holding(store, words, CANDIDATES):
        counts = Counter(text.split(" "))
        length = sum(counts.values())
        norm = K1 * (1 - B + B * length / max(mean_length, 1e-9))
        scores[serial] = (
            sum(
                rarity[word] * counts[word] * (K1 + 1) / (counts[word] + norm)
                for word in words
                if word in counts
            )
            / most
        )
    return scores
