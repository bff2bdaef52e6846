"""Deterministic orders with random access: a permutation by number, and mixtures by number.

Nothing is drawn and nothing remembered: the place of an item is computed from its number, so a
run that resumes at row ten million starts there at once.  numpy's own shuffles may change between
versions; these may not, for a resumed run would see another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

_ROUNDS = 4
_SMALL = 1024
_64 = (1 << 64) - 1
_ODD = 0x9E3779B97F4A7C15


def permuted(size: int, *key: int) -> np.ndarray:
    """All of 0 ... size-1, each where its permutation sends it; each key is another permutation."""
    if size <= _SMALL:
        return np.asarray(_shuffled(size, key), dtype=np.int64)
    half, mask = _halves(size)
    at = np.arange(size, dtype=np.uint64)
    outside = np.ones(size, dtype=bool)
    while outside.any():
        left, right = at[outside] >> np.uint64(half), at[outside] & np.uint64(mask)
        for one in _round_keys(key):
            mixed = _mixed_array(right + np.uint64(one)) & np.uint64(mask)
            left, right = right, left ^ mixed
        at[outside] = (left << np.uint64(half)) | right
        outside = at >= size
    return at.astype(np.int64)


def place(number: int, size: int, *key: int) -> int:
    """`permuted(size, *key)[number]`, without the others.

    A Feistel network over the next even number of bits, walked until it falls inside (Black and
    Rogaway, "Ciphers with Arbitrary Finite Domains", 2002): no memory, whatever the size.  Few
    numbers are sorted by their hash instead, for so small a network hardly mixes.
    """
    if size <= _SMALL:
        return _shuffled(size, key)[number]
    half, mask = _halves(size)
    while True:
        left, right = number >> half, number & mask
        for one in _round_keys(key):
            left, right = right, left ^ (_mixed((right + one) & _64) & mask)
        number = (left << half) | right
        if number < size:
            return number


@lru_cache(maxsize=64)
def _shuffled(size: int, key: tuple[int, ...]) -> tuple[int, ...]:
    (first, *_) = _round_keys(key)
    return tuple(sorted(range(size), key=lambda number: (_mixed((number + first) & _64), number)))


def _halves(size: int) -> tuple[int, int]:
    half = ((size - 1).bit_length() + 1) // 2
    return half, (1 << half) - 1


@lru_cache(maxsize=64)
def _round_keys(key: tuple[int, ...]) -> tuple[int, ...]:
    state = 0
    for number in key:
        state = _mixed((state + _ODD + number) & _64)
    keys = []
    for _ in range(_ROUNDS):
        state = _mixed((state + _ODD) & _64)
        keys.append(state)
    return tuple(keys)


def _mixed(value: int) -> int:
    """SplitMix64's finaliser."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _64
    return value ^ (value >> 31)


def _mixed_array(values: np.ndarray) -> np.ndarray:
    """The same of many; arrays wrap around by themselves."""
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

    tree: _Tree

    @classmethod
    def of(cls, shares: Sequence[float]) -> Mixture:
        exact = [Fraction(share).limit_denominator(1 << 20) for share in shares]
        return cls(tree=_split(exact, 0))

    def at(self, row: int) -> tuple[int, int]:
        """The row's source, and its number among the rows of that source."""
        tree = self.tree
        while not isinstance(tree, int):
            share, left, right = tree
            before, after = _rounded(row, share), _rounded(row + 1, share)
            tree, row = (left, before) if after > before else (right, row - before)
        return tree, row


_Tree = int | tuple[tuple[int, int], "_Tree", "_Tree"]
"""A source; or the left side's share as a fraction, and both sides."""


def _split(shares: Sequence[Fraction], first: int) -> _Tree:
    """The tree over sources `first` ...; its sides weigh about the same, so that an error of
    rounding halves on its way down."""
    if len(shares) == 1:
        return first
    whole = sum(shares, Fraction())
    middle = min(
        range(1, len(shares)), key=lambda at: abs(2 * sum(shares[:at], Fraction()) - whole)
    )
    left = sum(shares[:middle], Fraction()) / whole
    return (
        (left.numerator, left.denominator),
        _split(shares[:middle], first),
        _split(shares[middle:], first + middle),
    )


def _rounded(rows: int, share: tuple[int, int]) -> int:
    """rows * share, rounded."""
    top, bottom = share
    return (2 * rows * top + bottom) // (2 * bottom)
