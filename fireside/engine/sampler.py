"""From logits to token ids: vectorised over the batch, reproducible per sequence.

The random number of a token is a pure function of (seed, candidate, position), and each row's
choice depends on that row alone: batch, chunking, speculation and preemption cannot change it.

All of this is NumPy, not torch: on one core `numpy.argmax` over 49,152 logits takes 4 µs and
`torch.argmax` 230 µs, and partition, comparison and sort are as far apart (AVX-512 against scalar).
Logits on a GPU come over as argmax where that is all that is asked, else as whole rows.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from fireside.engine.params import SamplingParams
from fireside.engine.penalties import Penalties
from fireside.engine.truncation import NARROW, Candidates, candidates, truncate

SPAN = 256
"""A draw over the whole vocabulary goes by spans of this length first."""

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


def sample(logits: Float32[Tensor, "N V"], rows: Sequence[Row]) -> list[int]:
    """One id per row, NOTHING where no logit is finite.  Changes `logits` in place."""
    if all(row.sampler.plain for row in rows):
        return _greedy(logits)
    scores = logits.numpy(force=True)
    _adjust(scores, rows)
    ids = [NOTHING] * len(rows)
    greedy = [i for i, row in enumerate(rows) if row.sampler.greedy]
    for i in greedy:
        best = int(scores[i].argmax())
        ids[i] = best if math.isfinite(scores[i, best]) else NOTHING
    if len(greedy) < len(rows):
        drawn = [i for i, row in enumerate(rows) if not row.sampler.greedy]
        for i, token_id in zip(drawn, _draw(scores, rows, drawn), strict=True):
            ids[i] = token_id
    return ids


def _greedy(logits: Float32[Tensor, "N V"]) -> list[int]:
    if logits.is_cuda:
        values, best = logits.max(dim=1)
        ids = [int(i) for i in best.tolist()]
        finite = values.isfinite().tolist()
    else:
        scores = logits.numpy(force=True)
        array = scores.argmax(axis=1)
        ids = array.tolist()
        finite = np.isfinite(scores[np.arange(len(ids)), array]).tolist()
    return [i if good else NOTHING for i, good in zip(ids, finite, strict=True)]


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


def _draw(
    scores: Float32[np.ndarray, "N V"], rows: Sequence[Row], wanted: Sequence[int]
) -> list[int]:
    result: dict[int, int] = {}
    narrow: list[tuple[int, Candidates]] = []
    for i in wanted:
        sampler = rows[i].sampler
        top = float(scores[i].max())
        if not math.isfinite(top):
            result[i] = NOTHING
            continue
        found = candidates(scores[i], top, sampler.params)
        if found is None:
            result[i] = _draw_from_all(
                scores[i], top, sampler.params.temperature, sampler.uniform(rows[i].position)
            )
        elif len(found.ids) > NARROW:
            result[i] = _draw_from_candidates([found], [rows[i]])[0]
        else:
            narrow.append((i, found))
    if narrow:
        drawn = _draw_from_candidates([few for _, few in narrow], [rows[i] for i, _ in narrow])
        result.update(zip((i for i, _ in narrow), drawn, strict=True))
    return [result[i] for i in wanted]


def _draw_from_candidates(found: Sequence[Candidates], rows: Sequence[Row]) -> list[int]:
    """Truncate and draw, all rows at once, candidates in order of falling probability."""
    width = max(len(few.ids) for few in found)
    scaled = np.full((len(found), width), -np.inf)
    ids = np.zeros((len(found), width), dtype=np.int64)
    for i, few in enumerate(found):
        scaled[i, : len(few.ids)] = few.scaled
        ids[i, : len(few.ids)] = few.ids
    order = np.argsort(-scaled, axis=1, kind="stable")
    scaled = np.take_along_axis(scaled, order, axis=1)
    rest = np.array([few.rest for few in found])
    weights = truncate(scaled, rest, [row.sampler.params for row in rows])
    heap = weights.cumsum(axis=1)
    draws = np.array([row.sampler.uniform(row.position) for row in rows])
    target = draws * heap[:, -1]
    chosen = (heap <= target[:, None]).sum(axis=1)
    # Rounding could carry u * total to the total itself: fall back to the last kept candidate.
    last = width - 1 - (weights[:, ::-1] > 0).argmax(axis=1)
    chosen = np.minimum(chosen, last)
    picked = order[np.arange(len(found)), chosen]
    return [int(i) for i in ids[np.arange(len(found)), picked]]


def _draw_from_all(
    row: Float32[np.ndarray, "V"], top: float, temperature: float, uniform: float
) -> int:
    """Inverse-CDF over the whole vocabulary: first to the span, then within it."""
    with np.errstate(over="ignore"):
        weights = np.exp((row - np.float32(top)) / np.float32(temperature))
    spans = np.add.reduceat(weights, np.arange(0, len(weights), SPAN)).astype(np.float64)
    heap = spans.cumsum()
    target = min(uniform * heap[-1], np.nextafter(heap[-1], 0.0))
    span = int(np.searchsorted(heap, target, side="right"))
    before = heap[span - 1] if span else 0.0
    inside = weights[span * SPAN : (span + 1) * SPAN].cumsum(dtype=np.float64)
    place = int(np.searchsorted(inside, min(target - before, inside[-1]), side="right"))
    if place == len(inside):  # rounding between the two sums: the last token with any weight
        place = int(np.flatnonzero(weights[span * SPAN : (span + 1) * SPAN])[-1])
    return span * SPAN + place
