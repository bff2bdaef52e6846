"""The vectors of a store's passages in memory, for exact cosines: one product for all of them.

100,000 passages are 150 MB and some 20 ms.  Kept between searches as long as the store's passages
stay the same, and as long as all stores together stay below a bound.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fireside.storage.passages import Passages

MOST_BYTES = 512 * 2**20

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """Of P passages, by serial.  files[file_of[p]]: the file of passage p.
    rows: N >= P vectors; those of passage p begin at row begins[p]."""

    state: tuple[object, ...]
    serials: Numbers
    files: list[str]
    file_of: Numbers
    lengths: Numbers
    begins: Numbers
    rows: Floats

    def cosines(self, query: Floats) -> Floats:
        """With each passage, the best of its vectors."""
        if not len(self.serials):
            return np.zeros(0, np.float32)
        return np.maximum.reduceat(self.rows @ query, self.begins)


class Memory:
    """Thread-safe.  The least recently used store gives way."""

    def __init__(self, passages: Passages, width: int, most_bytes: int = MOST_BYTES) -> None:
        self._passages = passages
        self._width = width
        self._most = most_bytes
        self._kept: dict[str, Vectors] = {}
        self._lock = threading.Lock()

    def of(self, store: str) -> Vectors:
        state = self._passages.state(store)
        with self._lock:
            kept = self._kept.pop(store, None)
            if kept is not None and kept.state == state:
                self._kept[store] = kept
                return kept
        made = self._read(store, state)
        with self._lock:
            self._kept[store] = made
            while len(self._kept) > 1 and self._bytes() > self._most:
                self._kept.pop(next(iter(self._kept)))
        return made

    def _bytes(self) -> int:
        return sum(each.rows.nbytes for each in self._kept.values())

    def _read(self, store: str, state: tuple[object, ...]) -> Vectors:
        serials, file_of, lengths, begins = [], [], [], []
        parts: list[bytes] = []
        numbers: dict[str, int] = {}
        rows = 0
        for serial, file, length, vectors in self._passages.vectors(store):
            serials.append(serial)
            file_of.append(numbers.setdefault(file, len(numbers)))
            lengths.append(length)
            begins.append(rows)
            parts.append(vectors)
            rows += len(vectors) // (4 * self._width)
        return Vectors(
            state=state,
            serials=np.array(serials, np.int64),
            files=list(numbers),
            file_of=np.array(file_of, np.int64),
            lengths=np.array(lengths, np.int64),
            begins=np.array(begins, np.int64),
            rows=np.frombuffer(b"".join(parts), "<f4").reshape(-1, self._width),
        )
