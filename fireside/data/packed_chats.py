"""Whole chats packed into rows of one length: best fit, kept apart by the mask, padded at the end.

Packing is done once, and every epoch takes the rows in an order of its own.  No chat is ever cut
here: one that is too long was cut, and reported, when the data were prepared.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

import numpy as np

from fireside.data.batches import IGNORE, Batch, Row, in_batches, share, stack
from fireside.data.order import Mixture, place
from fireside.data.prepared import Split
from fireside.errors import BadRequest

_ROWS = 4  # which permutation a key is for


class PackedChats:
    """Batches of a chat split.

    Args: as in `PackedText`.

    fill: which share of all positions holds something, 0 to 1.

    Raises:
        BadRequest: there are no chats, or one is longer than a row.
    """

    def __init__(
        self, split: Split, *, length: int, rows_per_step: int, rows_per_batch: int, seed: int
    ) -> None:
        if split.kind != "chat":
            raise BadRequest(f"These are {split.kind} examples, not chats: choose another method.")
        if not len(split):
            raise BadRequest("There are no chats here: give more data.")
        # A chat's last token is only predicted, so it takes no place in the row.
        needed = split.lengths - 1
        if int(needed.max()) > length:
            raise BadRequest(
                f"A chat of {int(needed.max()) + 1:,} tokens does not fit rows of {length:,}: "
                "prepare the data with that length, and it is cut or left out."
            )
        self._split, self._length, self._seed = split, length, seed
        self._rows_per_step, self._rows_per_batch = rows_per_step, rows_per_batch
        self._mixture = Mixture.of(split.weights)
        self._packed = [
            [group[row] for row in best_fit(needed[group], length)] for group in split.groups
        ]
        count = sum(map(len, self._packed))
        self.fill = float(needed.sum()) / (count * length)

    @property
    def steps_per_epoch(self) -> int:
        """Steps after which as many rows have been taken as there are."""
        return -(-sum(map(len, self._packed)) // self._rows_per_step)

    def rows(self, step: int, rank: int = 0, ranks: int = 1) -> list[Batch]:
        numbers = share(self._rows_per_step, step, rank, ranks)
        return [
            stack([self._row(number) for number in some])
            for some in in_batches(numbers, self._rows_per_batch)
        ]

    def _row(self, number: int) -> Row:
        source, inside = self._mixture.at(number)
        packed = self._packed[source]
        epoch, row = divmod(inside, len(packed))
        return self._laid_out(packed[place(row, len(packed), self._seed, _ROWS, source, epoch)])

    def once(self) -> Iterator[Batch]:
        """Every chat once."""
        rows = [row for packed in self._packed for row in packed]
        for some in in_batches(rows, self._rows_per_batch):
            yield stack([self._laid_out(row) for row in some])

    def _laid_out(self, chats: Sequence[int] | np.ndarray) -> Row:
        split, length = self._split, self._length
        ids = np.full(length, split.filler, dtype=np.int64)
        targets = np.full(length, IGNORE, dtype=np.int64)
        documents = np.full(length, -1, dtype=np.int64)
        positions = np.zeros(length, dtype=np.int64)
        starts, lengths = split.column("start"), split.lengths
        done = 0
        for document, chat in enumerate(chats):
            stretch = slice(int(starts[chat]), int(starts[chat] + lengths[chat]))
            tokens = split.ids[stretch].astype(np.int64)
            learned = split.learned[stretch].astype(bool)
            here = slice(done, done + len(tokens) - 1)
            ids[here] = tokens[:-1]
            targets[here] = np.where(learned[1:], tokens[1:], IGNORE)
            documents[here] = document
            positions[here] = np.arange(len(tokens) - 1)
            done = here.stop
        return Row(ids=ids, targets=targets, documents=documents, positions=positions)


def best_fit(sizes: np.ndarray, length: int) -> list[np.ndarray]:
    """The items in rows of `length`: the largest first, each where it leaves least room.

    Best-fit decreasing uses at most 11/9 of the fewest rows (Johnson, 1973).  Within a row and
    among the rows the items' own order decides.
    """
    rows: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (what is free, the row), the fullest first
    for item in np.argsort(-sizes, kind="stable"):
        size = int(sizes[item])
        tightest = bisect_left(room, (size, -1))
        if tightest == len(room):
            free, row = length, len(rows)
            rows.append([])
        else:
            free, row = room.pop(tightest)
        rows[row].append(int(item))
        if free > size:
            insort(room, (free - size, row))
    return sorted((np.sort(np.asarray(row)) for row in rows), key=lambda row: int(row[0]))
