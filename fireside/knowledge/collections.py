"""Vector stores, their files and their batches of files: what may be done with them.

A file that is attached is `queued` (shown as in progress) until `Ingest` takes it.  A store that
has expired is still listed, says so, and finds nothing.  Only its owner is shown a store or a file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from fireside.errors import BadRequest, Conflict, NotFound
from fireside.knowledge.collection_rows import (
    BATCH,
    FILE,
    STORE,
    WAITING,
    Attached,
    Counts,
    cancelled,
    is_expired,
    row_id,
)  # fmt: skip
from fireside.knowledge.embedders import Embedders
from fireside.knowledge.filters import Filter, Value
from fireside.knowledge.passage import Passage, Ranking
from fireside.knowledge.queries import parts_of, unread
from fireside.storage import Store
from fireside.storage.objects import Listed, New, Order, Stored

if TYPE_CHECKING:
    from fireside.knowledge.search import Search

TOUCHED_EVERY: Final = 60.0  # seconds: `last_active_at` is no reason to write at every search


class FileSource(Protocol):
    """What was uploaded: `storage.files.Files`."""

    def get(self, file_id: str, owner: str | None) -> Stored: ...


class Collections:
    """All of a server's.  Safe to use from many threads; each call may take a while.

    wake: called when there is a new file to read.
    """

    def __init__(self, store: Store, files: FileSource, embedders: Embedders) -> None:
        self._objects = store.objects
        self._passages = store.passages
        self._files = files
        self._embedders = embedders
        self._store = store
        self._searches: dict[int, Search] = {}
        self.wake: Callable[[], None] = lambda: None

    # Stores

    def create(
        self,
        owner: str,
        *,
        name: str = "",
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        expires_after_days: int | None = None,
        files: Sequence[Attached] = (),
        conversation_id: str | None = None,
    ) -> Stored:
        """A new store, its files queued: all or nothing.

        conversation_id: whose store it is; it goes with the conversation.
        """
        self._uploaded(owner, files, is_batch=False)
        now = time.time()
        body = {
            "name": name,
            "description": description,
            "metadata": None if metadata is None else dict(metadata),
            "days": expires_after_days,
            "last_active_at": now,
            "embedding_model": self._embedders.default,
        }
        made = self._objects.add(STORE, "vs", body, owner=owner, parent_id=conversation_id)
        if files:
            self.attach(owner, made.id, files)
        return made

    def get(self, owner: str, store_id: str) -> Stored:
        return self._objects.get(STORE, store_id, owner=owner)

    def of_conversation(self, owner: str, conversation_id: str) -> str | None:
        """The id of the store that holds a conversation's files; None where it was given none."""
        page = self._objects.listed(STORE, owner=owner, parent_id=conversation_id, limit=1)
        return page.items[0].id if page.items else None

    def listed(self, owner: str, **page: Any) -> Listed:
        return self._objects.listed(STORE, owner=owner, **page)

    def change(self, owner: str, store_id: str, given: Mapping[str, Any]) -> Stored:
        """given: any of `name`, `metadata` and `days`."""
        return self._objects.change(
            STORE, store_id, lambda row: replace(row, body={**row.body, **given}), owner=owner
        )

    def remove(self, owner: str, store_id: str) -> None:
        """The store, its files' rows and their passages; what was uploaded stays."""
        self.get(owner, store_id)
        self._empty(store_id)
        self._objects.remove(STORE, store_id, owner=owner)

    def counts(self, store_id: str, batch_id: str | None = None) -> Counts:
        matching = None if batch_id is None else {"batch_id": batch_id}
        found = self._objects.tally(FILE, parent_id=store_id, matching=matching, sums="usage_bytes")
        return Counts(
            in_progress=sum(found.get(status, (0, 0))[0] for status in WAITING),
            completed=found.get("completed", (0, 0))[0],
            failed=found.get("failed", (0, 0))[0],
            cancelled=found.get("cancelled", (0, 0))[0],
            usage_bytes=sum(size for _, size in found.values()),
        )

    def touch(self, store: Stored) -> None:
        now = time.time()
        if now - store.body["last_active_at"] > TOUCHED_EVERY:
            body = {"last_active_at": now}
            self._objects.change(
                STORE, store.id, lambda row: replace(row, body={**row.body, **body}), owner=None
            )

    def expire(self) -> int:
        """Take the files out of stores whose time is over; returns of how many stores."""
        emptied, after = 0, None
        while True:
            page = self._objects.listed(STORE, owner=None, order="asc", after=after, limit=100)
            for store in page.items:
                if is_expired(store) and self.counts(store.id).total:
                    self._empty(store.id)
                    emptied += 1
            if not page.more:
                return emptied
            after = page.items[-1].id

    def _empty(self, store_id: str) -> None:
        for kind in (FILE, BATCH):
            while items := self._objects.listed(
                kind, owner=None, parent_id=store_id, limit=100
            ).items:
                self._drop([item.id for item in items])

    def _drop(self, rows: Sequence[str]) -> None:
        """Files' rows and their passages.  Cancelled first: no search finds half a file."""
        for row in rows:
            with suppress(NotFound):
                self._objects.change(
                    FILE, row, lambda old: replace(old, status="cancelled"), owner=None
                )
            self._passages.discard(row)
        self._objects.discard(rows)

    # Files

    def attach(
        self, owner: str, store_id: str, files: Sequence[Attached], batch_id: str | None = None
    ) -> list[Stored]:
        """Queue files; one that is in the store already is read anew.  Of a batch, a file that is
        not there has failed, and the others are queued.

        Raises:
            NotFound: the store, the file, or every file of a batch is not there; nothing is queued
                then.
            BadRequest: the store has expired.
        """
        store = self._open(owner, store_id)
        uploaded, missing = self._uploaded(owner, files, is_batch=batch_id is not None)
        rows = [
            New(
                id=row_id(store_id, one.file_id),
                status="failed" if one.file_id in missing else "queued",
                body={
                    "file_id": one.file_id,
                    "filename": uploaded.get(one.file_id, one.file_id),
                    "attributes": dict(one.attributes or {}),
                    "max_chunk_size_tokens": one.strategy.max_chunk_size_tokens,
                    "chunk_overlap_tokens": one.strategy.chunk_overlap_tokens,
                    "last_error": missing.get(one.file_id),
                    "unread": [],
                    "usage_bytes": 0,
                    "batch_id": batch_id,
                },
            )
            for one in {one.file_id: one for one in files}.values()
        ]
        self._drop([row.id for row in rows])
        try:
            made = self._objects.add_all(FILE, rows, owner=owner, parent_id=store_id)
        except Conflict:
            raise Conflict("The same file is being attached by another request.") from None
        self.touch(store)
        self.wake()
        return made

    def file(self, owner: str, store_id: str, file_id: str) -> Stored:
        self.get(owner, store_id)
        try:
            return self._objects.get(FILE, row_id(store_id, file_id), owner=owner)
        except NotFound:
            raise NotFound(
                f"There is no file {file_id[:100]!r} in the vector store {store_id!r}."
            ) from None

    def files(
        self,
        owner: str,
        store_id: str,
        *,
        status: str | None = None,
        batch_id: str | None = None,
        order: Order = "desc",
        after: str | None = None,
        before: str | None = None,
        limit: int = 20,
    ) -> Listed:
        """after, before: ids of files, as clients know them."""
        self.get(owner, store_id)
        statuses = WAITING if status == "in_progress" else (status,) if status else ()
        return self._objects.listed(
            FILE,
            owner=owner,
            parent_id=store_id,
            statuses=statuses,
            matching=None if batch_id is None else {"batch_id": batch_id},
            order=order,
            after=None if after is None else self.file(owner, store_id, after).id,
            before=None if before is None else self.file(owner, store_id, before).id,
            limit=limit,
        )

    def set_attributes(
        self, owner: str, store_id: str, file_id: str, attributes: Mapping[str, Value] | None
    ) -> Stored:
        row = self.file(owner, store_id, file_id)
        new = {"attributes": dict(attributes or {})}
        return self._objects.change(
            FILE, row.id, lambda old: replace(old, body={**old.body, **new}), owner=owner
        )

    def detach(self, owner: str, store_id: str, file_id: str) -> None:
        """Out of the store, passages and all; what was uploaded stays."""
        self._drop([self.file(owner, store_id, file_id).id])

    def forget(self, file_id: str) -> None:
        """Out of every store: what was uploaded is gone."""
        while items := self._objects.listed(
            FILE, owner=None, matching={"file_id": file_id}, limit=100
        ).items:
            self._drop([item.id for item in items])

    def content(self, owner: str, store_id: str, file_id: str) -> list[str]:
        """The text that was read, a part for each passage, without the overlaps."""
        row = self.file(owner, store_id, file_id)
        parts, reached = [], 0
        for passage in self._passages.of_file(row.id):
            fresh = passage.text[max(0, reached - passage.begin) :]
            reached = max(reached, passage.begin + len(passage.text))
            if fresh:
                parts.append(fresh)
        return parts

    # Batches

    def create_batch(self, owner: str, store_id: str, files: Sequence[Attached]) -> Stored:
        self._open(owner, store_id)
        self._uploaded(owner, files, is_batch=True)
        batch = self._objects.add(BATCH, "vsfb", {}, owner=owner, parent_id=store_id)
        self.attach(owner, store_id, files, batch.id)
        return batch

    def batch(self, owner: str, store_id: str, batch_id: str) -> Stored:
        self.get(owner, store_id)
        found = self._objects.get(BATCH, batch_id, owner=owner)
        if found.parent_id != store_id:
            raise NotFound(f"There is no vector store.file batch {batch_id[:100]!r}.")
        return found

    def cancel_batch(self, owner: str, store_id: str, batch_id: str) -> Stored:
        """Files that are done stay; the others become cancelled."""
        batch = self.batch(owner, store_id, batch_id)
        while items := self.files(
            owner, store_id, status="in_progress", batch_id=batch_id, limit=100
        ).items:
            for item in items:
                self._objects.change(FILE, item.id, cancelled, owner=owner)
            batch = self._objects.change(
                BATCH, batch.id, lambda row: replace(row, status="cancelled"), owner=owner
            )
        return batch

    # Search

    def search(
        self,
        owner: str,
        store_ids: Sequence[str],
        query: str | Sequence[str],
        filters: Filter | None = None,
        limit: int = 10,
        ranking: Ranking = Ranking(),  # noqa: B008  # frozen
    ) -> list[Passage]:
        """The best passages of the owner's stores, best first.

        Raises:
            NotFound: one of the stores is not there.
            BadRequest: one has expired, or a query is empty.
        """
        queries = [query] if isinstance(query, str) else list(query)
        if not queries or not all(each.strip() for each in queries):
            raise BadRequest("query is empty: say what to look for.", param="query")
        by_model: dict[str, list[str]] = {}
        for store_id in dict.fromkeys(store_ids):
            store = self._open(owner, store_id)
            self.touch(store)
            by_model.setdefault(store.body["embedding_model"], []).append(store_id)
        found: list[Passage] = []
        for model, stores in by_model.items():
            embedder = self._embedders.get(model)
            search = self._search_of(embedder.width)
            parts = [part for each in queries for part in parts_of(each, embedder)]
            asked = embedder.embed(parts, param="query")[0].numpy()
            asked[[unread(embedder, part) for part in parts]] = 0
            found += search.search(
                stores, parts, asked, accepts=filters, limit=limit, ranking=ranking
            )
        found.sort(key=lambda passage: -passage.score)
        return found[:limit]

    def _search_of(self, width: int) -> Search:
        from fireside.knowledge.search import Search  # numpy, which the start need not wait for

        return self._searches.setdefault(width, Search(self._store, width))

    def _open(self, owner: str, store_id: str) -> Stored:
        store = self.get(owner, store_id)
        if is_expired(store):
            raise BadRequest(
                f"The vector store {store_id!r} has expired: make another.",
                code="vector_store_expired",
            )
        return store

    def _uploaded(
        self, owner: str, files: Sequence[Attached], *, is_batch: bool
    ) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """The names of the files; and of those of a batch that are not there, what failed."""
        names: dict[str, str] = {}
        missing: dict[str, dict[str, str]] = {}
        for file_id in dict.fromkeys(one.file_id for one in files):
            try:
                names[file_id] = self._files.get(file_id, owner).body["filename"]
            except NotFound as error:
                if not is_batch:
                    raise
                missing[file_id] = {"code": "invalid_file", "message": error.message}
        if missing and not names:
            raise NotFound(next(iter(missing.values()))["message"])
        return names, missing
