"""From logits to token ids, reproducible per sequence.

The random number of a token is a pure function of (seed, candidate, position), and each row's
choice depends on that row alone: batch, chunking, speculation and preemption cannot change it.

All of this is NumPy, not torch: on one core `numpy.argmax` over 49,152 logits takes 4 µs and
`torch.argmax` 230 µs, and partition, comparison and sort are as far apart (AVX-512 against scalar).
Greedy rows are decided in one call for the batch.  Sampled ones go one after another: a row fits
the cache, and sorting a padded matrix of candidates for sixteen rows cost as much as all of them.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from fireside.engine.params import SamplingParams
from fireside.engine.penalties import Penalties
from fireside.engine.truncation import SPAN, candidates, kept, relative_weights, span_sums

NOTHING = -1
"""The id that stands for "this row has no finite logit": a broken model or an empty mask."""


class SequenceSampler:
    """How one sequence chooses: its parameters, its seed, its penalties."""

    __slots__ = ("_key", "_made_from", "greedy", "params", "penalties", "plain")

    def __init__(
        self,
        params: SamplingParams,
        *,
        seed: int,
        index: int,
        prompt_ids: Sequence[int],
        stop_ids: frozenset[int],
    ) -> None:
        self.params = params
        self._made_from = seed, prompt_ids, stop_ids
        penalties = Penalties(params, prompt_ids, stop_ids)
        self.penalties = penalties if penalties.active else None
        self.greedy = params.temperature == 0.0 or params.top_k == 1
        self.plain = self.greedy and self.penalties is None and params.constraint is None
        self._key = hashlib.blake2b(f"{seed}/{index}".encode(), digest_size=32).digest()

    def branch(self, index: int) -> SequenceSampler:
        """The same for another candidate of the prompt: apart only in its random numbers."""
        seed, prompt_ids, stop_ids = self._made_from
        return SequenceSampler(
            self.params, seed=seed, index=index, prompt_ids=prompt_ids, stop_ids=stop_ids
        )

    def uniform(self, position: int) -> float:
        """The random number in [0, 1) of the answer's token at `position`."""
        digest = hashlib.blake2b(struct.pack("<q", position), key=self._key, digest_size=8).digest()
        return float(int.from_bytes(digest, "little") >> 11) * 2.0**-53


@dataclass(slots=True, kw_only=True)
class Row:
    """One row of logits and whose it is.

    Args:
        sampler: the sequence's.
        position: the place of the wanted token in the answer, from 0.
        assumed: the token that the next row takes for granted (speculation), or None.
        allowed: the constraint's mask over the vocabulary, or None.
    """

    sampler: SequenceSampler
    position: int
    assumed: int | None = None
    allowed: np.ndarray | None = None


def sample(logits: Float32[np.ndarray, "N V"], rows: Sequence[Row]) -> list[int]:
    """One id per row, NOTHING where no logit is finite.  Changes `logits` in place."""
    if all(row.sampler.plain for row in rows):
        return _greedy(logits)
    _adjust(logits, rows)
    return [
        _best(logits[i])
        if row.sampler.greedy
        else choose(logits[i], row.sampler.params, row.sampler.uniform(row.position))
        for i, row in enumerate(rows)
    ]


def _greedy(logits: Float32[np.ndarray, "N V"]) -> list[int]:
    best = logits.argmax(axis=1)
    finite = np.isfinite(logits[np.arange(len(best)), best])
    return [i if good else NOTHING for i, good in zip(best.tolist(), finite.tolist(), strict=True)]


def _adjust(scores: Float32[np.ndarray, "N V"], rows: Sequence[Row]) -> None:
    """Bias, penalties and masks.  Rows of one sequence follow each other; each takes the `assumed`
    tokens before it for said, and the last one takes them all back."""
    pushed: list[tuple[Penalties, int]] = []
    for score, row in zip(scores, rows, strict=True):
        penalties = row.sampler.penalties
        if penalties is not None:
            penalties.apply(score)
            if row.assumed is not None:
                penalties.push(row.assumed)
                pushed.append((penalties, row.assumed))
        if row.allowed is not None:
            np.copyto(score, -np.inf, where=~row.allowed)
    for penalties, token_id in reversed(pushed):
        penalties.pop(token_id)


def _best(row: Float32[np.ndarray, "V"]) -> int:
    best = int(row.argmax())
    return best if math.isfinite(row[best]) else NOTHING


def choose(row: Float32[np.ndarray, "V"], params: SamplingParams, uniform: float) -> int:
    """One token of one row, by a random number in [0, 1); NOTHING where no logit is finite."""
    top = float(row.max())
    if not math.isfinite(top):
        return NOTHING
    found = candidates(row, top, params)
    if found is None:
        return _choose_from_all(relative_weights(row, top, params.temperature), uniform)
    ids, rest = found
    scaled = (row[ids].astype(np.float64) - top) / params.temperature
    return int(ids[_place(kept(np.exp(scaled), rest, params), uniform)[0]])


def _choose_from_all(weights: Float32[np.ndarray, "V"], uniform: float) -> int:
    """First the span, then the place in it: heaping all weights would cost ten times as much."""
    span, uniform = _place(span_sums(weights), uniform)
    inside = weights[span * SPAN : (span + 1) * SPAN]
    return span * SPAN + _place(inside, uniform)[0]


def _place(weights: Float[np.ndarray, "K"], uniform: float) -> tuple[int, float]:
    """Where the heaped weights pass `uniform` of their sum, and how far into that one it falls."""
    heap = weights.cumsum(dtype=np.float64)
    target = min(uniform * float(heap[-1]), math.nextafter(float(heap[-1]), 0.0))
    place = int(np.searchsorted(heap, target, side="right"))
    before = float(heap[place - 1]) if place else 0.0
    return place, (target - before) / float(heap[place] - before)
