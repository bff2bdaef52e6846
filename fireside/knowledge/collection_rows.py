"""The rows of vector stores, of their files and of their batches of files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from fireside.knowledge.chunks import AUTO, Strategy
from fireside.knowledge.filters import Value
from fireside.storage.objects import Stored

STORE: Final = "vector_store"
FILE: Final = "vector_store_file"
BATCH: Final = "vector_store_file_batch"
DAY: Final = 86_400  # seconds
WAITING: Final = ("queued", "in_progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A file to put into a store."""

    file_id: str
    attributes: Mapping[str, Value] | None = None
    strategy: Strategy = AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    usage_bytes: int = 0

    @property
    def total(self) -> int:
        return self.in_progress + self.completed + self.failed + self.cancelled


def row_id(store_id: str, file_id: str) -> str:
    """One row for a file in a store, and no search for it."""
    return f"{store_id}/{file_id}"


def expires_at(store: Stored) -> float | None:
    days = store.body["days"]
    return None if days is None else float(store.body["last_active_at"]) + days * DAY


def is_expired(store: Stored) -> bool:
    end = expires_at(store)
    return end is not None and end <= time.time()


def cancelled(row: Stored) -> Stored:
    return replace(row, status="cancelled") if row.status in WAITING else row
