"""The vault: the values behind the placeholders of a conversation, encrypted, row by row.

A row of `objects` (kind `private_value`, below its conversation, its owner's) holds one value
under AES-256-GCM with the owner's key (`vault_key.py`); owner, conversation and place are
authenticated with it, so a row moved elsewhere cannot be read.  It refuses to give a value to
another owner, and to go on silently where a key is lost.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from fireside.errors import Conflict
from fireside.safety.privacy.pseudonyms import Pseudonym, Pseudonyms
from fireside.safety.privacy.vault_key import FOLDER, NONCE, VaultKeys, damaged
from fireside.storage.objects import New, Objects, Stored

KIND: Final = "private_value"
TRIES: Final = 5
PAGE: Final = 500
T = TypeVar("T")


class Vault:
    """home: FIRESIDE_HOME.  Safe to use from many threads and processes."""

    def __init__(self, objects: Objects, home: Path) -> None:
        self._objects = objects
        self._keys = VaultKeys(home / FOLDER)

    def pseudonyms(self, owner: str, scope: str) -> Pseudonyms:
        """Those of a conversation.

        Raises:
            Corrupt: there are values, and their key is lost or damaged.
        """
        rows = self._rows(owner, scope)
        if not rows:
            return Pseudonyms()
        key = self._keys.key(owner, make=False)
        if key is None:
            raise damaged()
        return Pseudonyms([_opened(key, owner, scope, row) for row in rows])

    def hide(self, owner: str, scope: str, work: Callable[[Pseudonyms], T]) -> tuple[T, Pseudonyms]:
        """What `work` makes with the conversation's pseudonyms, once those that it made are kept.

        `work` may be done again, where another writer took the same placeholder meanwhile.

        Raises:
            Corrupt: as `pseudonyms`.
        """
        for _ in range(TRIES):
            known = self.pseudonyms(owner, scope)
            made = work(known)
            if not known.new:
                return made, known
            key = self._keys.key(owner, make=True)
            assert key is not None
            rows = [_sealed(key, owner, scope, one) for one in known.new]
            try:
                self._objects.add_all(KIND, rows, owner=owner, parent_id=scope)
            except Conflict:
                continue
            known.new.clear()
            return made, known
        raise Conflict("Many messages of this conversation arrive at once: send this one again.")

    def restore(self, owner: str, scope: str, text: str) -> str:
        """A stored text with its owner's own values, for that owner's eyes.  Raises Corrupt."""
        return self.pseudonyms(owner, scope).shown(text) if "[" in text else text

    def forget(self, owner: str) -> None:
        """Delete the owner's key: from now on nobody reads their values, in no backup."""
        self._keys.forget(owner)

    def _rows(self, owner: str, scope: str) -> list[Stored]:
        found: list[Stored] = []
        more = True
        while more:
            after = found[-1].id if found else None
            page = self._objects.listed(
                KIND, owner=owner, parent_id=scope, order="asc", after=after, limit=PAGE
            )
            found += page.items
            more = page.more
        return found


def _sealed(key: bytes, owner: str, scope: str, one: Pseudonym) -> New:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    place = f"{scope}\0{one.placeholder}".encode()
    row_id = "pv_" + hmac.new(key, place, hashlib.sha256).hexdigest()[:40]
    nonce = secrets.token_bytes(NONCE)
    plain = json.dumps([one.kind, one.number, one.value]).encode()
    sealed = AESGCM(key).encrypt(nonce, plain, _bound_to(owner, scope, row_id))
    return New(id=row_id, body={"sealed": base64.b64encode(nonce + sealed).decode()})


def _opened(key: bytes, owner: str, scope: str, row: Stored) -> Pseudonym:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = base64.b64decode(row.body["sealed"])
        plain = AESGCM(key).decrypt(raw[:NONCE], raw[NONCE:], _bound_to(owner, scope, row.id))
        kind, number, value = json.loads(plain)
    except (InvalidTag, ValueError, KeyError):
        raise damaged() from None
    return Pseudonym(kind=kind, number=number, value=value)


def _bound_to(owner: str, scope: str, row_id: str) -> bytes:
    return json.dumps([owner, scope, row_id]).encode()
