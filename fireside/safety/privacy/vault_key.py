"""The keys of the vault: one for each owner, wrapped by a master key, in files of this user alone.

    FIRESIDE_HOME/vault/master.key      32 bytes
    FIRESIDE_HOME/vault/<owner>.key     the owner's key, AES-256-GCM under the master key

Without its owner's key a value is noise, in every backup too: deleting one file forgets.  A key is
never made anew where one was: that would hide the loss.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from fireside.errors import Corrupt, Unavailable

FOLDER: Final = "vault"
MASTER: Final = "master.key"
SIZE: Final = 32
NONCE: Final = 12


class VaultKeys:
    """folder: `FIRESIDE_HOME/vault`.  Safe to use from many threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def key(self, owner: str, *, make: bool) -> bytes | None:
        """The owner's key; None if there is none and none is to be made.

        Raises:
            Corrupt: a key's file is damaged, or the master key that opens it is gone.
            Unavailable: the folder cannot be read or written.
        """
        path = self._path(owner)
        with _disk(self._folder):
            if not path.exists():
                if not make:
                    return None
                self._make(path, self._wrapped(self._master(make=True), owner))
            wrapped = path.read_bytes()
            return self._opened(self._master(make=False), wrapped, owner)

    def forget(self, owner: str) -> bool:
        """Whether there was a key."""
        path = self._path(owner)
        with _disk(self._folder):
            try:
                size = path.stat().st_size
                with path.open("r+b") as file:
                    file.write(b"\0" * size)
                    os.fsync(file.fileno())
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def _path(self, owner: str) -> Path:
        return self._folder / f"{hashlib.sha256(owner.encode()).hexdigest()[:32]}.key"

    def _master(self, *, make: bool) -> bytes:
        path = self._folder / MASTER
        others = self._folder.is_dir() and any(self._folder.glob("*.key"))
        if not path.exists():
            if not make or others:
                raise Corrupt(
                    f"The vault's {MASTER} is gone: restore it from a backup of FIRESIDE_HOME, or "
                    "give the hidden values up with `fireside privacy forget`."
                )
            self._make(path, secrets.token_bytes(SIZE))
        found = path.read_bytes()
        if len(found) != SIZE:
            raise Corrupt(
                f"The vault's {MASTER} is damaged: restore it from a backup of FIRESIDE_HOME, or "
                "give the hidden values up with `fireside privacy forget`."
            )
        return found

    def _wrapped(self, master: bytes, owner: str) -> bytes:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE)
        sealed = AESGCM(master).encrypt(nonce, secrets.token_bytes(SIZE), owner.encode())
        return nonce + sealed

    def _opened(self, master: bytes, wrapped: bytes, owner: str) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(master).decrypt(wrapped[:NONCE], wrapped[NONCE:], owner.encode())
        except (InvalidTag, ValueError):
            raise damaged() from None

    def _make(self, path: Path, content: bytes) -> None:
        """Whole or not at all, and never over one that another process has made meanwhile."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._folder / f".{path.name}.{secrets.token_hex(6)}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def damaged() -> Corrupt:
    return Corrupt(
        "The vault's key of this owner is lost or damaged, and its hidden values cannot be read: "
        "restore FIRESIDE_HOME/vault from a backup, or give the values up with "
        "`fireside privacy forget`."
    )


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """What goes wrong with a disk, as one line for a person."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"The vault's folder {folder} cannot be used ({error.strerror}): check its permissions."
        ) from None
