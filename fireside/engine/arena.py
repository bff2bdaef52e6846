"""The memory of the KV cache: one arena of token slots, cut into blocks.

A block is `block_size` consecutive slots.  A sequence whose blocks lie one after the other is a
*run*: its keys and values are plain views, and attention reads them in place.  A table of several
runs (a shared prefix, an arena grown full) must be gathered first: correct, and slower, so the
allocator prefers neighbours.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

# Keys that attention may read, masked, beyond a sequence's end: the block size of its kernel.
KEY_BLOCK = 512

KeyValues = tuple[tuple[Tensor, ...], tuple[Tensor, ...]]


class KVArena:
    """Keys and values of every layer, `[L, slots, 2, K, hd]`; block b holds slots b*size onwards.

    The memory is reserved, not touched: pages become resident when tokens are written.  Behind the
    last block lie `KEY_BLOCK` slots that are read (masked) but never written; all start as zeros,
    because a masked NaN would still be a NaN.
    """

    def __init__(
        self,
        *,
        num_layers: int,
        num_blocks: int,
        block_size: int,
        num_kv_heads: int,
        head_dim: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.block_size = block_size
        self.num_blocks = num_blocks
        self.slots = num_blocks * block_size
        self.views = lru_cache(maxsize=64)(self._views)
        shape = (num_layers, self.slots + KEY_BLOCK, 2, num_kv_heads, head_dim)
        self.kv = _untouched_zeros(shape, dtype, torch.device(device))

    def copy_block(self, source: int, target: int) -> None:
        size = self.block_size
        self.kv[:, target * size : (target + 1) * size] = self.kv[
            :, source * size : (source + 1) * size
        ]

    def runs(self, blocks: Sequence[int], length: int) -> list[tuple[int, int]]:
        """The slots of the first `length` tokens as (first slot, count), neighbours merged."""
        size = self.block_size
        found: list[tuple[int, int]] = []
        for block in blocks[: -(-length // size)]:
            count = min(size, length)
            length -= count
            if found and found[-1][0] + found[-1][1] == block * size:
                found[-1] = (found[-1][0], found[-1][1] + count)
            else:
                found.append((block * size, count))
        return found

    def _views(self, first: int, step: int, count: int, length: int) -> KeyValues:
        """Per layer, `[count, K, T, hd]`: the keys and values of sequences `step` slots apart."""
        layers, _, _, heads, dim = self.kv.shape
        size = (layers, count, heads, length, dim)
        by_layer, by_slot, by_kind, by_head, by_dim = self.kv.stride()
        stride = (by_layer, step * by_slot, by_head, by_slot, by_dim)
        start = first * by_slot
        return (
            self.kv.as_strided(size, stride, start).unbind(0),
            self.kv.as_strided(size, stride, start + by_kind).unbind(0),
        )


def _untouched_zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros that cost no memory before they are written.

    `torch.zeros` writes them all, and the kernel's huge pages would make 2 MiB of every touched
    slot: the arena goes layer by layer, so one token would cost 60 MiB.
    """
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    memory = mmap.mmap(-1, math.prod(shape) * dtype.itemsize)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return torch.frombuffer(memory, dtype=dtype).view(shape)
