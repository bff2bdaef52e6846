"""The KV cache: one arena of token slots, cut into blocks, read without copying where it can be.

A block is `block_size` consecutive slots.  A sequence whose blocks lie one after the other in the
arena is a *run*: its keys and values are plain views, and attention reads them in place.  A table
of several runs (a shared prefix, an arena grown full) is gathered first: correct, and slower, so
the allocator prefers neighbours.  `Plan` works this out once per step, for all layers.

Attention is the only part of a step whose float sums could depend on what else is computed with
them, and an 8-bit model amplifies one ulp to a tenth of a logit.  So its shapes are chosen such
that a row's result is the same to the last bit however it is computed: see `padded_length` and
`PADDED_ROWS`.  That is what makes batched = single, cached = uncached and chunked = whole exact.

This file refuses to know who owns a block or why: that is `block_pool.py`.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from fireside.engine.runner import Chunk

# PyTorch's CPU kernel works through keys in blocks of 512 and sums a block of up to 256 in one go.
KEY_BLOCK, KEY_SUM, LANES = 512, 256, 16
# It takes queries in blocks of 32 (more when there are many); one or two left over in the last
# block would go through another matrix kernel, which rounds differently.
QUERY_BLOCK, PADDED_ROWS = 32, 3


def padded_length(length: int) -> int:
    """How many keys to read for `length` of them, the rest masked.

    Whole vectors, because the softmax treats a tail differently; and either at most 256 of the
    last 512 or all of them, because in between the matrix kernel splits its sum elsewhere.
    """
    padded = -(-length // LANES) * LANES
    return padded if padded % KEY_BLOCK <= KEY_SUM else -(-padded // KEY_BLOCK) * KEY_BLOCK


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

    @lru_cache(maxsize=64)  # noqa: B019 - an arena lives as long as its runner
    def views(self, first: int, step: int, count: int, length: int) -> KeyValues:
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


KeyValues = tuple[tuple[Tensor, ...], tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Sequences whose attention is one call: a long chunk alone, or many decoding sequences.

    rows: which rows of the step, in the call's order; a slice where they follow one another.
    places: where the call's answers to those rows are, if it computes others besides.
    queries: new tokens per sequence.
    lengths: tokens of each sequence of the call, new ones included; 0 for a gap between sequences.
    read: keys that are read, `padded_length` of the longest.
    views: where the keys are; None where they must be gathered from `slots` first.
    """

    rows: slice | Int64[Tensor, " n"]
    places: Int64[Tensor, " n"] | None
    queries: int
    lengths: tuple[int, ...]
    read: int
    views: KeyValues | None
    slots: Int64[Tensor, " T"] | None = None


