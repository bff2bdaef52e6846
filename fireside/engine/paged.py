"""Attention over the KV cache: a plan per step, and shapes that round alike.

`Plan` works out once per step, for all layers, where every sequence's keys and values are (`arena`)
and which sequences can be answered in one call (`spacing`).

Attention is the only part of a step whose float sums could depend on what else is computed with
them, and an 8-bit model amplifies one ulp to a tenth of a logit.  So its shapes are chosen such
that a row's result is the same to the last bit however it is computed: `attention_shapes.py`.  That
is what makes batched = single, cached = uncached and chunked = whole exact.

This file refuses to know who owns a block or why: that is `block_pool.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from fireside.engine.arena import KeyValues, KVArena
from fireside.engine.attention_shapes import FASTEST, AttentionShapes
from fireside.engine.runner import Chunk
from fireside.engine.spacing import evenly_spaced


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Sequences whose attention is one call: a chunk of several tokens alone, or decoding ones.

    rows: which rows of the plan.
    queries: new tokens per sequence.
    lengths: tokens of each sequence, new ones included.
    read: keys that are read, `AttentionShapes.count_keys` of the longest.
    views: where the keys are; None where they must be gathered from `slots` first.
    """

    rows: slice
    queries: int
    lengths: tuple[int, ...]
    read: int
    views: KeyValues | None
    slots: Int64[Tensor, " T"] | None = None


class Plan:
    """What a step reads and writes of the arena, worked out once for all layers.

    It puts the chunks into an order of its own, `chunks`, in which every group's rows follow one
    another; `wanted` are the rows with logits, in the order of the caller's chunks.
    """

    def __init__(
        self, arena: KVArena, chunks: Sequence[Chunk], shapes: AttentionShapes = FASTEST
    ) -> None:
        self._shapes = shapes
        self._arena = arena
        self._device = arena.kv.device
        self._layers = arena.kv.unbind(0)
        self._masks: dict[tuple[int, int | None], Tensor] = {}
        self._groups: list[Group] = []
        runs = [arena.runs(c.blocks, c.start + len(c.token_ids)) for c in chunks]
        together = _together(chunks, runs, arena.kv.shape[1], shapes)
        self.chunks = [chunks[index] for group in together for index in group]
        wanted: dict[int, range] = {}
        slots: list[int] = []
        positions: list[int] = []
        for group in together:
            row = len(positions)
            for index in group:
                chunk = chunks[index]
                length = chunk.start + len(chunk.token_ids)
                slots += _tail(runs[index], len(chunk.token_ids))
                positions += range(chunk.start, length)
                wanted[index] = range(len(positions) - chunk.logits, len(positions))
            self._groups.append(
                self._group(
                    slice(row, len(positions)),
                    [chunks[index] for index in group],
                    [runs[index] for index in group],
                )
            )
        self.rows = len(positions)
        self.wanted = [row for index in range(len(chunks)) for row in wanted[index]]
        self.positions: Int64[Tensor, " N"] = torch.tensor(positions, device=self._device)
        self._written: tuple[Tensor, ...] | None = None
        if slots == list(range(slots[0], slots[0] + self.rows)):
            self._written = arena.kv[:, slots[0] : slots[0] + self.rows].unbind(0)
        else:
            self._slots = torch.tensor(slots, device=self._device)

    def _group(self, rows: slice, chunks: list[Chunk], runs: list[list[tuple[int, int]]]) -> Group:
        lengths = tuple(c.start + len(c.token_ids) for c in chunks)
        read = self._shapes.count_keys(max(lengths))
        firsts = [pieces[0][0] for pieces in runs]
        views, slots = None, None
        if len(runs[0]) == 1:
            step = firsts[1] - firsts[0] if len(firsts) > 1 else 0
            views = self._arena.views(firsts[0], step, len(firsts), read)
        else:
            whole = [slot for first, size in runs[0] for slot in range(first, first + size)]
            padding = [self._arena.slots] * (read - len(whole))
            slots = torch.tensor(whole + padding, device=self._device)
        return Group(
            rows=rows,
            queries=len(chunks[0].token_ids),
            lengths=lengths,
            read=read,
            views=views,
            slots=slots,
        )

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
        answers = [
            self._answer(layer, group, q[group.rows], scale, window) for group in self._groups
        ]
        return answers[0] if len(answers) == 1 else torch.cat(answers)

    def _answer(
        self, layer: int, group: Group, q: Tensor, scale: float, window: int | None
    ) -> Float[Tensor, "n K G hd"]:
        keys, values = self._read(layer, group)
        if group.queries > 1:
            return self._answer_chunk(group, q, keys, values, scale, window)
        # One token per sequence: the query heads of a key head stand in as its tokens.
        mask = self._mask(group, window, q.dtype)
        out = scaled_dot_product_attention(
            self._shapes.pad_queries(q), keys, values, attn_mask=mask, scale=scale
        )
        return out[:, :, : q.shape[2]]

    def _answer_chunk(
        self,
        group: Group,
        q: Float[Tensor, "n K G hd"],
        keys: Float[Tensor, "1 K T hd"],
        values: Float[Tensor, "1 K T hd"],
        scale: float,
        window: int | None,
    ) -> Float[Tensor, "n K G hd"]:
        """Several tokens of one sequence."""
        grouped = not self._shapes.expands_heads
        if grouped:
            rows = q.flatten(1, 2).transpose(0, 1).unsqueeze(0)  # [1, H, n, hd]
        else:
            # Key heads stand in for the batch, so that a view repeats each for its query heads.
            rows = q.permute(1, 2, 0, 3)  # [K, G, n, hd]
            keys, values = (
                heads.transpose(0, 1).expand(-1, q.shape[2], -1, -1) for heads in (keys, values)
            )
        if grouped and window is None and group.queries == group.read:  # nothing padded
            out = scaled_dot_product_attention(
                rows, keys, values, is_causal=True, scale=scale, enable_gqa=True
            )
            return out[0].transpose(0, 1).reshape(q.shape)
        queries = self._shapes.pad_queries(rows)
        mask = self._mask(group, window, q.dtype, queries.shape[2])
        out = scaled_dot_product_attention(
            queries, keys, values, attn_mask=mask, scale=scale, enable_gqa=grouped
        )[:, :, : q.shape[0]]
        if grouped:
            return out[0].transpose(0, 1).reshape(q.shape)
        return out.permute(2, 0, 1, 3)

    def _read(self, layer: int, group: Group) -> tuple[Tensor, Tensor]:
        if group.views is not None:
            return group.views[0][layer], group.views[1][layer]
        assert group.slots is not None
        both = self._layers[layer].index_select(0, group.slots).permute(1, 2, 0, 3).unsqueeze(1)
        return both[0], both[1]

    def _mask(self, group: Group, window: int | None, dtype: torch.dtype, rows: int = 1) -> Tensor:
        """0 where a query sees a key, -inf elsewhere; made once per step.

        `rows`: queries with the padding, which sees what the last one sees.
        """
        key = (id(group), window)
        if key not in self._masks:
            lengths = torch.tensor(group.lengths, device=self._device)
            rank = torch.arange(rows, device=self._device).clamp_max_(group.queries - 1)
            newest = lengths[:, None] - group.queries + rank  # [S, n]: the position of each query
            places = torch.arange(group.read, device=self._device)
            hidden = places > newest[..., None]
            if window is not None:
                hidden |= places <= newest[..., None] - window
            mask = torch.zeros(hidden.shape, dtype=dtype, device=self._device)
            self._masks[key] = mask.masked_fill_(hidden, float("-inf")).unsqueeze(1)
        return self._masks[key]  # [S, 1, n, T]


