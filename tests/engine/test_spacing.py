"""Evenly spaced groups: every place once, and truly even."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.engine.spacing import evenly_spaced


@given(st.sets(st.integers(0, 200), max_size=24))
def test_a_partition_into_even_groups(places: set[int]) -> None:
    ascending = tuple(sorted(places))
    groups = evenly_spaced(ascending)
    assert sorted(index for group in groups for index in group) == list(range(len(ascending)))
    for group in groups:
        gaps = {after - before for before, after in pairwise([ascending[i] for i in group])}
        assert len(gaps) <= 1
        assert all(gap > 0 for gap in gaps)


@pytest.mark.parametrize(
    ("places", "sizes"),
    [
        ((), []),
        ((7,), [1]),
        ((7, 100), [2]),
        (tuple(range(0, 160, 10)), [16]),
        ((0, 10, 20, 30, 35, 40, 50), [6, 1]),
        ((0, 10, 20, 30, 31, 33, 35, 37, 39), [5, 4]),
    ],
)
def test_the_longest_first(places: tuple[int, ...], sizes: list[int]) -> None:
    assert [len(group) for group in evenly_spaced(places)] == sizes
