"""Files that were given to one conversation: a vector store of its own, below the conversation.

It goes when the conversation is deleted, with its files and passages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fireside.errors import BadRequest, NotFound
from fireside.knowledge.collection_rows import WAITING, Attached

if TYPE_CHECKING:
    from fireside.knowledge.collections import Collections
    from fireside.storage import Store
    from fireside.storage.files import Files
    from fireside.storage.objects import Stored

MOST: Final = 20
"""Files of one conversation."""
LOOKS_EVERY: Final = 0.1  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """status: `completed`, `failed`, `in_progress`.  problem: one line, of a failed one.
    unread: what of the file was not read, a line each."""

    file_id: str
    filename: str
    status: str
    problem: str | None = None
    unread: tuple[str, ...] = ()


class Attachments:
    """Thread-safe; slow as a disk."""

    def __init__(self, store: Store, files: Files, collections: Collections) -> None:
        self._objects = store.objects
        self._files = files
        self._collections = collections

    def add(self, owner: str, conversation_id: str, filename: str, path: Path) -> Attachment:
        """Take over the file at `path` (from `Files.temporary`); it is queued to be read.

        Raises:
            BadRequest: the conversation has `MOST` files.
            Unavailable: no room on the disk.
        """
        store_id = self._collections.of_conversation(owner, conversation_id)
        if store_id is None:
            store_id = self._collections.create(
                owner, name=f"Files of {conversation_id}", conversation_id=conversation_id
            ).id
        if self._collections.counts(store_id).total >= MOST:
            raise BadRequest(f"This conversation has {MOST} files: begin another for more.")
        file = self._files.add(owner, filename, "assistants", path, parent_id=conversation_id)
        self._collections.attach(owner, store_id, [Attached(file_id=file.id)])
        return self._attachment_of(self._collections.file(owner, store_id, file.id))

    def files_of(self, owner: str, conversation_id: str) -> list[Attachment]:
        """In the order in which they were given."""
        store_id = self._collections.of_conversation(owner, conversation_id)
        if store_id is None:
            return []
        page = self._collections.files(owner, store_id, order="asc", limit=MOST)
        return [self._attachment_of(row) for row in page.items]

    def read(
        self, owner: str, conversation_id: str, file_id: str, step: Callable[[], bool]
    ) -> Attachment:
        """Have it read, by `step` (`Ingest.step`) or by whoever reads it already."""
        while True:
            files = {each.file_id: each for each in self.files_of(owner, conversation_id)}
            if file_id not in files:
                raise NotFound("The file was deleted before it was read.")
            if files[file_id].status != "in_progress":
                return files[file_id]
            if not step():
                time.sleep(LOOKS_EVERY)  # a server reads it

    def remove(self, owner: str, conversation_id: str, file_id: str) -> None:
        """Take a file out of the conversation, and delete it.

        Raises:
            NotFound: the conversation has no such file.
        """
        store_id = self._collections.of_conversation(owner, conversation_id)
        if store_id is None:
            raise NotFound("This conversation has no file.")
        self._collections.detach(owner, store_id, file_id)
        self._files.remove(file_id, owner)

    @staticmethod
    def _attachment_of(row: Stored) -> Attachment:
        error: dict[str, Any] = row.body.get("last_error") or {}
        return Attachment(
            file_id=row.body["file_id"],
            filename=row.body["filename"],
            status="in_progress" if row.status in WAITING else str(row.status),
            problem=error.get("message"),
            unread=tuple(row.body.get("unread") or ()),
        )
