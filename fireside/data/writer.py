"""Token files, written as examples come and never held in memory.

    ids.bin      all ids after one another, uint16 or uint32, little-endian
    learned.bin  chats: one byte per id, 1 where it is learned
    extra.jsonl  problems: answer and messages
    table.bin    one row of int64 per example, in `COLUMNS`

Refuses to know which examples are kept or held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fireside.data.tokenised import Tokens

IDS, LEARNED, EXTRA, TABLE = "ids.bin", "learned.bin", "extra.jsonl", "table.bin"
COLUMNS = ("source", "start", "first", "second", "third", "bytes", "flag", "extra")
"""start: in ids; first, second, third: lengths of the parts; extra: a byte of extra.jsonl."""
_ROWS = 4096


def id_type(vocab_size: int) -> np.dtype[np.generic]:
    """The smallest type that holds every id."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


@dataclass(kw_only=True)
class _Open:
    """A document that may go on."""

    source: int
    start: int
    length: int
    bytes: int


class TokenWriter:
    """Writes one set of token files; `close` before they are read.

    tokens: how many ids have been written.
    """

    def __init__(self, folder: Path, *, vocab_size: int, begin: Sequence[int], end: Sequence[int]):
        self._type = id_type(vocab_size)
        self._begin, self._end = begin, end
        self._files = ExitStack()
        self._ids, self._learned, self._extra, self._table = (
            self._files.enter_context((folder / name).open("wb"))
            for name in (IDS, LEARNED, EXTRA, TABLE)
        )
        self._rows: list[tuple[int, ...]] = []
        self._document: _Open | None = None
        self.tokens = 0

    def document(self, ids: Sequence[int], count: int, *, source: int, goes_on: bool) -> None:
        """A document of `count` bytes, or with `goes_on` a further part of the one before."""
        if not goes_on or self._document is None:
            self.finish_document()
            self._document = _Open(source=source, start=self.tokens, length=0, bytes=0)
            self._write(self._begin)
        self._write(ids)
        self._document.bytes += count

    def finish_document(self) -> None:
        """Nothing more comes of the last document."""
        document, self._document = self._document, None
        if document is not None:
            self._write(self._end)
            length = self.tokens - document.start
            self._row(document.source, document.start, length, 0, 0, document.bytes, 0, 0)

    def example(self, tokens: Tokens, *, source: int) -> None:
        """Anything but a document."""
        start, extra = self.tokens, 0
        for part in tokens.parts:
            self._write(part)
        if tokens.learned:
            self._learned.write(np.asarray(tokens.learned, dtype=np.uint8).tobytes())
        if tokens.extra:
            extra = self._extra.tell()
            self._extra.write(tokens.extra.encode() + b"\n")
        lengths = (*(len(part) for part in tokens.parts), 0, 0)[:3]
        self._row(source, start, *lengths, tokens.bytes, int(tokens.flag), extra)

    def close(self) -> None:
        with self._files:
            self.finish_document()
            self._flush()

    def _write(self, ids: Sequence[int]) -> None:
        self._ids.write(np.asarray(ids, dtype=self._type).tobytes())
        self.tokens += len(ids)
        if self._document is not None:
            self._document.length += len(ids)

    def _row(self, *row: int) -> None:
        self._rows.append(row)
        if len(self._rows) >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        self._table.write(np.asarray(self._rows, dtype="<i8").tobytes())
        self._rows.clear()
