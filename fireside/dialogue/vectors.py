"""The seam to the embedding model, and what stands in for it where it cannot read.

Intent and act of a turn that is longer than the model reads are those of its beginning and its
end; values are looked for in all of it.  A text whose words the model's vocabulary lacks (Chinese,
for the default one) is compared by its letters instead.  It refuses to load a model.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from torch import Tensor

LONGEST: Final = 600
"""Characters of a turn that are embedded: what a person wants stands at the beginning or at the
end of what they write."""
MOST_UNKNOWN: Final = 0.2  # as `knowledge.collections` measured it


class Vectors(Protocol):
    """`fireside.engine.embedding.Embedder`, as far as it is needed here."""

    @property
    def window(self) -> int: ...
    @property
    def unknown_id(self) -> int | None: ...
    def tokens(self, texts: Sequence[str]) -> list[list[int]]: ...
    def embed(self, texts: Sequence[str]) -> tuple[Tensor, list[int]]: ...


def clipped(vectors: Vectors, text: str) -> str:
    """The text, or as much of its two ends as the model reads."""
    half = LONGEST // 2
    if len(text) > LONGEST:
        text = f"{text[:half]} … {text[-half:]}"
    while half > 8 and len(vectors.tokens([text])[0]) > vectors.window:
        half //= 2
        text = f"{text[:half]} … {text[-half:]}"
    return text


def without_signs(text: str) -> str:
    """No emoji: they say how, not what, and the vocabulary lacks most of them."""
    kept = "".join(
        letter if unicodedata.category(letter) not in ("So", "Sk", "Cf", "Cn", "Co", "Cs") else " "
        for letter in text
    )
    return " ".join(kept.split())


def readable(vectors: Vectors, text: str) -> bool:
    """Whether the model's vocabulary has the words of it."""
    ids = vectors.tokens([text])[0]
    if not ids or vectors.unknown_id is None:
        return bool(ids)
    return ids.count(vectors.unknown_id) <= MOST_UNKNOWN * len(ids)


def likeness(one: str, other: str) -> float:
    """How alike two texts are by their pairs of letters, from 0 to 1 (Dice)."""
    first, second = _pairs(one), _pairs(other)
    both = sum((first & second).values())
    return 2 * both / max(1, sum(first.values()) + sum(second.values()))


def _pairs(text: str) -> Counter[str]:
    letters = re.sub(r"\W+", "", text.lower())
    if len(letters) < 2:
        return Counter([letters] if letters else [])
    return Counter(a + b for a, b in pairwise(letters))
