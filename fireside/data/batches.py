"""What a training step is fed with, and the promise of everything that feeds one.

The order is a pure function of (seed, step): resuming needs the number of the step and nothing
else, and asking twice, or out of order, gives the same.  Ranks split the rows of a step, so that
together they see exactly what one alone would.

Refuses to know what is done with a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from jaxtyping import Int

from fireside.errors import BadRequest

if TYPE_CHECKING:
    from torch import Tensor

IGNORE = -100
"""The target of a position where nothing is learned; PyTorch's own."""

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One micro-batch, rectangular.

    ids: what the model reads.
    targets: the next token; IGNORE where nothing is learned.
    documents: which document each token belongs to, 0, 1, 2 ... per row and -1 for padding; None
        where each row is one document without padding.
    positions: restart with each document; None together with `documents`.
    weight: the number of targets that are learned.
    """

    ids: Int[Tensor, "B T"]
    targets: Int[Tensor, "B T"]
    documents: Int[Tensor, "B T"] | None
    positions: Int[Tensor, "B T"] | None
    weight: float


class Batches(Protocol):
    """Micro-batches by step."""

    @property
    def steps_per_epoch(self) -> int: ...

    def rows(self, step: int, rank: int = 0, ranks: int = 1) -> list[Batch]:
        """The micro-batches of one step, or of one rank's share of it."""
        ...

    def once(self) -> Iterator[Batch]:
        """Everything exactly once, in the stored order: for validation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a batch: int64 arrays of one length; `document` is -1 on padding."""

    ids: np.ndarray
    targets: np.ndarray
    documents: np.ndarray
    positions: np.ndarray


def stack(rows: Sequence[Row]) -> Batch:
    """Rows of one length as a batch."""
    import torch  # who reads files with this room, to look for names in a text, needs none of it

    documents = np.stack([row.documents for row in rows])
    targets = np.stack([row.targets for row in rows])
    plain = not documents.any()
    return Batch(
        ids=torch.from_numpy(np.stack([row.ids for row in rows])),
        targets=torch.from_numpy(targets),
        documents=None if plain else torch.from_numpy(documents),
        positions=None if plain else torch.from_numpy(np.stack([row.positions for row in rows])),
        weight=float((targets != IGNORE).sum()),
    )


def share(per_step: int, step: int, rank: int, ranks: int) -> range:
    """The numbers of the rows that a rank takes in a step, counted from the run's first row.

    Raises:
        BadRequest: the rows cannot be split evenly, and ranks must do equally many batches.
    """
    if per_step % ranks:
        raise BadRequest(
            f"{per_step} rows per step cannot be split evenly over {ranks} processes: choose a "
            f"multiple of {ranks}."
        )
    mine = per_step // ranks
    first = step * per_step + rank * mine
    return range(first, first + mine)


def in_batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in order, `size` at a time; the last may be fewer."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
