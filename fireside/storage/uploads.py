"""A big file in parts: they lie under temporary names until they are put together, or an hour.

An upload is a row, a part a row below it and a temporary file of `Files`, so what is abandoned is
swept like any other half file.  It refuses to guess: order, size and checksum are what was said.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from fireside.errors import BadRequest, Conflict
from fireside.storage.files import ABANDONED_AFTER, Files, create, disk_errors
from fireside.storage.objects import Stored

KIND: Final = "upload"
PART: Final = "upload_part"
LIFE: Final = ABANDONED_AFTER  # not longer, or a part could be swept before its upload
MAX_PARTS: Final = 10_000
BLOCK: Final = 2**20


class Uploads:
    """All of a server's.  Safe to use from many threads."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._objects = files.objects

    def begin(
        self, owner: str, *, filename: str, purpose: str, size: int, file_life: float | None
    ) -> Stored:
        """file_life: seconds that the file will live; None, for ever."""
        body = {
            "object": KIND,
            "filename": filename,
            "purpose": purpose,
            "bytes": size,
            "file_life": file_life,
        }
        return self._objects.add(
            KIND, KIND, body, owner=owner, status="pending", expires_at=time.time() + LIFE
        )

    def pending(self, upload_id: str, owner: str) -> Stored:
        """
        Raises:
            NotFound: there is none, or its hour is over.
            Conflict: it is completed or cancelled already.
        """
        return _pending(self._objects.get(KIND, upload_id, owner=owner))

    def add_part(self, upload_id: str, owner: str, path: Path, size: int) -> Stored:
        """Take over a part's bytes at `path`; whatever fails, nothing is left of them.

        Raises:
            BadRequest: too many parts.  And as `pending`.
        """
        try:
            upload = self.pending(upload_id, owner)
            if self._objects.count(PART, owner=owner, parent_id=upload.id) >= MAX_PARTS:
                raise BadRequest(f"An upload has at most {MAX_PARTS} parts.", param="data")
            body = {"object": "upload.part", "name": path.name, "bytes": size}
            return self._objects.add(
                PART, "part", body, owner=owner, parent_id=upload.id, expires_at=upload.expires_at
            )
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def complete(
        self,
        upload_id: str,
        owner: str,
        part_ids: Sequence[str],
        md5: str | None,
        check: Callable[[Path], object],
    ) -> tuple[Stored, Stored]:
        """The upload and the file that its parts make, in the order of `part_ids`.

        check: of the whole file, before it is one; what it raises leaves the upload as it was.

        Raises:
            BadRequest: the parts are not this upload's, or not the bytes that were announced.
        """
        # One of two that complete at once fails here.
        upload = self._move(upload_id, owner, _pending, "completing")
        try:
            parts = self._chosen(upload, part_ids)
            path = self.files.temporary()
            try:
                digest = self._join(parts, path)
                if md5 is not None and md5.lower() != digest:
                    raise BadRequest(f"md5 is {digest} of the bytes that arrived.", param="md5")
                check(path)
                life = upload.body["file_life"]
                file = self.files.add(
                    owner, upload.body["filename"], upload.body["purpose"], path,
                    None if life is None else time.time() + life,
                )  # fmt: skip
            finally:
                path.unlink(missing_ok=True)
        except BaseException:
            self._move(upload_id, owner, lambda row: row, "pending")
            raise
        self._drop_parts(upload)
        done = self._move(upload_id, owner, lambda row: row, "completed", file_id=file.id)
        return done, file

    def cancel(self, upload_id: str, owner: str) -> Stored:
        """Raises: as `pending`."""
        upload = self._move(upload_id, owner, _pending, "cancelled")
        self._drop_parts(upload)
        return upload

    def sweep(self) -> None:
        """Rows whose hour is over, and their bytes."""
        while parts := self._objects.expired(PART):
            for part in parts:
                self._bytes_of(part).unlink(missing_ok=True)
            self._objects.discard([part.id for part in parts])
        while uploads := self._objects.expired(KIND):
            self._objects.discard([upload.id for upload in uploads])

    def _move(
        self,
        upload_id: str,
        owner: str,
        check: Callable[[Stored], Stored],
        status: str,
        **more: Any,
    ) -> Stored:
        return self._objects.change(
            KIND,
            upload_id,
            lambda row: replace(check(row), status=status, body=row.body | more),
            owner=owner,
        )

    def _parts(self, upload: Stored) -> list[Stored]:
        return self._objects.listed(
            PART, owner=upload.owner, parent_id=upload.id, limit=MAX_PARTS
        ).items

    def _chosen(self, upload: Stored, part_ids: Sequence[str]) -> list[Stored]:
        known = {part.id: part for part in self._parts(upload)}
        for place, part_id in enumerate(part_ids):
            if part_id not in known:
                raise BadRequest(
                    f"There is no part {part_id[:100]!r} in this upload.",
                    param=f"part_ids[{place}]",
                )
        if len(set(part_ids)) < len(part_ids):
            raise BadRequest("A part is named twice.", param="part_ids")
        parts = [known[part_id] for part_id in part_ids]
        size, said = sum(part.body["bytes"] for part in parts), upload.body["bytes"]
        if size != said:
            raise BadRequest(
                f"The parts have {size} bytes together; the upload was begun for {said}.",
                param="part_ids",
            )
        return parts

    def _join(self, parts: Sequence[Stored], path: Path) -> str:
        """Write the parts to `path`; their MD5."""
        digest = hashlib.md5(usedforsecurity=False)
        with create(path) as whole:
            for part in parts:
                with disk_errors(), self._bytes_of(part).open("rb") as source:
                    while block := source.read(BLOCK):
                        digest.update(block)
                        whole.write(block)
            with disk_errors():
                whole.flush()
        return digest.hexdigest()

    def _bytes_of(self, part: Stored) -> Path:
        return self.files.folder / str(part.body["name"])

    def _drop_parts(self, upload: Stored) -> None:
        parts = self._parts(upload)
        for part in parts:
            self._bytes_of(part).unlink(missing_ok=True)
        self._objects.discard([part.id for part in parts])


def _pending(upload: Stored) -> Stored:
    if upload.status != "pending":
        raise Conflict(f"The upload {upload.id!r} is {upload.status}: begin a new one.")
    return upload
