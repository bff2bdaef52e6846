"""Documents as rows of exact length, without padding.

An epoch lays all documents after one another, in an order of its own, and the next epoch's follow
on.  The endless stream is cut into windows of `length`; the windows that begin in one epoch are
taken in an order of their own.  So each token is read once per epoch, windows fall elsewhere each
time, and nothing is padded.  Documents stay apart: a document's last token has no target, and
`documents` says who may see whom.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from fireside.data.batches import IGNORE, Batch, Row, in_batches, share, stack
from fireside.data.order import Mixture, permuted, place
from fireside.data.prepared import Split
from fireside.errors import BadRequest

_DOCUMENTS, _WINDOWS = 2, 3  # which permutation a key is for


class PackedText:
    """Batches of a text split.

    Args:
        length: tokens per row.
        rows_per_step: rows of all ranks and micro-batches together.
        rows_per_batch: rows of a micro-batch, at most.

    Raises:
        BadRequest: the split is empty or holds no documents.
    """

    def __init__(
        self, split: Split, *, length: int, rows_per_step: int, rows_per_batch: int, seed: int
    ) -> None:
        if split.kind != "text":
            raise BadRequest(f"These are {split.kind} examples, not text: choose another method.")
        if not len(split):
            raise BadRequest("There are no documents here: give more data.")
        self._split, self._length = split, length
        self._rows_per_step, self._rows_per_batch = rows_per_step, rows_per_batch
        self._mixture = Mixture.of(split.weights)
        self._streams = [_Stream(split, group, length, seed) for group in split.groups]

    @property
    def steps_per_epoch(self) -> int:
        """Steps after which as many tokens have been read as there are."""
        return -(-self._split.tokens // (self._length * self._rows_per_step))

    def rows(self, step: int, rank: int = 0, ranks: int = 1) -> list[Batch]:
        numbers = share(self._rows_per_step, step, rank, ranks)
        return [
            stack([self._row(number) for number in some])
            for some in in_batches(numbers, self._rows_per_batch)
        ]

    def source_of(self, row: int) -> int:
        """Which of the mixed groups a row comes from; rows are counted from the run's first."""
        return self._mixture.at(row)[0]

    def _row(self, number: int) -> Row:
        source, inside = self._mixture.at(number)
        return self._streams[source].row(inside)

    def once(self) -> Iterator[Batch]:
        """Every token once, in the stored order; the last row is padded."""
        stream = _Stream(self._split, np.arange(len(self._split)), self._length, None)
        count = -(-self._split.tokens // self._length)
        for some in in_batches(range(count), self._rows_per_batch):
            yield stack([stream.window(number, limit=self._split.tokens) for number in some])


class _Stream:
    """The endless stream of some documents, cut into windows; without a seed, in order."""

    def __init__(self, split: Split, group: np.ndarray, length: int, seed: int | None) -> None:
        self._ids, self._filler = split.ids, split.filler
        self._starts = split.column("start")[group]
        self._lengths = split.lengths[group]
        self._total = int(self._lengths.sum())
        self._length, self._seed = length, seed
        # Only the epochs at work are held: two, where a window reaches into the next.
        self._epoch = lru_cache(maxsize=2)(self._laid_out)

    def row(self, number: int) -> Row:
        """The row of that number: a window of the same epoch, in the epoch's own order."""
        epoch = number * self._length // self._total
        first, after = (-(-e * self._total // self._length) for e in (epoch, epoch + 1))
        assert self._seed is not None
        inside = place(number - first, after - first, self._seed, _WINDOWS, epoch)
        return self.window(first + inside)

    def window(self, number: int, limit: int | None = None) -> Row:
        """Tokens number * length ... of the stream, and of each the one that follows.

        limit: where the stream ends; what is beyond is padding.
        """
        ids = np.full(self._length, self._filler, dtype=np.int64)
        targets = np.full(self._length, IGNORE, dtype=np.int64)
        documents = np.full(self._length, -1, dtype=np.int64)
        positions = np.zeros(self._length, dtype=np.int64)
        at, done, document = number * self._length, 0, 0
        while done < self._length and (limit is None or at < limit):
            start, left = self._find(at)
            count = min(left, self._length - done)
            here = slice(done, done + count)
            following = min(left, count + 1)
            tokens = self._ids[start : start + following].astype(np.int64)
            ids[here] = tokens[:count]
            targets[done : done + following - 1] = tokens[1:]
            documents[here] = document
            positions[here] = np.arange(count)
            at, done, document = at + count, done + count, document + 1
        return Row(ids=ids, targets=targets, documents=documents, positions=positions)

    def _find(self, at: int) -> tuple[int, int]:
        """Where in the ids the stream's token `at` stands, and how much of its document is left."""
        epoch, inside = divmod(at, self._total)
        order, ends = self._epoch(epoch)
        number = int(np.searchsorted(ends, inside, side="right"))
        document = int(order[number])
        left = int(ends[number]) - inside
        return int(self._starts[document] + self._lengths[document]) - left, left

    def _laid_out(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The order of the documents in an epoch, and where each ends in its stream."""
        order = np.arange(len(self._lengths))
        if self._seed is not None:
            order = permuted(len(order), self._seed, _DOCUMENTS, epoch)
        return order, np.cumsum(self._lengths[order])
