"""A queued file of a vector store to passages: read, chunk, embed, keep.

One file of an owner at a time.  Its passages are found once it is completed; what a stop in the
middle left is thrown away before the file is done again.  Whatever is wrong with a file becomes its
`last_error`, one line.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from fireside.errors import (
    Corrupt,
    FiresideError,
    Interrupted,
    NotFound,
    Unavailable,
    Unsupported,
)
from fireside.knowledge.chunks import Chunk, Strategy, chunks, spans
from fireside.knowledge.collection_rows import FILE, STORE
from fireside.knowledge.documents import Document
from fireside.knowledge.embedders import Embedders, Embeds
from fireside.knowledge.reading import read
from fireside.knowledge.turns import Turns
from fireside.knowledge.words import words
from fireside.storage import Store
from fireside.storage.objects import Stored
from fireside.storage.passages import NewPassage

log = logging.getLogger("fireside.knowledge")

SLICE = 16
"""Passages between two looks at whether the file is still wanted."""
MOST_TOKENS = 5_000_000
HEADING_TOKENS = 50
MOST_READINGS = 2
"""After so many readings that the end of the server cut off, the file is to blame."""


class Paths(Protocol):
    """Where uploaded bytes are: `storage.files.Files`."""

    def path(self, file_id: str, owner: str | None) -> Path: ...


class Ingest:
    """Safe to use from many threads: each that calls `step` does another owner's file."""

    def __init__(self, store: Store, files: Paths, embedders: Embedders) -> None:
        self._objects = store.objects
        self._passages = store.passages
        self._files = files
        self._embedders = embedders
        self._stopping = threading.Event()
        self._turns = Turns()
        self._rows_in_work: set[str] = set()

    def stop(self) -> None:
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def start(self) -> None:
        self._stopping.clear()
        self.recover()

    def recover(self) -> None:
        """What was begun and not ended, here or in a process that is no more, is queued again."""
        after = None
        while True:
            page = self._objects.listed(
                FILE, owner=None, statuses=["in_progress"], order="asc", after=after, limit=100
            )
            for row in page.items:
                if row.id not in self._rows_in_work:
                    self._move(row.id, "queued")
            if not page.more:
                return
            after = page.items[-1].id

    def step(self) -> bool:
        """Do the oldest queued file of the owner whose turn it is; False if there is none.

        Raises:
            Unavailable: no disk, or somebody else holds the database; `recover`, and try again.
        """
        if self._stopping.is_set():
            return False
        owner = self._turns.take(self._objects.owners(FILE, status="queued"))
        if owner is None:
            return False
        row = None
        try:
            row = self._objects.claim(FILE, status="queued", becomes="in_progress", owner=owner)
            if row is None:
                return False
            self._rows_in_work.add(row.id)
            self._try(row)
        finally:
            if row is not None:
                self._rows_in_work.discard(row.id)
            self._turns.release(owner)
        return True

    def _try(self, row: Stored) -> None:
        try:
            self._do(row)
        except Interrupted:
            self._move(row.id, "queued")  # if it is still there, and not cancelled
        except Unavailable:
            raise
        except FiresideError as error:
            self._passages.discard(row.id)
            self._fail(row, _code(error), error.message)
        except Exception:
            log.exception("failed on a file of a vector store")
            self._passages.discard(row.id)
            self._fail(row, "server_error", "The server failed on this file; its log says why.")

    def _do(self, row: Stored) -> None:
        assert row.parent_id is not None
        store = self._objects.get(STORE, row.parent_id, owner=None)
        embedder = self._embedders.get(store.body["embedding_model"])
        try:
            path = self._files.path(row.body["file_id"], row.owner)
        except NotFound:
            raise Corrupt("The file was deleted before it was read.") from None
        document = self._read(row, path)
        strategy = Strategy(
            max_chunk_size_tokens=row.body["max_chunk_size_tokens"],
            chunk_overlap_tokens=row.body["chunk_overlap_tokens"],
        )
        self._passages.discard(row.id)  # of a try that a stop cut off
        place = tokens = size = 0
        found = chunks(document, strategy, lambda texts: _count(embedder, texts))
        for part in _slices(chunk for chunk in found if chunk.text.strip()):
            tokens += sum(_count(embedder, [chunk.text for chunk in part]))
            if tokens > MOST_TOKENS:
                raise Corrupt(f"The file has more than {MOST_TOKENS:,} tokens: split it.")
            made = list(self._embedded(row, embedder, part))
            if not self._passages.keep(row.id, store.id, row.created_at, place, made):
                raise Interrupted("The file is no longer wanted.")
            place += len(made)
            size += sum(len(each.text.encode()) + len(each.vectors) for each in made)
        end = {"usage_bytes": size, "unread": list(document.unread)}
        if not self._passages.complete(row.id, row.created_at, end):
            raise Interrupted("The file is no longer wanted.")

    def _read(self, row: Stored, path: Path) -> Document:
        """A reading counts from before it begins until after it ended: a file that takes the whole
        server down with it must not do so at each start."""
        readings = row.body.get("readings", 0)
        if readings >= MOST_READINGS:
            raise Corrupt(
                f"The server ended {readings} times while it read this file, so it is not read "
                "again: save it anew, or split it, and attach it once more."
            )
        self._set(row, readings=readings + 1)
        try:
            document = read(path, row.body["filename"], cancelled=lambda: not self._wanted(row))
        except Interrupted:
            self._set(row, readings=readings)
            raise
        self._set(row, readings=0)
        return document

    def _embedded(
        self, row: Stored, embedder: Embeds, part: Sequence[Chunk]
    ) -> Iterator[NewPassage]:
        texts: list[str] = []
        numbers = []
        for chunk in part:
            windows = list(_windows(chunk, embedder))
            numbers.append(len(windows))
            texts += windows
        vectors, _ = embedder.embed(texts, cancelled=lambda: not self._wanted(row))
        begin = 0
        for chunk, number in zip(part, numbers, strict=True):
            of_it = vectors[begin : begin + number].numpy().astype("<f4")
            begin += number
            kept = words(" ".join(chunk.section) + "\n" + chunk.text)
            yield NewPassage(
                begin=chunk.begin,
                page=chunk.page,
                section=list(chunk.section),
                text=chunk.text,
                words=" ".join(kept),
                length=len(kept),
                vectors=of_it.tobytes(),
            )

    def _wanted(self, row: Stored) -> bool:
        if self._stopping.is_set():
            return False
        try:
            now = self._objects.get(FILE, row.id, owner=None)
        except NotFound:
            return False
        except Unavailable:  # not now; the next look will tell
            return True
        return now.status == "in_progress" and now.created_at == row.created_at

    def _move(self, row_id: str, status: str) -> None:
        self._change(
            row_id, lambda row: replace(row, status=status) if row.status == "in_progress" else row
        )

    def _set(self, row: Stored, **members: object) -> None:
        self._change(row.id, lambda now: _with(now, row, members))

    def _fail(self, row: Stored, code: str, message: str) -> None:
        error = {"last_error": {"code": code, "message": message}}
        self._change(row.id, lambda now: _with(now, row, error, status="failed"))

    def _change(self, row_id: str, change: Callable[[Stored], Stored]) -> None:
        with suppress(NotFound):
            self._objects.change(FILE, row_id, change, owner=None)


