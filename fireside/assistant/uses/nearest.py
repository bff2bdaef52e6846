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

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from fireside.assistant.dialogue.intents import parts_of
from fireside.assistant.dialogue.vectors import clipped, readable, without_signs

if TYPE_CHECKING:
    from fireside.assistant.dialogue.vectors import Vectors

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
        self._owners = torch.tensor(
            [*range(len(labels))]
            + [n for n, label in enumerate(labels) for _ in examples.get(label, ())]
        )
        self._known, _ = vectors.embed([clipped(vectors, text) for text in texts])
        self._directions = directions(self._known, self._owners, len(labels))

    def chances(self, text: str) -> dict[str, float] | None:
        """Of each label; what is missing to 1 is the chance of none of them.  None where the
        embedding model cannot read the text."""
        text = without_signs(text)
        if not readable(self._vectors, text):
            return None
        rows, _ = self._vectors.embed([clipped(self._vectors, part) for part in parts_of(text)])
        cosines = self.cosines(rows)
        shares = self.shares(cosines)
        fits = min(1.0, self.certainty(rows, cosines) / float(shares.max()))
        return {
            label: fits * float(share) for label, share in zip(self._labels, shares, strict=True)
        }

    def cosines(self, rows: Float[Tensor, "N D"]) -> Float[Tensor, " L"]:
        """Of each label's direction with the nearest part of the text."""
        return (rows @ self._directions.T).amax(0)

    def shares(self, cosines: Float[Tensor, " L"]) -> Float[Tensor, " L"]:
        """Of each label, where one of them is right."""
        return (SHARPNESS * cosines).softmax(0)

    def certainty(self, rows: Float[Tensor, "N D"], cosines: Float[Tensor, " L"]) -> float:
        """The chance that the best label is right."""
        nearest, lead = self.signs(rows, cosines)
        return 1 / (1 + math.exp(-(NEAREST * nearest + LEAD * lead + SHIFT)))

    def signs(
        self, rows: Float[Tensor, "N D"], cosines: Float[Tensor, " L"]
    ) -> tuple[float, float]:
        """(cosine of the best label's nearest example, the label's lead over the second)."""
        (first, second), (best, _) = cosines.topk(2)
        own = self._known[self._owners == best]
        return float((rows @ own.T).max()), float(first - second)


def directions(vectors: Float[Tensor, "N D"], owners: Tensor, labels: int) -> Float[Tensor, "L D"]:
    """One of each label: the middle of its vectors, moved apart from the others' until the softmax
    gives each vector to its own label.  With names alone there is nothing to learn from."""
    middles = torch.stack([vectors[owners == n].mean(0) for n in range(labels)])
    middles = F.normalize(middles, dim=1)
    if len(vectors) == labels:
        return middles
    with torch.enable_grad():
        moved = middles.clone().requires_grad_()
        optimiser = torch.optim.LBFGS([moved], max_iter=STEPS)

        def loss() -> Tensor:
            optimiser.zero_grad()
            wrong = F.cross_entropy(SHARPNESS * (vectors @ moved.T), owners)
            value = wrong + PULL / labels * (moved - middles).square().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimiser.step(loss)  # type: ignore[no-untyped-call]
    return moved.detach()


def in_words(label: str) -> str:
    """ "card_arrival" is read as "card arrival"."""
    return " ".join(label.replace("_", " ").split()) or label
