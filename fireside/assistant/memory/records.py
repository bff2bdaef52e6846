"""A fact that is remembered, and where it came from: the values that this room hands out.

A memory's row (`Store.objects`, kind `memory`) holds its text, its kind and its source; the row's
own expiry is the time at which it is purged, for a fact whose time is over must still be there for
undo.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from fireside.storage.objects import Stored

KIND: Final = "memory"
MOST_LETTERS: Final = 500
"""Of one fact: a sentence or two, so that the whole of it is embedded and shown."""
PURGE_DAYS: Final = 30
"""How long what was forgotten or has expired can be brought back."""
DAY: Final = 86_400.0

Status = Literal["proposed", "kept", "superseded", "forgotten", "expired"]
"""`superseded`: a newer fact about the same thing is linked.  `expired` is kept and over."""
STATUSES: Final[tuple[Status, ...]] = ("proposed", "kept", "superseded", "forgotten", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a fact came from.  words: the exact words that it was made from.

    by: `person`, who wrote it by hand, or `conversation`.
    """

    by: Literal["person", "conversation"] = "person"
    conversation_id: str | None = None
    message_id: str | None = None
    words: str = ""


BY_HAND: Final = Source()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """
    kind: what it is about, of `config.Kind`.  subject: what a newer fact replaces it by.
    persona: the one that sees it; None, all.
    score: how sure the rules were that it is worth keeping; 1 for what was written by hand.
    expires_at, last_used_at: Unix seconds.
    """

    id: str
    owner: str
    text: str
    status: Status
    kind: str
    subject: str | None
    persona: str | None
    source: Source
    score: float
    created_at: float
    expires_at: float | None
    last_used_at: float | None
    uses: int
    supersedes: str | None
    superseded_by: str | None

    def as_json(self) -> dict[str, Any]:
        """All but the owner."""
        return {name: value for name, value in asdict(self).items() if name != "owner"}

    def seen_by(self, persona: str | None) -> bool:
        return self.persona is None or self.persona == persona


def memory_of(row: Stored) -> Memory:
    body = row.body
    status: Any = row.status
    ends = body["expires_at"]
    if status == "kept" and ends is not None and ends <= time.time():
        status = "expired"
    return Memory(
        id=row.id,
        owner=row.owner,
        status=status,
        created_at=row.created_at,
        source=Source(**body["source"]),
        **{name: body[name] for name in _PLAIN},
    )


_PLAIN = (
    "text", "kind", "subject", "persona", "score", "expires_at", "last_used_at", "uses",
    "supersedes", "superseded_by",
)  # fmt: skip


def body_of(
    text: str,
    *,
    kind: str,
    subject: str | None,
    persona: str | None,
    source: Source,
    score: float,
    expires_at: float | None,
    supersedes: str | None = None,
) -> dict[str, Any]:
    """The body of a new memory's row."""
    return {
        "text": text,
        "kind": kind,
        "subject": subject,
        "persona": persona,
        "source": asdict(source),
        "score": score,
        "expires_at": expires_at,
        "last_used_at": None,
        "uses": 0,
        "supersedes": supersedes,
        "superseded_by": None,
    }


def purged_at(status: str | None, body: Mapping[str, Any]) -> float | None:
    """When a row of this status and body is to be deleted for good; None, never."""
    if status == "forgotten":
        return time.time() + PURGE_DAYS * DAY
    ends = body["expires_at"]
    return None if ends is None else float(ends) + PURGE_DAYS * DAY
