"""Which tokens of a row may be chosen: top-k, top-p, min-p and typical, as transformers keeps them.

A row has 49,152 logits or more and its choice falls among some hundred.  So a cheap threshold comes
first, the exact rules look only at what passes it, and nothing sorts more than values: on this row
`argsort` takes 600 µs, a threshold 10.  What is random is the sampler's.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float32, Float64, Int64

from fireside.engine.params import SamplingParams

NARROW = 1024
"""With at most this many tokens past the first threshold, it is the only one."""
DEPTH = 18.0
"""Tokens so improbable that all of them together weigh less than e^-18 = 1.5e-8 of the likeliest
are no candidates: float32, which transformers computes in, cannot tell them from nothing."""
SPAN = 256


def candidates(
    row: Float32[np.ndarray, "V"], top: float, params: SamplingParams
) -> tuple[Int64[np.ndarray, "K"], float] | None:
    """Ids, rising, that surely include every token to be kept, and the weight of all the others
    (relative to the likeliest token's, whose logit is `top`).  None if nothing truncates the row.
    """
    temperature = params.temperature
    depth = math.log(len(row)) + DEPTH
    if params.min_p > 0.0 and params.top_p == params.typical_p == 1.0:
        depth = min(depth, 1e-6 - math.log(params.min_p))
    passing = row >= top - temperature * depth
    if 0 < params.top_k < len(row) and np.count_nonzero(passing) > max(NARROW, params.top_k):
        least = np.partition(row, -params.top_k)[-params.top_k]
        return np.flatnonzero(row >= least), 0.0
    if np.count_nonzero(passing) <= NARROW or params.typical_p < 1.0 or params.min_p > 0.0:
        return np.flatnonzero(passing), 0.0
    if params.top_p < 1.0:
        return _nucleus(relative_weights(row, top, temperature), params.top_p)
    return None if params.top_k in (0, len(row)) else (np.flatnonzero(passing), 0.0)


def _nucleus(
    weights: Float32[np.ndarray, "V"], top_p: float
) -> tuple[Int64[np.ndarray, "K"], float]:
    """Ids that surely include top-p's nucleus, and the weight of the others."""
    total = float(span_sums(weights).sum(dtype=np.float64))
    # What lies below this weighs, all together, half of what top-p leaves out.
    passing = weights >= (1.0 - top_p) * total / (2 * len(weights))
    if np.count_nonzero(passing) > 4 * NARROW:  # then a look for fewer is worth its price
        ids = np.flatnonzero(weights >= np.partition(weights, -NARROW)[-NARROW])
        mass = float(weights[ids].sum(dtype=np.float64))
        if mass > top_p * total * (1 + 1e-5):  # by more than float32 sums are wrong
            return ids, max(0.0, total - mass)
    ids = np.flatnonzero(passing)
    return ids, max(0.0, total - float(weights[ids].sum(dtype=np.float64)))


def kept(
    weights: Float64[np.ndarray, "K"], rest: float, params: SamplingParams
) -> Float64[np.ndarray, "K"]:
    """The candidates' weights, 0 where top-k, top-p, min-p or typical leave a token out.

    Among equal tokens at a border all are kept; transformers keeps some of them, as its sort
    happens to order them.

    Args:
        weights: relative to the likeliest token's, which is 1.
        rest: weight of the tokens that are no candidates; they count in top-p's total.
    """
    if 0 < params.top_k < len(weights):
        least = np.partition(weights, -params.top_k)[-params.top_k]
        weights = np.where(weights >= least, weights, 0.0)
    if params.top_p < 1.0:
        falling = np.sort(weights)[::-1]
        heap = falling.cumsum()
        # A token stays if those above it hold less than top_p of the mass.
        count = int(np.count_nonzero(heap - falling < params.top_p * (heap[-1] + rest)))
        weights = np.where(weights >= falling[max(count, 1) - 1], weights, 0.0)
    if params.min_p > 0.0:
        weights = np.where(weights >= params.min_p, weights, 0.0)
    if params.typical_p < 1.0:
        weights = _typical(weights, params.typical_p)
    return weights


def _typical(weights: Float64[np.ndarray, "K"], mass: float) -> Float64[np.ndarray, "K"]:
    """Locally typical sampling (arXiv:2202.00666), as transformers' TypicalLogitsWarper."""
    live = np.flatnonzero(weights)
    probabilities = weights[live] / weights.sum()
    surprise = -np.log(probabilities)
    oddity = np.abs(surprise - (surprise * probabilities).sum())
    order = np.argsort(oddity)
    last = int((probabilities[order].cumsum() < mass).sum())
    least = oddity[order[min(last, len(order) - 1)]]
    weights = weights.copy()
    weights[live[oddity > least]] = 0.0
    return weights


def relative_weights(
    row: Float32[np.ndarray, "V"], top: float, temperature: float
) -> Float32[np.ndarray, "V"]:
    """Probabilities but for their sum: the likeliest token's is 1."""
    scaled = row - np.float32(top)
    if temperature != 1.0:
        with np.errstate(over="ignore"):  # a tiny temperature: -inf weighs nothing, rightly
            scaled /= np.float32(temperature)
    weights: Float32[np.ndarray, "V"] = np.exp(scaled, out=scaled)
    return weights


def span_sums(weights: Float32[np.ndarray, "V"]) -> Float32[np.ndarray, "S"]:
    """Sums of SPAN weights each, the last of what is left (possibly nothing)."""
    whole = len(weights) // SPAN * SPAN
    # A product with ones is three times as fast as a sum over the axis.
    sums = weights[:whole].reshape(-1, SPAN) @ np.ones(SPAN, dtype=np.float32)
    return np.append(sums, weights[whole:].sum())
