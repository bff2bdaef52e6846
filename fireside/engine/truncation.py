"""Which tokens of a row may be chosen: top-k, top-p, min-p and typical, as transformers keeps them.

A row has 49,152 logits or more and its choice falls among some hundred, so a cheap threshold comes
first and the exact rules look only at what passes it.  What is random is the sampler's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from fireside.engine.params import SamplingParams

NARROW = 1024
"""Rows with at most this many candidates are truncated and drawn together, padded."""
DEPTH = 18.0
"""Tokens so improbable that all of them together weigh less than e^-18 = 1.5e-8 of the likeliest
are no candidates: float32, which transformers computes in, cannot tell them from nothing."""


@dataclass(slots=True, kw_only=True)
class Candidates:
    """The tokens that a row may choose from.

    `weights` are relative to the likeliest token's; `rest` is the weight of all others together.
    """

    ids: Int64[np.ndarray, "K"]
    scaled: Float64[np.ndarray, "K"]
    rest: float


def candidates(
    row: Float32[np.ndarray, "V"], top: float, params: SamplingParams
) -> Candidates | None:
    """A set that surely holds every token that truncation will keep; None if it keeps them all.

    Most rows are decided by a threshold alone.  Where too many tokens pass it, top-k needs a
    partition, and top-p one too: its nucleus is almost always within the NARROW best, and where it
    is not, the whole row is sorted.
    """
    temperature = params.temperature
    depth = math.log(len(row)) + DEPTH
    truncates_by_mass = params.top_p < 1.0 or params.typical_p < 1.0
    if params.min_p > 0.0 and not truncates_by_mass:
        depth = min(depth, 1e-6 - math.log(params.min_p))
    keep = np.flatnonzero(row >= top - temperature * depth)
    rest = 0.0
    if len(keep) > NARROW:
        if 0 < params.top_k < len(row):
            keep = np.flatnonzero(row >= np.partition(row, -params.top_k)[-params.top_k])
        elif params.typical_p < 1.0:
            pass
        elif params.top_p < 1.0:
            keep, rest = _nucleus(row, top, temperature, params.top_p, keep)
        elif params.min_p == 0.0:
            return None
    return Candidates(
        ids=keep, scaled=(row[keep].astype(np.float64) - top) / temperature, rest=rest
    )


def _nucleus(
    row: Float32[np.ndarray, "V"],
    top: float,
    temperature: float,
    top_p: float,
    everything: Int64[np.ndarray, "K"],
) -> tuple[Int64[np.ndarray, "K"], float]:
    weights = np.exp((row[everything] - np.float32(top)) / np.float32(temperature))
    total = float(weights.sum(dtype=np.float64))
    few = weights >= np.partition(weights, -NARROW)[-NARROW]
    mass = float(weights[few].sum(dtype=np.float64))
    # float32 weights against the float64 ones of the truncation: leave a margin of its rounding.
    if mass < top_p * total * (1 + 1e-5):
        return everything, 0.0
    return everything[few], total - mass


def truncate(
    scaled: Float64[np.ndarray, "N K"],
    rest: Float64[np.ndarray, "N"],
    params: Sequence[SamplingParams],
) -> Float64[np.ndarray, "N K"]:
    """Weights of the candidates, 0 where top-k, top-p, min-p or typical leave them out.

    Args:
        scaled: logits over temperature less the greatest, falling; -inf is padding.
        rest: weight of the tokens that are no candidates; counts for top-p only where no top-k
            leaves them out first.
    """
    weights = np.exp(scaled)
    width = scaled.shape[1]
    if any(0 < p.top_k < width for p in params):
        k = np.array([p.top_k if 0 < p.top_k < width else width for p in params])
        least = scaled[np.arange(len(params)), k - 1]
        weights = np.where(scaled >= least[:, None], weights, 0.0)
    if any(p.top_p < 1.0 for p in params):
        mass = np.array([p.top_p if p.top_p < 1.0 else 2.0 for p in params])
        heap = weights.cumsum(axis=1)
        total = heap[:, -1] + rest
        above = heap - weights
        above[:, 0] = 0.0
        kept = above < (mass * total)[:, None]
        kept[:, 0] = True
        weights = np.where(kept, weights, 0.0)
    if any(p.min_p > 0.0 for p in params):
        floor = np.array([p.min_p for p in params])
        weights = np.where(weights >= floor[:, None] * weights[:, :1], weights, 0.0)
    for i, p in enumerate(params):
        if p.typical_p < 1.0:
            weights[i, _untypical(weights[i], p.typical_p)] = 0.0
    return weights


def _untypical(weights: Float64[np.ndarray, "K"], mass: float) -> Int64[np.ndarray, "R"]:
    """Which to leave out: locally typical sampling (arXiv:2202.00666), as transformers' warper."""
    kept = np.flatnonzero(weights)
    probabilities = weights[kept] / weights.cumsum()[-1]
    surprise = -np.log(probabilities)
    entropy = (surprise * probabilities).cumsum()[-1]
    oddity = np.abs(surprise - entropy)
    order = np.argsort(oddity, kind="stable")
    last = int((probabilities[order].cumsum() < mass).sum())
    least = oddity[order[min(last, len(order) - 1)]]
    return kept[oddity > least]
