"""Tries on this machine which shapes of attention keep the order of every sum.

The check computes one sequence of random numbers whole, then again in pieces, one token at a time
and beside other sequences, with another number of threads, and compares the bits.  It takes 40 ms
of one core, once for each layout of heads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from fireside.engine.arena import KVArena
from fireside.engine.attention_shapes import CANDIDATES, AttentionShapes
from fireside.engine.paged import Plan
from fireside.engine.rotation import Blocks
from fireside.engine.runner import Chunk
from fireside.model.config import ModelConfig

BLOCK_SIZE = 32
LENGTH = 608  # beyond the first `KEY_BLOCK`
TILE = 256
# (start, tokens): sizes and places at which kernels were seen to change (docs/log.md), and single
# tokens at both sides of each border and in between.
PIECES = (
    *((start, 1) for start in (0, 1, 40, 63, 64, 100, 127, 128, 170, 191, 192, 230)),
    *((start, 1) for start in (255, 256, 300, 400, 511, 512, 560, 607)),
    *((0, 2), (190, 2), (60, 5), (510, 5), (250, 17), (99, 33), (0, 35), (330, 64)),
    *((50, 100), (300, 129), (100, 200), (0, 256)),
)
# Sequences that stand evenly spaced, one token each: their lengths.
COMPANY = (40, 120, 90)


@dataclass(frozen=True, slots=True)
class CheckedShapes:
    """Shapes, and whether a token's result with them depends on nothing but its sequence."""

    shapes: AttentionShapes
    keeps_order: bool


def choose_shapes(
    config: ModelConfig, threads: int, candidates: tuple[AttentionShapes, ...] = CANDIDATES
) -> CheckedShapes:
    """The first candidate that keeps every sum's order on this machine, or the last one."""
    group = config.num_heads // config.num_kv_heads
    # Heads are independent of each other: two key heads show what many would.
    layout = (min(config.num_kv_heads, 2), group, config.head_dim, config.mlp_width)
    return _choose(layout, threads, candidates)


@lru_cache(maxsize=32)
def _choose(
    layout: tuple[int, int, int, int], threads: int, candidates: tuple[AttentionShapes, ...]
) -> CheckedShapes:
    kv_heads, group, head_dim, mlp_width = layout
    attention = _Attention(kv_heads, group, head_dim, threads)
    for shapes in candidates:
        if attention.keeps_order(shapes) and _rotation_keeps_order(shapes, mlp_width, threads):
            return CheckedShapes(shapes, True)
    return CheckedShapes(candidates[-1], False)


class _Attention:
    def __init__(self, kv_heads: int, group: int, head_dim: int, threads: int) -> None:
        random = torch.Generator().manual_seed(0)
        self.threads = threads
        self.blocks = LENGTH // BLOCK_SIZE
        self.arena = KVArena(
            num_layers=1,
            num_blocks=(1 + len(COMPANY)) * self.blocks,
            block_size=BLOCK_SIZE,
            num_kv_heads=kv_heads,
            head_dim=head_dim,
        )
        self.queries = torch.randn(LENGTH, kv_heads, group, head_dim, generator=random)
        keys_and_values = torch.randn(LENGTH, 2, kv_heads, head_dim, generator=random)
        for copy in range(1 + len(COMPANY)):
            self.arena.kv[0, copy * LENGTH :][:LENGTH] = keys_and_values

    def keeps_order(self, shapes: AttentionShapes) -> bool:
        with _threads(self.threads):
            whole = torch.cat(
                [
                    self._attend(shapes, [self._chunk(start, min(TILE, LENGTH - start))])
                    for start in range(0, LENGTH, TILE)
                ]
            )
        with _threads(1):
            for start, count in PIECES:
                piece = self._attend(shapes, [self._chunk(start, count)])
                if not torch.equal(piece, whole[start : start + count]):
                    return False
            together = self._attend(
                shapes,
                [self._chunk(length - 1, 1, copy + 1) for copy, length in enumerate(COMPANY)],
            )
            rows = [length - 1 for length in COMPANY]
            return torch.equal(together, whole[rows])

    def _chunk(self, start: int, count: int, copy: int = 0) -> Chunk:
        blocks = range(copy * self.blocks, (copy + 1) * self.blocks)
        return Chunk(token_ids=[0] * count, start=start, blocks=list(blocks), logits=0)

    def _attend(self, shapes: AttentionShapes, chunks: Sequence[Chunk]) -> Float[Tensor, "N ..."]:
        plan = Plan(self.arena, chunks, shapes)
        return plan.attend(0, self.queries[plan.positions], self.queries.shape[-1] ** -0.5)


def _rotation_keeps_order(shapes: AttentionShapes, mlp_width: int, threads: int) -> bool:
    """The same for the rotation inside the MLP, which is computed for all rows of a step."""
    rotation = Blocks.of(mlp_width)
    x = torch.randn(40, mlp_width, generator=torch.Generator().manual_seed(0))
    with _threads(threads):
        whole = rotation.mix(x)
    with _threads(1):
        for count in (1, 2, 3, 5, 8, 9, 17, 33):
            padded = x.new_zeros(max(count, shapes.least_rows), mlp_width)
            padded[:count] = x[:count]
            if not torch.equal(rotation.mix(padded)[:count], whole[:count]):
                return False
    return True


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with so many threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
