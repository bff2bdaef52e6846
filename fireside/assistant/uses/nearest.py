"""A label for a text by the embedding model: the one whose name and examples are nearest.

    names, examples -> vectors -> one direction for each label, moved apart until the examples fit
    text            -> its cosines with the directions -> the share of each label
    nearest example of the best label, its lead -> the chance that the label is right

What is left of that chance is split between the other labels and none of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float, Int

from fireside.assistant.uses.descent import minimum
from fireside.dialogue.intents import parts_of
from fireside.dialogue.vectors import clipped, readable, without_signs

if TYPE_CHECKING:
    from fireside.dialogue.vectors import Vectors

SHARPNESS: Final = 20.0
"""Of the softmax over cosines: shares of texts that belong to one of the labels are then right to
0.03 on two sources of messages, with 0 to 16 examples a label (benchmarks/labels.py)."""
PULL: Final = 0.06
"""How much a direction is held where its label's name and examples have their middle."""
STEPS: Final = 60
NEAREST, LEAD, SHIFT = 6.82, 6.77, -4.07
"""The logistic of the best label's chance to be right: of the cosine of its nearest example (or
name), of its lead over the second label.  Of the texts that it was fitted on, one in five belongs
to no label: half of these to a label that was left out, half are about something else."""
LEAST: Final = 0.5
"""A label whose chance is smaller is not given: it is likelier to be wrong than right."""


class LabelReader:
    """Of one persona's labels.  Their vectors are made once.  Safe to use from many threads."""

    def __init__(
        self, labels: Sequence[str], examples: Mapping[str, Sequence[str]], vectors: Vectors
    ) -> None:
        self._labels = list(labels)
        self._vectors = vectors
        texts = [
            *map(in_words, labels),
            *(each for label in labels for each in examples.get(label, ())),
        ]
        self._owners = np.array(
            [*range(len(labels))]
            + [n for n, label in enumerate(labels) for _ in examples.get(label, ())]
        )
        self._known = self._embedded(texts)
        self._directions = directions(self._known, self._owners, len(labels))

    def chances(self, text: str) -> dict[str, float] | None:
        """Of each label; what is missing to 1 is the chance of none of them.  None where the
        embedding model cannot read the text."""
        text = without_signs(text)
        if not readable(self._vectors, text):
            return None
        rows = self._embedded(parts_of(text))
        cosines = self.cosines(rows)
        shares = self.shares(cosines)
        fits = min(1.0, self.certainty(rows, cosines) / float(shares.max()))
        return {
            label: fits * float(share) for label, share in zip(self._labels, shares, strict=True)
        }

    def _embedded(self, texts: Sequence[str]) -> Float[np.ndarray, "N D"]:
        vectors, _ = self._vectors.embed([clipped(self._vectors, text) for text in texts])
        return np.asarray(vectors)

    def cosines(self, rows: Float[np.ndarray, "N D"]) -> Float[np.ndarray, " L"]:
        """Of each label's direction with the nearest part of the text."""
        cosines: Float[np.ndarray, " L"] = (rows @ self._directions.T).max(0)
        return cosines

    def shares(self, cosines: Float[np.ndarray, " L"]) -> Float[np.ndarray, " L"]:
        """Of each label, where one of them is right."""
        return softmax(SHARPNESS * cosines)

    def certainty(self, rows: Float[np.ndarray, "N D"], cosines: Float[np.ndarray, " L"]) -> float:
        """The chance that the best label is right."""
        nearest, lead = self.signs(rows, cosines)
        return 1 / (1 + math.exp(-(NEAREST * nearest + LEAD * lead + SHIFT)))

    def signs(
        self, rows: Float[np.ndarray, "N D"], cosines: Float[np.ndarray, " L"]
    ) -> tuple[float, float]:
        """(cosine of the best label's nearest example, the label's lead over the second)."""
        second, best = np.argsort(cosines)[-2:]
        own = self._known[self._owners == best]
        return float((rows @ own.T).max()), float(cosines[best] - cosines[second])


def softmax(scores: Float[np.ndarray, "*N L"]) -> Float[np.ndarray, "*N L"]:
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    shares: Float[np.ndarray, "*N L"] = weights / weights.sum(-1, keepdims=True)
    return shares


def directions(
    vectors: Float[np.ndarray, "N D"], owners: Int[np.ndarray, " N"], labels: int
) -> Float[np.ndarray, "L D"]:
    """One of each label: the middle of its vectors, moved apart from the others' until the softmax
    gives each vector to its own label.  With names alone there is nothing to learn from."""
    middles = np.stack([vectors[owners == n].mean(0) for n in range(labels)]).astype(np.float64)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    if len(vectors) == labels:
        return middles
    own = np.eye(labels)[owners]

    def loss(moved: Float[np.ndarray, "L D"]) -> tuple[float, Float[np.ndarray, "L D"]]:
        """And its slope."""
        shares, away = softmax(SHARPNESS * (vectors @ moved.T)), moved - middles
        wrong = -np.log(shares[own > 0]).mean() + PULL / labels * np.square(away).sum()
        slope = SHARPNESS / len(vectors) * ((shares - own).T @ vectors) + 2 * PULL / labels * away
        return float(wrong), slope

    return minimum(loss, middles, STEPS)


def in_words(label: str) -> str:
    """ "card_arrival" is read as "card arrival"."""
    return " ".join(label.replace("_", " ").split()) or label
