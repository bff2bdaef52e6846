"""How alike two texts are, from 0 to 1.

    fuzzy_match       2 LCS / (length + length), of characters: rapidfuzz's `ratio`
    bleu              Papineni et al. 2002, of one sentence; missing n-grams count 1 / 2^k (Chen and
                      Cherry 2014, method 3)
    gleu              Wu et al. 2016 (Google's): the lesser of n-gram precision and recall
    meteor            Banerjee and Lavie 2005, equal words only: no stems and no synonyms
    rouge_1 .. 5, l   Lin 2004: F1 of n-grams, or of the longest common subsequence

Words are lower-cased runs of letters and digits.  `cosine` needs a model and is not here.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

_WORD: Final = re.compile(r"\w+")
LONGEST: Final = 20_000
"""Characters that are compared; the subsequence of longer texts would take seconds."""


def similarity(metric: str, text: str, reference: str) -> float:
    """metric: a key of METRICS."""
    return METRICS[metric](text[:LONGEST], reference[:LONGEST])


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def fuzzy(text: str, reference: str) -> float:
    if not text and not reference:
        return 1.0
    return 2 * common(text, reference) / (len(text) + len(reference))


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence, by bits (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for at, element in enumerate(one):
        places[element] = places.get(element, 0) | 1 << at
    row = mask = (1 << len(one)) - 1
    for element in other:
        match = row & places.get(element, 0)
        row = (row + match | row - match) & mask
    return len(one) - row.bit_count()


def bleu(text: str, reference: str) -> float:
    said, wanted = words(text), words(reference)
    if not said or not wanted:
        return float(said == wanted)
    total, halved = 0.0, 1.0
    for size in range(1, 5):
        ours, theirs = _grams(said, size), _grams(wanted, size)
        hits, count = (ours & theirs).total(), max(1, ours.total())
        if size == 1 and not hits:
            return 0.0
        if not hits:
            halved /= 2
        total += math.log((hits or halved) / count) / 4
    return math.exp(min(0.0, 1 - len(wanted) / len(said)) + total)


def gleu(text: str, reference: str) -> float:
    said, wanted = words(text), words(reference)
    if not said or not wanted:
        return float(said == wanted)
    ours = Counter[tuple[str, ...]]()
    theirs = Counter[tuple[str, ...]]()
    for size in range(1, 5):
        ours += _grams(said, size)
        theirs += _grams(wanted, size)
    return (ours & theirs).total() / max(ours.total(), theirs.total())


def rouge(size: int) -> Callable[[str, str], float]:
    def metric(text: str, reference: str) -> float:
        ours, theirs = _grams(words(text), size), _grams(words(reference), size)
        return _f1((ours & theirs).total(), ours.total(), theirs.total())

    return metric


def rouge_l(text: str, reference: str) -> float:
    said, wanted = words(text), words(reference)
    return _f1(common(said, wanted), len(said), len(wanted))


def meteor(text: str, reference: str) -> float:
    said, wanted = words(text), words(reference)
    pairs = _aligned(said, wanted)
    if not pairs:
        return float(bool(said or wanted) is False)
    precision, recall = len(pairs) / len(said), len(pairs) / len(wanted)
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    chunks = 1 + sum(after != (before[0] + 1, before[1] + 1) for before, after in pairwise(pairs))
    return mean * (1 - 0.5 * (chunks / len(pairs)) ** 3)


def _aligned(said: list[str], wanted: list[str]) -> list[tuple[int, int]]:
    """Each word with an equal one that no other has: the one that goes on where the last was,
    else the first."""
    free: dict[str, list[int]] = {}
    for at, word in enumerate(wanted):
        free.setdefault(word, []).append(at)
    pairs: list[tuple[int, int]] = []
    for at, word in enumerate(said):
        places = free.get(word)
        if places:
            following = pairs[-1][1] + 1 if pairs else 0
            place = following if following in places else places[0]
            places.remove(place)
            pairs.append((at, place))
    return pairs


def _grams(tokens: list[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1))


def _f1(hits: int, ours: int, theirs: int) -> float:
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * hits / (ours + theirs)


METRICS: Final[dict[str, Callable[[str, str], float]]] = {
    "fuzzy_match": fuzzy,
    "bleu": bleu,
    "gleu": gleu,
    "meteor": meteor,
    "rouge_1": rouge(1),
    "rouge_2": rouge(2),
    "rouge_3": rouge(3),
    "rouge_4": rouge(4),
    "rouge_5": rouge(5),
    "rouge_l": rouge_l,
}
