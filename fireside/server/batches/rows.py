"""A batch as a row: what it is made of, how it moves, and how OpenAI shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from fireside.errors import Conflict
from fireside.server.caller import Caller
from fireside.storage.objects import Objects, Stored

Change = Callable[[Stored], Stored]

KIND: Final = "batch"
WINDOW: Final = 86_400
ACTIVE: Final = ("validating", "in_progress", "finalizing", "cancelling")
TIMES: Final = {
    "in_progress": "in_progress_at",
    "finalizing": "finalizing_at",
    "completed": "completed_at",
    "failed": "failed_at",
    "expired": "expired_at",
    "cancelling": "cancelling_at",
    "cancelled": "cancelled_at",
}
SHOWN: Final = (
    "model", "errors", "output_file_id", "error_file_id", "usage", *TIMES.values()
)  # fmt: skip


def add(
    objects: Objects,
    caller: Caller,
    *,
    endpoint: str,
    input_file_id: str,
    metadata: Mapping[str, str] | None,
    output_life: float | None,
) -> Stored:
    """A new batch, as `caller`, who its lines will be asked as."""
    body = {
        "object": KIND,
        "endpoint": endpoint,
        "input_file_id": input_file_id,
        "completion_window": "24h",
        "metadata": None if metadata is None else dict(metadata),
        "due_at": time.time() + WINDOW,
        "output_life": output_life,
        "counts": {"total": 0, "completed": 0, "failed": 0},
        "caller": {
            "key_id": caller.key_id,
            "user_id": caller.user_id,
            "admin": caller.admin,
            "scopes": None if caller.scopes is None else sorted(caller.scopes),
        },
    }
    return objects.add(KIND, KIND, body, owner=caller.owner, status="validating")


def caller_of(batch: Stored) -> Caller:
    kept = batch.body["caller"]
    scopes = kept["scopes"]
    return Caller(
        owner=batch.owner,
        key_id=kept["key_id"],
        user_id=kept["user_id"],
        admin=kept["admin"],
        scopes=None if scopes is None else frozenset(scopes),
    )


def moved(batch: Stored, status: str, **more: Any) -> Stored:
    """`batch` in another status, with the moment of it written down."""
    body = batch.body | {TIMES[status]: int(time.time())} | more
    return replace(batch, status=status, body=body)


def cancelling(batch: Stored) -> Stored:
    """As `Objects.change` takes it.

    Raises:
        Conflict: it is over.
    """
    if batch.status == "cancelling":
        return batch
    if batch.status not in ("validating", "in_progress"):
        raise Conflict(f"The batch {batch.id!r} is {batch.status}: there is nothing to cancel.")
    return moved(batch, "cancelling")


def shown(batch: Stored) -> dict[str, object]:
    """As OpenAI shows a batch."""
    body = batch.body
    return {
        "id": batch.id,
        "object": KIND,
        "endpoint": body["endpoint"],
        "input_file_id": body["input_file_id"],
        "completion_window": body["completion_window"],
        "status": batch.status,
        "created_at": int(batch.created_at),
        "expires_at": int(body["due_at"]),
        "request_counts": body["counts"],
        "metadata": body["metadata"],
    } | {name: body.get(name) for name in SHOWN}
