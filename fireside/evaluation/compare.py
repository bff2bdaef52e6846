"""Two models on the same items: which is better, and could it be chance?

Right/wrong items: McNemar's test in its exact form (only the items on which they differ speak).
Other items: the paired bootstrap of the (weighted) mean difference (Efron and Tibshirani 1993;
Koehn 2004 for chrF).  Figures that are not per item, such as ECE, are left out.  Refuses to
compare scores of different items: their weights or counts differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fireside.errors import BadRequest
from fireside.evaluation.scores import Floats, Score, mean_score

if TYPE_CHECKING:
    from fireside.evaluation.results import Result

RESAMPLES = 10_000


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One score of two models.

    difference: second minus first, of the items' means.  stderr: of that, over the items.
    better, worse: items on which the second gave more, or less.
    p_value: how often chance alone would give as large a difference, in either direction.
    """

    task: str
    metric: str
    n: int
    first: float
    second: float
    difference: float
    stderr: float | None
    better: int
    worse: int
    p_value: float
    test: str
    percent: bool
    higher_is_better: bool | None

    @property
    def shown(self) -> str:
        """The difference with its error, signed."""
        scale, digits, unit = (100, 1, " points") if self.percent else (1, 3, "")
        error = "" if self.stderr is None else f" ± {self.stderr * scale:.{digits}f}"
        return f"{self.difference * scale:+.{digits}f}{error}{unit}"

    @property
    def verdict(self) -> str:
        """For a person: which is better at the usual 5 %."""
        if self.p_value >= 0.05:
            return "no clear difference"
        if self.higher_is_better is None:
            return "they differ"
        return "second" if (self.difference > 0) == self.higher_is_better else "first"


def compare(first: Score, second: Score) -> Comparison:
    """Errors: BadRequest if they are not of the same items."""
    same = (first.task, first.metric, len(first.items)) == (
        second.task,
        second.metric,
        len(second.items),
    )
    if not same or first.weights != second.weights or not first.items:
        raise BadRequest(
            f"{first.task} {first.metric}: the two models were not asked the same items."
        )
    a, b = np.asarray(first.items), np.asarray(second.items)
    weights = np.asarray(first.weights or [1.0] * len(a))
    spread = mean_score(first.task, first.metric, (b - a).tolist(), weights.tolist())
    better, worse = int((b > a).sum()), int((b < a).sum())
    binary = bool(np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all())
    return Comparison(
        task=first.task,
        metric=first.metric,
        n=len(a),
        first=first.value,
        second=second.value,
        difference=spread.value,
        stderr=spread.stderr,
        better=better,
        worse=worse,
        p_value=mcnemar(better, worse) if binary else paired_bootstrap(b - a, weights),
        test="McNemar, exact" if binary else "paired bootstrap",
        percent=first.percent,
        higher_is_better=first.higher_is_better,
    )


def compare_results(first: Result, second: Result) -> tuple[Comparison, ...]:
    """Every score that both have per item, on the same items."""
    theirs = {(score.task, score.metric): score for score in second.scores()}
    pairs = [
        (score, theirs[score.task, score.metric])
        for score in first.scores()
        if (score.task, score.metric) in theirs
    ]
    return tuple(compare(a, b) for a, b in pairs if a.items and b.items)


def mcnemar(better: int, worse: int) -> float:
    """The exact two-sided p-value: the binomial tail at one half (McNemar 1947)."""
    n, k = better + worse, min(better, worse)
    tail = sum(math.comb(n, i) for i in range(k + 1))
    return min(1.0, float(2 * tail / 2**n)) if n else 1.0


def paired_bootstrap(
    differences: Floats, weights: Floats, *, resamples: int = RESAMPLES, seed: int = 0
) -> float:
    """The two-sided p-value of a mean difference of zero, by resampling centred differences."""
    n = len(differences)
    if n < 2 or not np.any(differences):
        return 1.0
    observed = float((weights * differences).sum() / weights.sum())
    centred = differences - observed
    dice = np.random.default_rng(seed)
    extreme = 0
    for _ in range(resamples):
        drawn = dice.integers(0, n, n)
        w = weights[drawn]
        mean = float((w * centred[drawn]).sum() / w.sum())
        extreme += abs(mean) >= abs(observed) - 1e-15
    return (extreme + 1) / (resamples + 1)
