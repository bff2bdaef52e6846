"""Feed sequences to a runner in any pieces, any company and any blocks; all logits come back."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fireside.engine.runner import Chunk, Runner


@dataclass
class Fed:
    """A sequence on its way through a runner: what is left of it, and its logits so far.

    cuts: the sizes of its chunks; what they do not cover follows one token at a time.
    """

    ids: Sequence[int]
    blocks: Sequence[int]
    cuts: Sequence[int] = ()
    done: int = 0
    steps: int = 0
    logits: list[Tensor] = field(default_factory=list)

    def chunk(self) -> Chunk:
        count = self.cuts[self.steps] if self.steps < len(self.cuts) else 1
        ids = self.ids[self.done : self.done + count]
        self.steps += 1
        return Chunk(token_ids=ids, start=self.done, blocks=self.blocks, logits=len(ids))

    @property
    def over(self) -> bool:
        return self.done == len(self.ids)


def feed(
    runner: Runner,
    ids: Sequence[int],
    cuts: Sequence[int] = (),
    blocks: Sequence[int] | None = None,
) -> Tensor:
    """Logits `[T, V]` of one sequence by itself; without blocks, from the arena's beginning."""
    fed = Fed(ids, table(runner, len(ids)) if blocks is None else blocks, cuts)
    return feed_together(runner, [fed])[0]


def feed_together(
    runner: Runner, sequences: Sequence[Fed], rng: random.Random | None = None
) -> list[Tensor]:
    """Logits of each; every step takes those that are not over, with `rng` some of them in any
    order."""
    while going := [fed for fed in sequences if not fed.over]:
        if rng is not None:
            going = rng.sample(going, rng.randint(1, len(going)))
        chunks = [fed.chunk() for fed in going]
        logits = torch.from_numpy(runner.run(chunks)).clone()
        for fed, chunk, part in zip(
            going, chunks, logits.split([len(chunk.token_ids) for chunk in chunks]), strict=True
        ):
            fed.logits.append(part)
            fed.done += len(chunk.token_ids)
    return [torch.cat(fed.logits) for fed in sequences]


def table(runner: Runner, length: int, first: int = 0) -> list[int]:
    """Blocks that follow one another."""
    return list(range(first, first + -(-length // runner.block_size)))


def tables(
    runner: Runner, lengths: Iterable[int], rng: random.Random, pieces: int = 1
) -> list[list[int]]:
    """Block tables for several sequences: apart from one another, shuffled in runs of `pieces`."""
    blocks = list(range(runner.num_blocks))
    runs = [blocks[at : at + pieces] for at in range(0, len(blocks), pieces)]
    rng.shuffle(runs)
    free = [block for run in runs for block in run]
    given = []
    for length in lengths:
        count = -(-length // runner.block_size)
        given.append(free[:count])
        del free[:count]
    return given
