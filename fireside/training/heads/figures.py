"""What a head is worth, in figures: accuracy, calibration, precision, recall, AUPRC, AUROC.

Numbers in, numbers out.  It refuses to choose a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from fireside.evaluation.classification import expected_calibration_error

Floats = Float[np.ndarray, " B"]
Bools = Bool[np.ndarray, " B"]


def accuracy(chance: Floats, truth: Bools) -> float:
    return float(((chance > 0.5) == truth).mean())


def calibration(chance: Floats, truth: Bools) -> float:
    """The expected calibration error of the label that is said (Guo et al. 2017)."""
    right = ((chance > 0.5) == truth).astype(float)
    return expected_calibration_error(np.maximum(chance, 1 - chance), right)


def precision_recall(chance: Floats, truth: Bools, threshold: float) -> tuple[float, float]:
    said = chance >= threshold
    hits = float((said & truth).sum())
    return hits / max(1.0, float(said.sum())), hits / max(1.0, float(truth.sum()))


def auprc(chance: Floats, truth: Bools) -> float:
    """Average precision: the mean over the true ones of the precision at their rank; equal
    chances have one rank, the last."""
    order = np.argsort(-chance, kind="stable")
    hits = np.cumsum(truth[order])
    ends = np.append(np.flatnonzero(np.diff(chance[order])), len(chance) - 1)
    precision = hits[ends] / (ends + 1)
    gained = np.diff(hits[ends], prepend=0)
    return float((precision * gained).sum() / max(1, int(truth.sum())))


def auroc(chance: Floats, truth: Bools) -> float:
    """The chance that a true one stands above a false one; equal ones count half."""
    _, place, counts = np.unique(chance, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    true, false = int(truth.sum()), int((~truth).sum())
    return float((ranks[truth].sum() - true * (true + 1) / 2) / max(1, true * false))


def share(flags: Sequence[bool]) -> float:
    return sum(flags) / max(1, len(flags))
