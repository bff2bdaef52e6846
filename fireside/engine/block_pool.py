"""Which block of the KV cache holds what: allocation, sharing, reuse, eviction.

Blocks are counted by reference.  A full block is entered into the prefix index under a hash of
everything before and in it, so that a later sequence with the same beginning (and the same
`cache_salt`) takes it over instead of computing it again.  When nobody refers to an indexed block
it stays, until its room is needed: least recently used first, and a conversation's tail before its
head.

Unlike other paged caches this one strives for *contiguous* blocks per sequence, because a CPU
runner reads a contiguous run as one view without copying: a sequence grows into the next physical
block where it can, and a new one is placed so that its neighbour can grow too.

It does not know the runner, and never moves data.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice, pairwise

import numpy as np

KEY_BYTES = 16
"""128 bits, keyed per process: nobody can look for two prefixes with the same hash."""

ROOM = 8
"""Blocks that a new run should find free behind what it needs at once, in a pool of any size."""
EVICTION_ROUNDS = 4
"""More would throw away much to gain a piece that is whole; fewer leave sequences in crumbs."""


class BlockPool:
    """`num_blocks` blocks of `block_size` tokens; no sequence uses more than `most` of them."""

    def __init__(self, num_blocks: int, block_size: int, most: int | None = None) -> None:
        self.num_blocks = num_blocks
        self.block_size = block_size
        self._most = num_blocks if most is None else most
        self._references = [0] * num_blocks
        self._taken = bytearray(num_blocks)  # 1: referred to or indexed; 0: free and worthless
        self._key: list[bytes | None] = [None] * num_blocks
        self._index: dict[bytes, int] = {}
        self._idle: OrderedDict[int, int] = OrderedDict()  # indexed, unreferred: block -> age
        self._clock = 0
        self._used = 0
        self._secret = os.urandom(32)

    # What is where

    @property
    def used(self) -> int:
        """Blocks that some sequence refers to."""
        return self._used

    @property
    def available(self) -> int:
        """Blocks that can be allocated now, by eviction if need be."""
        return self.num_blocks - self._used

    @property
    def cached(self) -> int:
        """Blocks that nobody refers to, kept for their content."""
        return len(self._idle)

    def blocks_for(self, tokens: int) -> int:
        return -(-tokens // self.block_size)

    # The prefix index

    def root(self, salt: str) -> bytes:
        """The parent key of a sequence's first block: apart for each salt."""
        return hashlib.blake2b(salt.encode(), key=self._secret, digest_size=KEY_BYTES).digest()

    def key_of(self, parent: bytes, token_ids: Sequence[int]) -> bytes:
        """The key of a full block: its tokens and, through `parent`, all before them."""
        tokens = array("q", token_ids).tobytes()
        return hashlib.blake2b(parent + tokens, key=self._secret, digest_size=KEY_BYTES).digest()

    def lookup(self, key: bytes) -> int | None:
        """The block that holds this prefix, if any.  Take it with `share` before anything else."""
        return self._index.get(key)

    def share(self, block: int) -> None:
        """One more sequence refers to this block."""
        if self._references[block] == 0:
            self._idle.pop(block, None)
            self._used += 1
        self._references[block] += 1

    def register(self, block: int, key: bytes) -> None:
        """This block, full and computed, holds the prefix of `key`.

        A second copy of a known prefix stays unindexed: it will be free at once when released.
        """
        if key not in self._index and self._key[block] is None:
            self._index[key] = block
            self._key[block] = key

    # Allocation

    def allocate(self, count: int, *, after: int | None) -> list[int] | None:
        """`count` blocks, referred to once, contiguous as far as possible; None if there are
        too few, and then nothing has changed.

        `after` is the sequence's last block, to grow behind; None for a new sequence.
        """
        if count > self.available:
            return None
        blocks: list[int] = []
        last = after
        while len(blocks) < count:
            if last is not None and self._may_take(last + 1):
                block = last + 1
            else:
                block = self._place(count - len(blocks), follows=last)
            self._take(block)
            blocks.append(block)
            last = block
        return blocks

    def has_room_behind(self, blocks: Sequence[int]) -> bool:
        """Whether these lie together and a sequence could grow behind them."""
        together = all(after == before + 1 for before, after in pairwise(blocks))
        return together and self._may_take(blocks[-1] + 1)

    def release(self, blocks: Sequence[int]) -> None:
        """A sequence lets go of its table.  Tail first, so that tails are evicted before heads."""
        for block in reversed(blocks):
            self._references[block] -= 1
            if self._references[block] == 0:
                self._used -= 1
                if self._key[block] is None:
                    self._taken[block] = 0
                else:
                    self._clock += 1
                    self._idle[block] = self._clock

    def _may_take(self, block: int) -> bool:
        """May a sequence grow into this block?  Yes if it is free, or cached and no younger than
        the middle of what is: it would be evicted soon anyway, and a jump costs more."""
        if block >= self.num_blocks or self._references[block]:
            return False
        if not self._taken[block]:
            return True
        oldest = next(iter(self._idle.values()))
        return self._idle[block] <= (oldest + self._clock) // 2

    def _take(self, block: int) -> None:
        if block in self._idle:
            self._evict(block)
        self._taken[block] = 1
        self._references[block] = 1
        self._used += 1

    def _evict(self, block: int) -> None:
        del self._idle[block]
        key = self._key[block]
        assert key is not None
        del self._index[key]
        self._key[block] = None
        self._taken[block] = 0

    def _place(self, count: int, follows: int | None) -> int:
        """Where a new run starts: in the largest gap, made large enough by evicting the oldest.

        What was used together lies together, so a few evictions usually open one piece.
        """
        wanted = count + min(ROOM, self.num_blocks // 32)
        start, length = self._largest_gap()
        for _ in range(EVICTION_ROUNDS):
            if length >= wanted:
                break
            for block in list(islice(self._idle, wanted - length)):
                self._evict(block)
            start, length = self._largest_gap()
        if start == 0 or start - 1 == follows:
            return start
        # The block before the gap is somebody's last: leave him room, but no more than a sequence
        # could ever use.  Round numbers halve the gaps again and again, so that sequences stand
        # evenly spaced: the runner attends to such a batch in one call.
        return _roundest(start, start + min(max(length - wanted, 0), self._most))

    def _largest_gap(self) -> tuple[int, int]:
        """(start, length) of the longest run of free blocks; (0, 0) if there is none."""
        padded = np.empty(self.num_blocks + 2, dtype=np.int8)
        padded[0] = padded[-1] = 1
        padded[1:-1] = np.frombuffer(self._taken, dtype=np.int8)
        edges = np.flatnonzero(np.diff(padded))
        if not len(edges):
            return 0, 0
        starts, ends = edges[0::2], edges[1::2]
        best = int((ends - starts).argmax())
        return int(starts[best]), int(ends[best] - starts[best])


def _roundest(low: int, high: int) -> int:
    """The number from `low` to `high` that is divisible by the highest power of two."""
    if low == 0 or low == high:
        return low
    bit = ((low - 1) ^ high).bit_length() - 1
    return high >> bit << bit
