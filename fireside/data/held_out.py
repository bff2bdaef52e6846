"""Which examples are held out to validate on: whole documents, about the share that was asked.

Chosen by number and seed alone, each source by itself, so that both splits are mixed alike.  A
source whose documents are too large to be held out whole gives the tail of its longest one.
"""

from __future__ import annotations

import numpy as np

from fireside.data.order import permuted
from fireside.data.writer import COLUMNS

_SOURCE, _START, _FIRST = (COLUMNS.index(name) for name in ("source", "start", "first"))
_BYTES = COLUMNS.index("bytes")


def hold_out(
    table: np.ndarray, share: float, seed: int, *, ids: np.ndarray | None, token_bytes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The table's rows, parted into training and validation.

    ids: of documents, which may be cut; None where examples stay whole.
    """
    train, held = [table[:0]], [table[:0]]
    for source in np.unique(table[:, _SOURCE]):
        rows = table[table[:, _SOURCE] == source]
        first, second = _part(rows, share, seed + int(source), ids, token_bytes)
        train.append(first)
        held.append(second)
    return np.concatenate(train), np.concatenate(held)


def _part(
    rows: np.ndarray, share: float, seed: int, ids: np.ndarray | None, token_bytes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if not share:
        return rows, rows[:0]
    sizes = rows[:, _FIRST] if ids is not None else np.ones(len(rows), dtype=np.int64)
    wanted = max(1.0, float(sizes.sum()) * share)
    chosen = np.zeros(len(rows), dtype=bool)
    taken, smallest = 0, int(sizes.min())
    for number in permuted(len(rows), seed, 1)[1:]:  # the first stays: something must be learned
        if taken + smallest > wanted:
            break
        if taken + sizes[number] <= wanted:
            chosen[number] = True
            taken += int(sizes[number])
    if ids is None or taken >= wanted / 2:
        return rows[~chosen], rows[chosen]
    return _tail(rows, int(wanted), ids, token_bytes)


def _tail(
    rows: np.ndarray, wanted: int, ids: np.ndarray, token_bytes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The longest document cut in two; the tail is the held-out share."""
    longest = int(rows[:, _FIRST].argmax())
    if rows[longest, _FIRST] < 2:
        return rows, rows[:0]
    head, tail = rows[longest].copy(), rows[longest].copy()
    head[_FIRST] = rows[longest, _FIRST] - min(wanted, rows[longest, _FIRST] - 1)
    tail[_START] += head[_FIRST]
    tail[_FIRST] -= head[_FIRST]
    end = tail[_START] + tail[_FIRST]
    tail[_BYTES] = min(int(token_bytes[ids[tail[_START] : end]].sum()), int(head[_BYTES]))
    head[_BYTES] -= tail[_BYTES]
    kept = rows.copy()
    kept[longest] = head
    return kept, tail[None]
