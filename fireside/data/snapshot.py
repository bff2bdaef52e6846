"""A file as it stands when it is opened: what is written to it later is not read.

The hash of what was read is made on the way.  Refuses to decode: `records.py` and `texts.py` do.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fireside.errors import BadRequest, NotFound

BUFFER = 1 << 20
_COMPRESSED = {".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".7z"}
_WIDE = (b"\xff\xfe", b"\xfe\xff")


class Snapshot(io.RawIOBase):
    """The first `size` bytes of a file, `size` being its length when it was opened."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._descriptor = self._file.fileno()
        self.size = os.fstat(self._descriptor).st_size
        self.done = 0
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        room = memoryview(buffer)[: self.size - self.done]
        count = self._file.readinto(room) or 0
        self._digest.update(room[:count])
        self.done += count
        return count

    @property
    def grown(self) -> bool:
        """Whether somebody has written to the file's end since."""
        return os.fstat(self._descriptor).st_size > self.size

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def opened(path: Path) -> Iterator[tuple[Snapshot, BinaryIO]]:
    """A file to read, and the snapshot behind it.

    Raises:
        NotFound: no such file.
        BadRequest: it is empty, compressed, not in UTF-8, or may not be read.
    """
    if path.suffix.lower() in _COMPRESSED:
        raise BadRequest(f"{path} is compressed: unpack it first.")
    try:
        snapshot = Snapshot(path)
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}: check the name.") from None
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror or error}.") from None
    with snapshot:
        if not snapshot.size:
            raise BadRequest(f"{path} is empty: give a file with something in it.")
        reader = io.BufferedReader(snapshot, BUFFER)
        if reader.peek(2)[:2] in _WIDE:
            raise BadRequest(f"{path} is in UTF-16: save it as UTF-8.")
        yield snapshot, reader
