"""The arena: runs found, blocks copied, memory not touched before its time."""

from __future__ import annotations

from itertools import pairwise

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fireside.engine.arena import KEY_BLOCK, KVArena


def arena_of(num_blocks: int = 10, block_size: int = 4, **changes: int) -> KVArena:
    shape = {"num_layers": 2, "num_kv_heads": 2, "head_dim": 4} | changes
    return KVArena(num_blocks=num_blocks, block_size=block_size, **shape)


@pytest.mark.parametrize(
    ("blocks", "length", "runs"),
    [
        ([0], 3, [(0, 3)]),
        ([2, 3, 4], 12, [(8, 12)]),
        ([2, 3, 4], 9, [(8, 9)]),
        ([2, 3, 9], 8, [(8, 8)]),  # the table reaches further than the tokens
        ([2, 4, 5], 10, [(8, 4), (16, 6)]),
        ([5, 4, 3], 12, [(20, 4), (16, 4), (12, 4)]),
    ],
)
def test_runs(blocks: list[int], length: int, runs: list[tuple[int, int]]) -> None:
    assert arena_of().runs(blocks, length) == runs


@given(blocks=st.lists(st.integers(0, 9), min_size=1, unique=True), share=st.floats(0, 1))
def test_runs_hold_every_slot_in_order(blocks: list[int], share: float) -> None:
    length = max(1, int(share * 4 * len(blocks)))
    slots = [4 * block + offset for block in blocks for offset in range(4)]
    runs = arena_of().runs(blocks, length)
    assert [slot for first, count in runs for slot in range(first, first + count)] == slots[:length]
    assert all(first + count != after for (first, count), (after, _) in pairwise(runs))


def test_copy_block_copies_every_layer_and_nothing_else() -> None:
    arena = arena_of()
    arena.kv.copy_(torch.randn_like(arena.kv))
    before = arena.kv.clone()
    arena.copy_block(1, 7)
    assert torch.equal(arena.kv[:, 28:32], before[:, 4:8])
    assert torch.equal(arena.kv[:, :28], before[:, :28])
    assert torch.equal(arena.kv[:, 32:], before[:, 32:])


def test_views_are_the_arena_itself() -> None:
    arena = arena_of()
    arena.kv.copy_(torch.randn_like(arena.kv))
    keys, values = arena.views(4, 8, 3, 6)
    assert keys[0].shape == (3, 2, 6, 4)
    for sequence in range(3):
        slots = slice(4 + 8 * sequence, 10 + 8 * sequence)
        for layer in range(2):
            expected = arena.kv[layer, slots].permute(1, 2, 0, 3)
            assert torch.equal(keys[layer][sequence], expected[0])
            assert torch.equal(values[layer][sequence], expected[1])
    arena.kv[1, 4, 0, 0, 0] = 42.0
    assert keys[1][0, 0, 0, 0] == 42.0


def test_the_last_block_can_be_read_beyond() -> None:
    arena = arena_of()
    keys, _ = arena.views(36, 0, 1, KEY_BLOCK)
    assert keys[0].isfinite().all()


@pytest.mark.skipif(not psutil.LINUX, reason="how memory is committed differs")
def test_memory_is_reserved_not_touched() -> None:
    arena = arena_of(num_blocks=1 << 14, block_size=32, num_layers=8, num_kv_heads=4, head_dim=64)
    assert arena.kv.numel() * 4 > 8 << 30
    arena.kv[:, 100] = 1.0
    parts = psutil.Process().memory_maps(grouped=False)
    begins, ends = zip(*(part.addr.split("-") for part in parts), strict=True)
    at = arena.kv.data_ptr()
    own = [
        part.rss
        for part, begin, end in zip(parts, begins, ends, strict=True)
        if int(begin, 16) <= at < int(end, 16)
    ]
    assert len(own) == 1
    assert own[0] < 8 << 20
