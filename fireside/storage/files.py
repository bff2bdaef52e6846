"""Files that clients gave and that the server made: bytes on disk by id, their row in `objects`.

A file arrives under a temporary name in the same folder and is renamed when it is whole, so no
other name ever holds half a file.  The name that a client gives is a label in the row; the disk
never sees it.  It refuses to know what is in a file, and to give one to anyone but its owner.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from fireside.errors import NotFound, Unavailable
from fireside.storage.ids import new_id
from fireside.storage.objects import Listed, New, Objects, Order, Stored
from fireside.storage.reserve import NO_SPACE

KIND: Final = "file"
INCOMING: Final = ".incoming-"
ABANDONED_AFTER: Final = 3600.0
"""Seconds without a write after which bytes that belong to no row are swept: a crash's remains."""


class Files:
    """All of a server's files, in one folder.  Safe to use from many threads."""

    def __init__(self, folder: Path, objects: Objects) -> None:
        self.folder = folder
        self.objects = objects
        self.forgotten: Callable[[str], object] = lambda file_id: None
        """Hears the id of each file that is deleted, and of none that never was."""

    def temporary(self) -> Path:
        """A fresh path for bytes that arrive; `add` takes it over, or its maker unlinks it."""
        with disk_errors():
            self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / new_id(INCOMING)

    def add(
        self,
        owner: str,
        filename: str,
        purpose: str,
        temporary_path: Path,
        expires_at: float | None = None,
        file_id: str | None = None,
        parent_id: str | None = None,
    ) -> Stored:
        """Take over the whole file at `temporary_path`; whatever fails, nothing is left of it.

        Args:
            filename: what people call it, already cleaned.
            temporary_path: from `temporary`, or any of the same file system.
            file_id: from `fresh_id`, for who must know it before it is there.
            parent_id: a conversation, which takes the file with it when it goes.

        Raises:
            Unavailable: no room, or no right to write.
        """
        file_id = file_id or fresh_id()
        final = self._at(file_id)
        try:
            with disk_errors():
                size = _settled(temporary_path)
                temporary_path.replace(final)
            body = {"object": KIND, "bytes": size, "filename": filename, "purpose": purpose}
            row = New(id=file_id, body=body, status="processed", expires_at=expires_at)
            return self.objects.add_all(KIND, [row], owner=owner, parent_id=parent_id)[0]
        except BaseException:
            temporary_path.unlink(missing_ok=True)
            final.unlink(missing_ok=True)
            raise

    def get(self, file_id: str, owner: str | None) -> Stored:
        """
        Raises:
            NotFound: there is none, or it is another's, or its time is over.
        """
        return self.objects.get(KIND, file_id, owner=owner)

    def path(self, file_id: str, owner: str | None) -> Path:
        """Where its bytes are, to read only.

        Raises:
            NotFound: as `get`, or somebody took the bytes from the disk.
        """
        found = self._at(self.get(file_id, owner).id)
        if not found.is_file():
            raise NotFound(f"The content of file {file_id!r} is no longer on the server's disk.")
        return found

    def content(self, file_id: str, owner: str | None) -> BinaryIO:
        """Its bytes, opened for reading.  Raises NotFound as `path`."""
        return self.path(file_id, owner).open("rb")

    def listed(
        self,
        owner: str,
        *,
        purpose: str | None = None,
        order: Order = "desc",
        after: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> Listed:
        matching: dict[str, Any] = {} if purpose is None else {"purpose": purpose}
        return self.objects.listed(
            KIND, owner=owner, matching=matching, order=order, after=after, before=before,
            limit=limit,
        )  # fmt: skip

    def remove(self, file_id: str, owner: str | None) -> Stored:
        """Row and bytes.  A download that has begun still ends well.  Raises NotFound."""
        try:
            gone = self.objects.remove(KIND, file_id, owner=owner)
        except Unavailable as error:
            if error.code != NO_SPACE:
                raise
            # Nothing was set aside: the bytes themselves make room for the change of the row.
            self._at(self.get(file_id, owner).id).unlink(missing_ok=True)
            gone = self.objects.remove(KIND, file_id, owner=owner)
        self._at(gone.id).unlink(missing_ok=True)
        self.forgotten(gone.id)
        return gone

    def sweep(self) -> int:
        """Delete what has expired, and the remains of crashes; returns how many files."""
        swept = 0
        while expired := self.objects.expired(KIND):
            for row in expired:
                self._at(row.id).unlink(missing_ok=True)
                self.forgotten(row.id)
            self.objects.discard([row.id for row in expired])
            swept += len(expired)
        for path in self._abandoned():
            path.unlink(missing_ok=True)
            swept += 1
        return swept

    def _abandoned(self) -> Iterator[Path]:
        """Bytes of no row.  Young ones may be on their way in, here or in another process."""
        before = time.time() - ABANDONED_AFTER
        try:
            entries = [entry for entry in os.scandir(self.folder) if entry.is_file()]
        except FileNotFoundError:
            return
        for entry in entries:
            try:
                if entry.stat().st_mtime < before and not self._has_row(entry.name):
                    yield Path(entry.path)
            except FileNotFoundError:
                continue

    def _has_row(self, name: str) -> bool:
        if name.startswith(INCOMING):
            return False
        try:
            self.objects.get(KIND, name, owner=None)
        except NotFound:
            return False
        return True

    def _at(self, file_id: str) -> Path:
        """Only ids that a row holds come here, so none leads out of the folder."""
        return self.folder / file_id


def fresh_id() -> str:
    return new_id(KIND).replace("_", "-", 1)  # as OpenAI's: programs look for "file-"


def _settled(path: Path) -> int:
    """Its size, once the bytes are on the disk: the row must not outlive them in a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size


@contextmanager
def disk_errors() -> Iterator[None]:
    """What goes wrong with a disk, as one line for a person.

    Raises:
        Unavailable: no room, or the folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Unavailable(
                "No disk space left on the server for this file: delete files, or free some "
                "space, then try again.",
                code=NO_SPACE,
            ) from None
        raise Unavailable(
            f"The server cannot write the file ({error.strerror}): check the folder `files` "
            "in FIRESIDE_HOME."
        ) from None


def create(path: Path) -> BinaryIO:
    """A new file, readable by its owner only."""
    with disk_errors():
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb+")
