"""Who may ask, as values: users, projects, keys, and the record of what admins did.

A key is 256 random bits behind `fs-`.  Kept of it: its first letters, by which it is found and
shown, and the SHA-256 of the whole.  It needs no salt and no slow hash: nobody guesses 256 bits.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Role = Literal["admin", "member"]
UserKind = Literal["user", "service_account"]
KeyKind = Literal["admin", "project"]

MARK: Final = "fs-"
VISIBLE: Final = len(MARK) + 8
DEFAULT_PROJECT: Final = "proj_default"
"""Its rows are those of the server without keys: whoever makes the first key keeps their chats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """project_id: of a service account, the project it belongs to."""

    id: str
    kind: UserKind
    name: str
    email: str | None
    role: Role
    project_id: str | None
    created_at: float
    removed_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    id: str
    name: str
    created_at: float
    archived_at: float | None

    @property
    def owner(self) -> str:
        return owner_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a key may use; None is without end.  Minutes slide, the total never comes back."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """kind: an `admin` key reaches /v1/organization alone.  scopes: None for everything that its
    user's role allows.  prefix: its first letters."""

    id: str
    kind: KeyKind
    name: str
    prefix: str
    user_id: str
    project_id: str
    scopes: tuple[str, ...] | None
    limits: Limits
    tokens_used: int
    created_at: float
    expires_at: float | None
    last_used_at: float | None
    revoked_at: float | None

    @property
    def redacted(self) -> str:
        return f"{self.prefix}..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A key that was shown, with whose it is."""

    key: Key
    user: User
    project: Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did it: a key of the API, or a person at this machine's own command line."""

    key_id: str | None = None
    user_id: str | None = None

    @property
    def id(self) -> str | None:
        return self.user_id or self.key_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One line of the audit log.  type: OpenAI's word for it."""

    id: str
    type: str
    at: float
    project_id: str | None
    resource_id: str | None
    actor: Mapping[str, Any]
    details: Mapping[str, Any]


def owner_of(project_id: str) -> str:
    """The owner of a project's rows."""
    return "" if project_id == DEFAULT_PROJECT else project_id


def new_secret() -> str:
    """`fs-` and 256 random bits."""
    return MARK + secrets.token_urlsafe(32)


def prefix_of(secret: str) -> str:
    return secret[:VISIBLE]


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def is_same(secret: str, kept: str) -> bool:
    """In constant time: nothing of the kept hash shows in how long it takes."""
    return hmac.compare_digest(hash_of(secret), kept)
