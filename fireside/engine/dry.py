"""DRY: the longer an end of the text has stood before, the dearer is what followed it then.

"Don't repeat yourself", by p-e-w (github.com/oobabooga/text-generation-webui/pull/5677), with the
parameters of llama.cpp: a token that would make a repeated stretch of `length` tokens longer loses
`multiplier * base ** (length - allowed_length)`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float32, Int64

LONGEST = 128
"""Tokens of a repeated stretch that are counted; each costs a pass over its places."""
MOST = 1e4
"""What a token may lose: no logit is so large."""


class DryPenalty:
    """Of one sequence.  `push` and `pop` are exact inverses."""

    def __init__(
        self,
        prompt_ids: Iterable[int],
        *,
        multiplier: float,
        base: float,
        allowed_length: int,
        last_n: int,
        breaker_ids: frozenset[int],
    ) -> None:
        """last_n: tokens that are looked at; -1 is all.  breaker_ids: no stretch holds one."""
        self._multiplier = multiplier
        self._base = base
        self._allowed_length = allowed_length
        self._last_n = last_n
        self._breakers = breaker_ids
        ids = np.fromiter(prompt_ids, dtype=np.int64)
        self._length = len(ids)
        self._ids: Int64[np.ndarray, "N"] = np.concatenate([ids, np.zeros(256, dtype=np.int64)])

    def push(self, token_id: int) -> None:
        if self._length == len(self._ids):
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)])
        self._ids[self._length] = token_id
        self._length += 1

    def pop(self) -> None:
        self._length -= 1

    def apply(self, row: Float32[np.ndarray, "V"]) -> None:
        """Change one row of logits in place."""
        start = 0 if self._last_n < 0 else max(0, self._length - self._last_n)
        ids = self._ids[start : self._length]
        longest = self._unbroken(ids)
        if len(ids) < 2 or longest < self._allowed_length or longest == 0:
            return
        ends = np.flatnonzero(ids[:-1] == ids[-1])  # of the earlier stretches
        lengths = np.ones(len(ends), dtype=np.int64)
        alive = np.arange(len(ends))
        for back in range(1, longest):
            alive = alive[ends[alive] >= back]
            alive = alive[ids[ends[alive] - back] == ids[-1 - back]]
            if not len(alive):
                break
            lengths[alive] += 1
        counted = lengths >= self._allowed_length
        followers, lengths = ids[ends[counted] + 1], lengths[counted]
        order = np.argsort(lengths, kind="stable")  # of one token the longest stretch comes last
        exponents = (lengths[order] - self._allowed_length).astype(np.float64)
        with np.errstate(over="ignore"):
            lost = np.minimum(self._multiplier * self._base**exponents, MOST)
        row[followers[order]] = row[followers[order]] - lost.astype(np.float32)

    def _unbroken(self, ids: Int64[np.ndarray, "N"]) -> int:
        """Tokens at the end without a breaker."""
        count = 0
        for token_id in ids[: -LONGEST - 1 : -1].tolist():
            if token_id in self._breakers:
                break
            count += 1
        return count