def _with(
    now: Stored, row: Stored, members: Mapping[str, object], status: str = "in_progress"
) -> Stored:
    """`now` with these members in its body, if it is still the `row` that is in work."""
    if now.status != "in_progress" or now.created_at != row.created_at:
        return now
    return replace(now, status=status, body={**now.body, **members})


def _code(error: FiresideError) -> str:
    if isinstance(error, Unsupported):
        return "unsupported_file"
    return "invalid_file" if isinstance(error, Corrupt) else "server_error"


def _count(embedder: Embeds, texts: Sequence[str]) -> list[int]:
    return [len(ids) for ids in embedder.tokens(texts)]


def _slices(found: Iterator[Chunk]) -> Iterator[list[Chunk]]:
    part: list[Chunk] = []
    for chunk in found:
        part.append(chunk)
        if len(part) == SLICE:
            yield part
            part = []
    if part:
        yield part


def _windows(chunk: Chunk, embedder: Embeds) -> Iterator[str]:
    """What is embedded of a chunk: its headings and its text, or, where that is longer than the
    texts that the model was made for, the headings and a part of the text, several times."""
    above = _heading(chunk, embedder)
    room = embedder.window - (_count(embedder, [above])[0] if above else 0)
    text = chunk.text.strip()
    if _count(embedder, [text])[0] <= room:
        yield above + text
        return
    strategy = Strategy(max_chunk_size_tokens=room, chunk_overlap_tokens=0)
    for begin, end in spans(text, strategy, lambda texts: _count(embedder, texts)):
        if text[begin:end].strip():
            yield above + text[begin:end].strip()


def _heading(chunk: Chunk, embedder: Embeds) -> str:
    """The headings above a chunk that it does not show itself, the nearest last, as far as they
    are short."""
    named = [title for title in chunk.section if title not in chunk.text]
    while named:
        above = " > ".join(named) + "\n"
        if _count(embedder, [above])[0] <= min(HEADING_TOKENS, embedder.window // 4):
            return above
        named = named[1:]
    return ""
