"""Attention over the arena equals attention over a plain rectangle, for any plan."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

from fireside.engine.arena import KEY_BLOCK, KVArena
from fireside.engine.attention_shapes import CANDIDATES, AttentionShapes
from fireside.engine.paged import Plan
from fireside.engine.runner import Chunk

HEADS, GROUP, DIM, SIZE = 2, 3, 16, 8


@pytest.mark.parametrize("shapes", CANDIDATES)
@pytest.mark.parametrize(
    "length", [*range(1, 70), 255, 256, 257, 511, 512, 513, 767, 768, 769, 2000]
)
def test_the_keys_that_are_read_hold_all_and_stay_inside(
    length: int, shapes: AttentionShapes
) -> None:
    count = shapes.count_keys(length)
    assert length <= count < length + KEY_BLOCK
    assert count % 16 == 0


def plain(q: Tensor, keys: Tensor, values: Tensor, start: int, window: int | None) -> Tensor:
    """`[n, K, G, hd]` queries at `start` and on, over `[T, K, hd]` keys, by the definition."""
    positions = torch.arange(len(q)) + start
    distance = positions[:, None] - torch.arange(len(keys))[None]
    seen = (distance >= 0) & (distance < (window or len(keys) + 1))
    scores = torch.einsum("nkgd,tkd->nkgt", q.double(), keys.double()) * 0.3
    scores = scores.masked_fill(~seen[:, None, None], -torch.inf)
    return torch.einsum("nkgt,tkd->nkgd", scores.softmax(-1), values.double()).float()


@pytest.mark.parametrize("shapes", [CANDIDATES[0], CANDIDATES[1], CANDIDATES[-1]])
@pytest.mark.parametrize("window", [None, 1, 5, 300])
@pytest.mark.parametrize("seed", range(6))
def test_attention_over_any_plan(window: int | None, seed: int, shapes: AttentionShapes) -> None:
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    arena = KVArena(num_layers=2, num_blocks=300, block_size=SIZE, num_kv_heads=HEADS, head_dim=DIM)
    arena.kv.copy_(torch.randn(arena.kv.shape, generator=generator))
    blocks, chunks, past = list(range(300)), [], []
    if seed % 2:
        rng.shuffle(blocks)
    for _ in range(rng.randint(1, 9)):
        start, count = rng.choice([0, 3, 40, 260]), rng.choice([1, 1, 1, 2, 33])
        table = [blocks.pop(0) for _ in range(-(-(start + count) // SIZE))]
        chunks.append(Chunk(token_ids=[0] * count, start=start, blocks=table, logits=1))
        slots = torch.tensor([block * SIZE + i for block in table for i in range(SIZE)])
        past.append(slots[: start + count])
    plan = Plan(arena, chunks, shapes)
    assert sorted(map(id, plan.chunks)) == sorted(map(id, chunks))
    new = torch.randn(plan.rows, 2, HEADS, DIM, generator=generator)
    q = torch.randn(plan.rows, HEADS, GROUP, DIM, generator=generator)
    others = arena.kv[0].clone()
    plan.write(1, new)
    found = plan.attend(1, q, 0.3, window)
    assert torch.equal(arena.kv[0], others)  # the other layer
    row = 0
    for chunk in plan.chunks:
        slots, count = past[chunks.index(chunk)], len(chunk.token_ids)
        rows = slice(row, row + count)
        assert torch.equal(arena.kv[1, slots[chunk.start :]], new[rows])
        keys, values = arena.kv[1, slots].unbind(1)
        expected = plain(q[rows], keys, values, chunk.start, window)
        assert torch.allclose(found[rows], expected, atol=1e-5)
        assert plan.positions[rows].tolist() == list(range(chunk.start, chunk.start + count))
        row += count


def test_rows_with_logits_come_in_the_callers_order() -> None:
    arena = KVArena(num_layers=1, num_blocks=50, block_size=SIZE, num_kv_heads=1, head_dim=4)
    chunks = [
        Chunk(token_ids=[index] * count, start=0, blocks=[4 * index], logits=min(count, logits))
        for index, (count, logits) in enumerate([(1, 1), (3, 2), (1, 1), (2, 0), (1, 1), (4, 3)])
    ]
    plan = Plan(arena, chunks)
    own = [token for chunk in plan.chunks for token in chunk.token_ids]
    assert [own[row] for row in plan.wanted] == [0, 1, 1, 2, 4, 5, 5, 5]
