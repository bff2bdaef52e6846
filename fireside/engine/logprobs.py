"""Log-probabilities as OpenAI and vLLM report them: of the model's own distribution.

Taken from the raw logits, before temperature, penalties and masks; computed only when asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token's log-probability, and the likeliest alternatives as (id, log-probability)."""

    token_id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


def token_logprob(row: Float32[np.ndarray, "V"], token_id: int, alternatives: int) -> TokenLogprob:
    """The log-probability of `token_id` under one row of raw logits.

    `top` is sorted by falling probability, equal ones by rising id; it may lack `token_id`.
    """
    greatest = row.max()
    weights = np.exp(row - greatest)
    log_total = float(greatest) + math.log(float(weights.sum(dtype=np.float64)))
    top: tuple[tuple[int, float], ...] = ()
    if alternatives:
        alternatives = min(alternatives, len(row))
        ids = np.flatnonzero(row >= np.partition(row, -alternatives)[-alternatives])
        ids = ids[np.argsort(-row[ids], kind="stable")][:alternatives]
        top = tuple((int(i), float(row[i]) - log_total) for i in ids)
    return TokenLogprob(token_id, float(row[token_id]) - log_total, top)
