"""Deterministic orders with random access: a permutation by number, and mixtures by number.

Nothing is drawn and nothing remembered: the place of an item is computed from its number, so a
run that resumes at row ten million starts there at once.  numpy's own shuffles may change between
versions; these may not, for a resumed run would see another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

_ROUNDS = 4
_ODD = np.uint64(0x9E3779B97F4A7C15)


def permuted(numbers: np.ndarray, size: int, *key: int) -> np.ndarray:
    """Where a permutation of 0 ... size-1 sends these numbers; each key is another permutation.

    A Feistel network over the next even number of bits, walked until it falls inside (Black and
    Rogaway, "Ciphers with Arbitrary Finite Domains", 2002): O(1) memory for any size.
    """
    half = np.uint64(max(1, (max(size - 1, 1).bit_length() + 1) // 2))
    mask = (np.uint64(1) << half) - np.uint64(1)
    keys = _round_keys(key)
    at = np.asarray(numbers, dtype=np.uint64).copy()
    outside = np.ones(at.shape, dtype=bool)
    while outside.any():
        left, right = at[outside] >> half, at[outside] & mask
        for one in keys:
            left, right = right, left ^ (_mixed(right + one) & mask)
        at[outside] = (left << half) | right
        outside = at >= size
    return at.astype(np.int64)


def _round_keys(key: Sequence[int]) -> list[np.uint64]:
    state = np.zeros(1, dtype=np.uint64)
    for number in key:
        state = _mixed(state + _ODD + np.array([number & (2**64 - 1)], dtype=np.uint64))
    keys = []
    for _ in range(_ROUNDS):
        state = _mixed(state + _ODD)
        keys.append(state[0])
    return keys


def _mixed(values: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser; wraps around, as arrays do without a warning."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = values ^ (values >> np.uint64(31))
    return mixed


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Which source each row comes from, by the row's number.

    Of any first n rows each source has its share of n, give or take two.  A tree of two-way
    splits: of the first n rows round(n * share) go left, so that every row is counted on one side.
    """

    shares: tuple[Fraction, ...]

    @classmethod
    def of(cls, shares: Sequence[float]) -> Mixture:
        exact = [Fraction(share).limit_denominator(1 << 20) for share in shares]
        return cls(shares=tuple(one / sum(exact) for one in exact))

    def place(self, row: int) -> tuple[int, int]:
        """The row's source, and its number among the rows of that source."""
        first, last = 0, len(self.shares)
        while last - first > 1:
            middle = self._middle(first, last)
            left = self._share(first, middle) / self._share(first, last)
            before, after = _rounded(row * left), _rounded((row + 1) * left)
            if after > before:
                last, row = middle, before
            else:
                first, row = middle, row - before
        return first, row

    def _middle(self, first: int, last: int) -> int:
        """Where the two sides weigh about the same: errors of rounding then halve on the way."""
        whole = self._share(first, last)
        return min(range(first + 1, last), key=lambda at: abs(2 * self._share(first, at) - whole))

    def _share(self, first: int, last: int) -> Fraction:
        return sum(self.shares[first:last], Fraction())


def _rounded(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
