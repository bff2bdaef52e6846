"""What was forgotten or over long ago, deleted for good: the facts, their vectors, their past.

It refuses to decide when: each row carries its own end (`records.purged_at`).
"""

from __future__ import annotations

from typing import Final

from fireside.assistant.memory.index import VECTOR
from fireside.assistant.memory.log import CHANGE
from fireside.assistant.memory.records import KIND
from fireside.storage.objects import Objects, Stored

AT_ONCE: Final = 500


def sweep(objects: Objects) -> None:
    for kind in (KIND, CHANGE):
        while expired := objects.expired(kind, AT_ONCE):
            below = [each for row in expired if kind == KIND for each in _below(objects, row)]
            objects.discard([*below, *(row.id for row in expired)])


def _below(objects: Objects, row: Stored) -> list[str]:
    return [
        each.id
        for kind in (VECTOR, CHANGE)
        for each in objects.listed(kind, owner=row.owner, parent_id=row.id, limit=1000).items
    ]