def _together(
    chunks: Sequence[Chunk],
    runs: Sequence[list[tuple[int, int]]],
    readable: int,
    shapes: AttentionShapes,
) -> list[tuple[int, ...]]:
    """Which chunks (by index) attend in one call: decoding sequences of like length, in one run
    each, that stand evenly spaced in the arena.  Every other chunk is alone."""
    alone: list[tuple[int, ...]] = []
    alike: dict[int, list[int]] = {}
    for index, chunk in enumerate(chunks):
        if len(chunk.token_ids) == 1 and len(runs[index]) == 1:
            alike.setdefault(shapes.count_keys(chunk.start + 1).bit_length(), []).append(index)
        else:
            alone.append((index,))
    for members in alike.values():
        by_place = sorted(members, key=lambda index: runs[index][0][0])
        firsts = tuple(runs[index][0][0] for index in by_place)
        for group in evenly_spaced(firsts):
            together = tuple(by_place[place] for place in group)
            read = shapes.count_keys(max(chunks[index].start + 1 for index in together))
            # A shorter one near the arena's end cannot be read as far as the longest.
            inside = firsts[group[-1]] + read <= readable
            alone += [together] if inside else [(index,) for index in together]
    return alone


def _tail(runs: list[tuple[int, int]], count: int) -> list[int]:
    """The slots of the last `count` tokens of these runs."""
    slots: list[int] = []
    for first, length in reversed(runs):
        take = min(length, count - len(slots))
        slots = list(range(first + length - take, first + length)) + slots
        if len(slots) == count:
            break
    return slots
