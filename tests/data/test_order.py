"""Orders are permutations, mixtures keep their shares, and neither needs a memory."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.data.order import Mixture, permuted, place

from .laws import LAW

SIZES = st.one_of(st.integers(1, 50), st.integers(1000, 3000))
GOLDEN_8 = [2, 5, 7, 6, 4, 1, 0, 3]
GOLDEN_5000 = [4512, 4129, 1884, 3005, 835, 750]
KEYS = st.lists(st.integers(0, 2**63), max_size=3)
WEIGHTS = st.lists(st.floats(0.01, 10), min_size=1, max_size=9)


@LAW
@given(SIZES, KEYS)
def test_every_number_comes_once(size: int, key: list[int]) -> None:
    assert sorted(permuted(size, *key)) == list(range(size))


@LAW
@given(SIZES, KEYS, st.data())
def test_one_number_is_sent_where_it_is_sent_among_all(
    size: int, key: list[int], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, size - 1))
    assert place(number, size, *key) == permuted(size, *key)[number]


def test_keys_give_different_orders_that_are_no_orders_of_the_numbers() -> None:
    for size in (50, 3000):
        orders = {tuple(permuted(size, seed, epoch)) for seed in range(5) for epoch in range(5)}
        assert len(orders) == 25
    for size in (900, 10_000):
        there = permuted(size, 1)
        assert abs(np.corrcoef(there, np.arange(size))[0, 1]) < 0.1
        assert abs(np.corrcoef(there[1:], there[:-1])[0, 1]) < 0.1, "neighbours are parted"


def test_the_order_stays_the_same_in_every_version() -> None:
    # A run that resumes after an upgrade would otherwise see other rows.
    assert permuted(8, 42).tolist() == GOLDEN_8
    assert [place(number, 5000, 42, 1) for number in range(6)] == GOLDEN_5000


@LAW
@given(WEIGHTS, st.integers(1, 400))
def test_any_prefix_has_each_sources_share_within_rounding(weights: list[float], rows: int) -> None:
    shares = [weight / sum(weights) for weight in weights]
    mixture = Mixture.of(shares)
    counts: Counter[int] = Counter()
    for row in range(rows):
        source, inside = mixture.at(row)
        assert inside == counts[source], "a source's rows are counted one after another"
        counts[source] += 1
        for i, share in enumerate(shares):
            assert abs(counts[i] - share * (row + 1)) < 2.01


def test_a_mixture_starts_anywhere_at_once() -> None:
    mixture = Mixture.of([0.7, 0.2, 0.1])
    source, inside = mixture.at(10**12)
    assert inside == pytest.approx([0.7, 0.2, 0.1][source] * 10**12, abs=2)