class Plan:
    """What a step reads and writes of the arena, worked out once for all layers."""

    def __init__(self, arena: KVArena, chunks: Sequence[Chunk]) -> None:
        self._arena = arena
        self._device = arena.kv.device
        self._layers = arena.kv.unbind(0)
        self._masks: dict[tuple[int, int | None], Tensor] = {}
        self._groups: list[Group] = []
        slots: list[int] = []
        positions: list[int] = []
        decoding: list[tuple[int, int, int]] = []  # first slot, length, row
        for chunk in chunks:
            row, count = len(positions), len(chunk.token_ids)
            length = chunk.start + count
            runs = arena.runs(chunk.blocks, length)
            slots += _tail(runs, count)
            positions += range(chunk.start, length)
            if count == 1 and len(runs) == 1:
                decoding.append((runs[0][0], length, row))
            else:
                self._groups.append(self._alone(row, count, length, runs))
        self.rows = len(positions)
        self.positions: Int64[Tensor, " N"] = torch.tensor(positions, device=self._device)
        self._groups += self._together(sorted(decoding))
        self._written: tuple[Tensor, ...] | None = None
        if slots[-1] - slots[0] == self.rows - 1 and len(chunks) == 1:
            self._written = arena.kv[:, slots[0] : slots[0] + self.rows].unbind(0)
        else:
            self._slots = torch.tensor(slots, device=self._device)

    def write(self, layer: int, kv: Float[Tensor, "N 2 K hd"]) -> None:
        """Store the new tokens' keys and values."""
        if self._written is not None:
            self._written[layer].copy_(kv)
        else:
            self._layers[layer].index_copy_(0, self._slots, kv)

    def attend(
        self, layer: int, q: Float[Tensor, "N K G hd"], scale: float, window: int | None = None
    ) -> Float[Tensor, "N K G hd"]:
        """Causal attention of every row over its own sequence, or over its last `window` tokens."""
        if len(self._groups) == 1 and isinstance(self._groups[0].rows, slice):
            return self._answer(layer, self._groups[0], q, scale, window)
        out = torch.empty_like(q)
        for group in self._groups:
            out[group.rows] = self._answer(layer, group, q[group.rows], scale, window)
        return out

    def _answer(
        self, layer: int, group: Group, q: Tensor, scale: float, window: int | None
    ) -> Float[Tensor, "n K G hd"]:
        keys, values = self._read(layer, group)
        if group.queries > 1:
            # [n, K, G, hd] -> [1, H, n, hd]
            rows = q.flatten(1, 2).transpose(0, 1).unsqueeze(0)
            if window is None and group.queries == group.read:  # nothing before, nothing padded
                out = scaled_dot_product_attention(
                    rows, keys, values, is_causal=True, scale=scale, enable_gqa=True
                )
                return out[0].transpose(0, 1).reshape(q.shape)
            padded = _pad(rows, self._mask(group, window, q.dtype))
            out = scaled_dot_product_attention(
                padded[0], keys, values, attn_mask=padded[1], scale=scale, enable_gqa=True
            )
            return out[0, :, : q.shape[0]].transpose(0, 1).reshape(q.shape)
        # One token per sequence: the query heads of a key head stand in as its tokens.
        if group.places is not None:
            spread = q.new_zeros(len(group.lengths), *q.shape[1:])
            spread[group.places] = q
            q = spread
        queries = q if q.shape[2] >= PADDED_ROWS else q.repeat(1, 1, PADDED_ROWS, 1)
        mask = self._mask(group, window, q.dtype)
        out = scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=scale)
        out = out[:, :, : q.shape[2]]
        return out if group.places is None else out[group.places]

    def _read(self, layer: int, group: Group) -> tuple[Tensor, Tensor]:
        if group.views is not None:
            return group.views[0][layer], group.views[1][layer]
        assert group.slots is not None
        both = self._layers[layer].index_select(0, group.slots).permute(1, 2, 0, 3).unsqueeze(1)
        return both[0], both[1]

    def _mask(self, group: Group, window: int | None, dtype: torch.dtype) -> Tensor:
        """0 where a query sees a key, -inf elsewhere; made once per step."""
        key = (id(group), window)
        if key not in self._masks:
            lengths = torch.tensor(group.lengths, device=self._device)
            newest = (
                lengths[:, None] - group.queries + torch.arange(group.queries, device=self._device)
            )  # [S, n]: the position of each query
            places = torch.arange(group.read, device=self._device)
            hidden = places > newest[..., None]
            if window is not None:
                hidden |= places <= newest[..., None] - window
            mask = torch.zeros(hidden.shape, dtype=dtype, device=self._device)
            self._masks[key] = mask.masked_fill_(hidden, float("-inf")).unsqueeze(1)
        return self._masks[key]  # [S, 1, n, T]

    def _alone(self, row: int, count: int, length: int, runs: list[tuple[int, int]]) -> Group:
        read = padded_length(length)
        views, slots = None, None
        if len(runs) == 1:
            views = self._arena.views(runs[0][0], 0, 1, read)
        else:
            whole = [slot for first, size in runs for slot in range(first, first + size)]
            slots = torch.tensor(whole + [self._arena.slots] * (read - length), device=self._device)
        return Group(
            rows=slice(row, row + count),
            places=None,
            queries=count,
            lengths=(length,),
            read=read,
            views=views,
            slots=slots,
        )

    def _together(self, decoding: list[tuple[int, int, int]]) -> list[Group]:
        """Decoding sequences as one call, if they stand evenly spaced and none is much longer."""
        if len(decoding) > 2:
            firsts = [first for first, _, _ in decoding]
            step = min(after - before for before, after in pairwise(firsts))
            even = all((first - firsts[0]) % step == 0 for first in firsts)
            count = (firsts[-1] - firsts[0]) // step + 1
            read = padded_length(max(length for _, length, _ in decoding))
            needed = sum(padded_length(length) for _, length, _ in decoding)
            inside = firsts[-1] + read <= self._arena.kv.shape[1]
            if even and inside and count * read <= 2 * needed:
                return [self._spread(decoding, step, count, read)]
        return [self._alone(row, 1, length, [(first, length)]) for first, length, row in decoding]

    def _spread(
        self, decoding: list[tuple[int, int, int]], step: int, count: int, read: int
    ) -> Group:
        start = decoding[0][0]
        lengths = [1] * count  # a gap sees one key: a softmax over nothing is NaN
        places = [(first - start) // step for first, _, _ in decoding]
        for place, (_, length, _) in zip(places, decoding, strict=True):
            lengths[place] = length
        rows = [row for _, _, row in decoding]
        in_order = rows == list(range(self.rows))
        return Group(
            rows=slice(0, self.rows) if in_order else torch.tensor(rows, device=self._device),
            places=torch.tensor(places, device=self._device) if count > len(rows) else None,
            queries=1,
            lengths=tuple(lengths),
            read=read,
            views=self._arena.views(start, step, count, read),
        )


def _pad(rows: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Repeat the last query where one or two would be left over; see `QUERY_BLOCK`."""
    count = rows.shape[2]
    if 0 < count % QUERY_BLOCK < PADDED_ROWS:
        more = PADDED_ROWS - count % QUERY_BLOCK
        rows = torch.cat([rows, rows[:, :, -1:].expand(-1, -1, more, -1)], 2)
        mask = torch.cat([mask, mask[:, :, -1:].expand(-1, -1, more, -1)], 2)
    return rows, mask


def _tail(runs: list[tuple[int, int]], count: int) -> list[int]:
    """The slots of the last `count` tokens of these runs."""
    slots: list[int] = []
    for first, length in reversed(runs):
        take = min(length, count - len(slots))
        slots = list(range(first + length - take, first + length)) + slots
        if len(slots) == count:
            break
    return slots
