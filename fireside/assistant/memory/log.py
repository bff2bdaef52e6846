"""What was done to memories, step by step, so that each step can be taken back until it is purged.

One row (`memory_change`) for each memory that a step touched, below that memory: whoever deletes a
memory deletes its past with it.  The rows of one step share a group.  It refuses to take back a
step over a later one of the same memory: that one comes first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from fireside.assistant.memory.records import DAY, KIND, PURGE_DAYS, purged_at
from fireside.errors import Conflict, NotFound
from fireside.storage.ids import new_id
from fireside.storage.objects import Objects, Stored

CHANGE: Final = "memory_change"
Operation = Literal["add", "accept", "edit", "forget", "supersede", "expire", "undo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step.  id: what `undo` takes.  memory_ids: what it touched.  undone: it is taken back."""

    id: str
    operation: str
    memory_ids: tuple[str, ...]
    at: float
    undone: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "operation": self.operation,
            "memory_ids": list(self.memory_ids),
            "at": self.at,
            "undone": self.undone,
        }


class Step:
    """Under way: each `note` is one memory that it touches, as it was before."""

    def __init__(self, objects: Objects, owner: str, operation: Operation) -> None:
        self.id = new_id("chg")
        self._objects = objects
        self._owner = owner
        self._operation = operation

    def note(self, before: Stored, *, status: str | None = None, undoes: str | None = None) -> None:
        """status: what undo makes of it, where that is not what it was."""
        body = {
            "group": self.id,
            "operation": self._operation,
            "undoes": undoes,
            "before": {"status": status or before.status, "body": before.body},
        }
        self._objects.add(
            CHANGE, "mch", body, owner=self._owner, parent_id=before.id, status="done",
            expires_at=time.time() + PURGE_DAYS * DAY,
        )  # fmt: skip


class Log:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def step(self, owner: str, operation: Operation) -> Step:
        return Step(self._objects, owner, operation)

    def changes(self, owner: str, limit: int = 50) -> list[Change]:
        """The newest first."""
        rows = self._objects.listed(CHANGE, owner=owner, limit=4 * limit).items
        groups: dict[str, list[Stored]] = {}
        for row in rows:
            groups.setdefault(row.body["group"], []).append(row)
        return [_change(group) for group in list(groups.values())[:limit]]

    def undo(self, owner: str, change_id: str | None = None) -> Change:
        """Take back a step, or the newest that is not taken back; undoing an undo does it again.

        Raises:
            NotFound: there is no such step, or none at all.
            Conflict: it is taken back already, or a later step touched the same memory.
        """
        rows = self._group(owner, change_id)
        for row in rows:
            self._check_newest(owner, row)
        undoing = self.step(owner, "undo")
        for row in rows:  # the newest of a step first: it is taken back in the other direction
            self._objects.change(CHANGE, row.id, _taken_back, owner=owner)
            before: Mapping[str, Any] = row.body["before"]
            old = self._objects.get(KIND, str(row.parent_id), owner=owner)
            undoing.note(old, undoes=row.body["group"])
            self._objects.change(
                KIND,
                old.id,
                lambda now, before=before: replace(  # type: ignore[misc]
                    now,
                    status=before["status"],
                    body=_restored(now.body, before["body"]),
                    expires_at=purged_at(before["status"], before["body"]),
                ),
                owner=owner,
            )
        for group in {row.body["undoes"] for row in rows if row.body["undoes"]}:
            self._flip(owner, group, "done")
        return replace(_change(rows), undone=True)

    def _group(self, owner: str, change_id: str | None) -> list[Stored]:
        """The rows of a step, the newest first."""
        if change_id is None:
            for row in self._objects.listed(
                CHANGE, owner=owner, statuses=["done"], limit=200
            ).items:
                if row.body["operation"] != "undo":
                    change_id = row.body["group"]
                    break
            else:
                raise NotFound("There is nothing to undo.")
        rows = self._objects.listed(
            CHANGE, owner=owner, matching={"group": change_id}, limit=100
        ).items
        if not rows:
            raise NotFound(f"There is no change {str(change_id)[:100]!r}.")
        if rows[0].status != "done":
            raise _already(change_id)
        return rows

    def _check_newest(self, owner: str, row: Stored) -> None:
        later = self._objects.listed(
            CHANGE, owner=owner, parent_id=row.parent_id, statuses=["done"], limit=100
        ).items
        for each in later:
            if each.id == row.id:
                return
            if each.body["operation"] != "undo" and each.body["group"] != row.body["group"]:
                raise Conflict(
                    f"The memory {row.parent_id!r} was changed after that: undo "
                    f"{each.body['group']!r} first."
                )

    def _flip(self, owner: str, group: str, status: str) -> None:
        """A step stands again, or no more; and what it had taken back, the other way round."""
        found = self._objects.listed(CHANGE, owner=owner, matching={"group": group}, limit=100)
        for row in found.items:
            self._objects.change(
                CHANGE, row.id, lambda old: replace(old, status=status), owner=owner
            )
        for each in {row.body["undoes"] for row in found.items if row.body["undoes"]}:
            self._flip(owner, each, "undone" if status == "done" else "done")


def _taken_back(old: Stored) -> Stored:
    if old.status != "done":  # another tab was faster
        raise _already(old.body["group"])
    return replace(old, status="undone")


def _already(change_id: str | None) -> Conflict:
    return Conflict(f"The change {str(change_id)[:100]!r} was undone already.")


def _restored(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What it was, but for how often it was used since."""
    used = {name: now[name] for name in ("last_used_at", "uses")}
    return {**before, **used}


def _change(rows: Sequence[Stored]) -> Change:
    return Change(
        id=rows[0].body["group"],
        operation=rows[-1].body["operation"],
        memory_ids=tuple(dict.fromkeys(str(row.parent_id) for row in reversed(rows))),
        at=rows[-1].created_at,
        undone=rows[0].status == "undone",
    )
