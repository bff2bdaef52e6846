"""What the engine asks of whoever runs the model: the protocol, nothing else.

A runner turns tokens into logits and keeps keys and values in numbered blocks.  It knows nothing of
requests, sampling or text, and it decides nothing: which block holds which tokens is the engine's
business (`block_pool.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One sequence's share of a step.

    Args:
        token_ids: the new tokens, at least one.
        start: how many tokens of this sequence are already in the KV cache.
        blocks: its block table; covers `start + len(token_ids)` tokens.  The engine's own list:
            read it during `run`, do not keep or change it.
        logits: of how many of the last positions the engine wants logits; 0 in the middle of a
            prompt.
    """

    token_ids: Sequence[int]
    start: int
    blocks: Sequence[int]
    logits: int


class Abandoned(Exception):
    """Nobody waits for this step any more; what it has written of the KV cache is worth nothing."""


class Runner(Protocol):
    """Runs chunks over a KV cache of `num_blocks` blocks of `block_size` tokens each.

    is_exact: whether a token's logits depend on its own sequence alone, to the last bit: not on
        the batch, on how the prompt was cut, or on the number of threads.
    """

    is_exact: bool
    vocab_size: int
    context: int
    block_size: int
    num_blocks: int
    abandoned: Callable[[], bool]
    """The engine's, asked before each layer: whether nobody waits for this step any more, as a step
    of a large prompt can take seconds.  Then `run` raises `Abandoned`."""

    def run(self, chunks: Sequence[Chunk]) -> Float32[np.ndarray, "N V"]:
        """Logits, one row per wanted position, in the order of the chunks: in the host's memory,
        whatever computed them.

        Tokens at `start` and beyond overwrite whatever the blocks held there (rejected
        speculation).  The rows are the engine's until the next call: it masks and penalises them
        in place.
        """

    def copy_block(self, source: int, target: int) -> None:
        """Copy the keys and values of every layer from one block to another."""


def tiles(chunks: Sequence[Chunk], limit: int) -> list[list[Chunk]]:
    """The same work in pieces of at most `limit` rows; long chunks are cut, in order."""
    done: list[list[Chunk]] = [[]]
    room = limit
    for chunk in chunks:
        offset, total = 0, len(chunk.token_ids)
        while offset < total:
            if room == 0:
                done.append([])
                room = limit
            count = min(room, total - offset)
            after = total - offset - count
            done[-1].append(
                Chunk(
                    token_ids=chunk.token_ids[offset : offset + count],
                    start=chunk.start + offset,
                    blocks=chunk.blocks,
                    logits=max(0, min(count, chunk.logits - after)),
                )
            )
            offset += count
            room -= count
    return done
