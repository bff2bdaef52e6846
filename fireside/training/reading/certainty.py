"""How sure an answer is: a logistic and its two borders, fitted on some sources, judged on another.

Each source counts the same, however many questions it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from fireside.training.heads.fit import linear
from fireside.training.reading.measure import Reading, share

WRONG: Final = 0.04
"""Of the answers shown as sure, in the worst of the sources where the border is chosen; 0.05 is
what it should hold elsewhere."""
SAID: Final = 0.87
"""Of the unanswerable questions, likewise; 0.85 is what it should hold elsewhere."""
FEWEST: Final = 0.02  # of a source's answers that are sure, or the border says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """slopes, shift: of the logistic of `reader.FEATURES`.  sure, least: borders of its chance."""

    slopes: Float[Tensor, " features"]
    shift: Float[Tensor, ""]
    sure: float
    least: float

    def chances(self, rows: Sequence[Reading]) -> list[float]:
        """0 where there was no sentence."""
        return [
            float(torch.sigmoid(self.slopes @ torch.tensor(list(row.answer.features)) + self.shift))
            if row.answer and row.answer.features
            else 0.0
            for row in rows
        ]


def fit_certainty(sources: Sequence[Sequence[Reading]]) -> Certainty:
    kept = [[row for row in rows if row.answer and row.answer.features] for rows in sources]
    rows = [row for some in kept for row in some]
    features = torch.tensor([list(row.answer.features) for row in rows if row.answer])
    right = torch.tensor([[float(row.right)] for row in rows])
    weights = torch.tensor([1 / len(some) for some in kept for _ in some])
    slopes, shift = linear(features, right, weights / weights.mean())
    made = Certainty(slopes=slopes[0], shift=shift[0], sure=1.0, least=0.0)
    judged = [list(zip(made.chances(some), some, strict=True)) for some in sources]
    return Certainty(
        slopes=made.slopes, shift=made.shift, sure=sure_border(judged), least=least_border(judged)
    )


Judged = Sequence[tuple[float, Reading]]


def sure_border(sources: Sequence[Judged]) -> float:
    """The least one from which on no source has more than `WRONG` of wrong answers."""
    for n in range(100, 200):
        if all(_wrong(rows, n / 200) <= WRONG for rows in sources):
            return n / 200
    return 1.0


def _wrong(rows: Judged, border: float) -> float:
    sure = [not row.right for chance, row in rows if chance >= border]
    return sum(sure) / len(sure) if len(sure) >= FEWEST * len(rows) else 0.0


def least_border(sources: Sequence[Judged]) -> float:
    """The least one below which every source has `SAID` of its unanswerable questions."""
    for n in range(200):
        if all(_below(rows, n / 200) >= SAID for rows in sources):
            return n / 200
    return 1.0


def _below(rows: Judged, border: float) -> float:
    return share(chance < border for chance, row in rows if not row.here)[0]


def judged_by(certainty: Certainty, rows: Sequence[Reading]) -> dict[str, Any]:
    """Figures of one source: (mean, standard error, number)."""
    pairs = list(zip(certainty.chances(rows), rows, strict=True))
    sure, least = certainty.sure, certainty.least
    return {
        "right sentence": share(row.right for row in rows if row.here),
        "exact match of the span": share(row.exact for row in rows if row.here),
        "F1 of the span": share(row.f1 for row in rows if row.here),
        "wrong among the sure": share(not row.right for chance, row in pairs if chance >= sure),
        "answerable, answered as sure": share(chance >= sure for chance, row in pairs if row.here),
        "unanswerable, said so": share(chance < least for chance, row in pairs if not row.here),
        "answerable, said not to be there": share(
            chance < least for chance, row in pairs if row.here
        ),
        "right among the middle ones": share(
            row.right for chance, row in pairs if least <= chance < sure
        ),
    }


def left_out(sources: Mapping[str, Sequence[Reading]]) -> dict[str, dict[str, Any]]:
    """Each source judged by what was fitted on the others."""
    return {
        name: judged_by(
            fit_certainty([rows for other, rows in sources.items() if other != name]), found
        )
        for name, found in sources.items()
    }
