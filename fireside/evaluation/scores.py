"""A score: a number, how sure it is, and what each item gave.

The value is a weighted mean of the items, or a function of all of them (ECE, chrF) with a
bootstrap error.  Items are kept, so that two models can be compared on the same ones
(`compare.py`).  Refuses to print.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fireside.errors import BadRequest

Floats = NDArray[np.float64]
RESAMPLES = 500


@dataclass(frozen=True, kw_only=True)
class Score:
    """One figure of one task.

    stderr: the standard error over the choice of items; None where one item alone says nothing.
    items: what each item gave, in the order of the task's items; () where it is not per item.
    weights: of the items; () for equal ones.
    chance: what guessing gives, if that is known.
    percent: a share, shown as a percentage.
    higher_is_better: None where neither is.
    """

    task: str
    metric: str
    value: float
    stderr: float | None
    n: int
    items: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    chance: float | None = None
    percent: bool = False
    higher_is_better: bool | None = True

    def __str__(self) -> str:
        scale, unit = (100, " %") if self.percent else (1, "")
        digits = 1 if self.percent else 3
        error = "" if self.stderr is None else f" ± {self.stderr * scale:.{digits}f}"
        return f"{self.value * scale:.{digits}f}{error}{unit}"


def mean_score(
    task: str,
    metric: str,
    items: Sequence[float],
    weights: Sequence[float] = (),
    *,
    chance: float | None = None,
    percent: bool = False,
    higher_is_better: bool | None = True,
) -> Score:
    """The (weighted) mean and its standard error.

    Equal weights: s / sqrt(n).  Else the ratio estimator's, by linearisation (Cochran 1977, 6.4):
    the weights (bytes, tokens) belong to the items, and vary with them.
    """
    if not items:
        raise BadRequest(f"Task {task} has no items: its file is empty, or --limit is 0.")
    x = np.asarray(items, dtype=np.float64)
    w = np.asarray(weights or [1.0] * len(items), dtype=np.float64)
    value = float((w * x).sum() / w.sum())
    return Score(
        task=task,
        metric=metric,
        value=value,
        stderr=_ratio_error(x, w, value),
        n=len(items),
        items=tuple(float(one) for one in items),
        weights=tuple(float(one) for one in weights),
        chance=chance,
        percent=percent,
        higher_is_better=higher_is_better,
    )


def _ratio_error(x: Floats, w: Floats, value: float) -> float | None:
    n = len(x)
    if n < 2:
        return None
    return math.sqrt(n / (n - 1) * float((w**2 * (x - value) ** 2).sum())) / float(w.sum())


def exponential(score: Score, metric: str) -> Score:
    """exp(value), with the error carried over: a perplexity from nats."""
    value = math.exp(min(score.value, 700.0))
    return Score(
        task=score.task,
        metric=metric,
        value=value,
        stderr=None if score.stderr is None else value * score.stderr,
        n=score.n,
        higher_is_better=False,
    )


def bootstrap_error(
    n: int, statistic: Callable[[NDArray[np.int64]], float], *, resamples: int = RESAMPLES
) -> float | None:
    """The standard error of a statistic of n items, from resamples with replacement.

    statistic: takes the numbers of the items.  The dice are fixed: the same items, the same error.
    """
    if n < 2:
        return None
    dice = np.random.default_rng(0)
    return float(np.std([statistic(dice.integers(0, n, n)) for _ in range(resamples)], ddof=1))
