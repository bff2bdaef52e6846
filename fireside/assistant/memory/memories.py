"""What is remembered of each person: kept, found, corrected, forgotten, and brought back.

Every operation is a step of the log and can be undone until it is purged.  A newer fact about the
same thing supersedes the older one, which stays, linked.  It refuses another owner's ids in the
very words that an unknown id gets, and to keep secrets and personal data that nobody insisted on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fireside.assistant.memory.facts import about, tidy
from fireside.assistant.memory.index import Indexes
from fireside.assistant.memory.log import Change, Log, Operation, Step
from fireside.assistant.memory.private import Finds, load_finder, private_in, refuse_private
from fireside.assistant.memory.recollection import Recollection, recollect
from fireside.assistant.memory.records import (
    BY_HAND,
    KIND,
    MOST_LETTERS,
    Memory,
    Source,
    Status,
    body_of,
    memory_of,
    purged_at,
)
from fireside.assistant.memory.sweep import sweep
from fireside.errors import BadRequest, Conflict
from fireside.knowledge.embedders import Embeds
from fireside.storage.ids import new_id
from fireside.storage.objects import New, Objects, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """known: the same fact was there already; if it was only proposed, it is accepted.
    superseded: the older facts that it replaces."""

    memory: Memory
    known: bool = False
    superseded: tuple[str, ...] = ()
    change_id: str | None = None


class Memories:
    """
    embedder: loads the embedding model; None searches by words alone.
    finds: loads what finds personal data.
    """

    def __init__(
        self,
        objects: Objects,
        embedder: Callable[[], Embeds] | None = None,
        finds: Callable[[], Finds] = load_finder,
    ) -> None:
        self._objects = objects
        self._embedder = embedder
        self._indexes = Indexes(objects)
        self._finds = finds
        self.log = Log(objects)

    def add(
        self,
        owner: str,
        text: str,
        *,
        kept: bool = True,
        persona: str | None = None,
        source: Source = BY_HAND,
        score: float = 1.0,
        expires_at: float | None = None,
        personal: bool = False,
    ) -> Added:
        """A new fact, or the one that says the same.  kept: False only proposes it.
        personal: the person insists on keeping what looks private.

        Raises:
            BadRequest: it is empty, too long, or over already; or PersonalData.
        """
        text = self._checked(text, personal)
        _check_end(expires_at)
        known = self._same(owner, text, persona)
        if known is not None:
            if known.status == "proposed" and kept:
                return self._accept(owner, known.id)
            return Added(memory=known, known=True)
        kind, subject = about(text)
        body = body_of(
            text, kind=kind, subject=subject, persona=persona, source=source, score=score,
            expires_at=expires_at,
        )  # fmt: skip
        status: Status = "kept" if kept else "proposed"
        new = New(id=new_id("mem"), body=body, status=status, expires_at=purged_at(status, body))
        row = self._objects.add_all(KIND, [new], owner=owner)[0]
        step = self.log.step(owner, "add")
        step.note(row, status="forgotten")
        superseded = self._supersede(owner, row, step) if kept else ()
        return Added(memory=self.get(owner, row.id), superseded=superseded, change_id=step.id)

    def get(self, owner: str, memory_id: str) -> Memory:
        """
        Raises:
            NotFound: there is none of that id, or it is another's.
        """
        return memory_of(self._objects.get(KIND, memory_id, owner=owner))

    def listed(
        self, owner: str, *, statuses: Sequence[str] = ("kept",), persona: str | None = None
    ) -> list[Memory]:
        """All of these statuses, the newest first.  persona: only those that it sees."""
        found = self._indexes.of(owner).facts()
        return [
            each
            for each in reversed(found)
            if each.status in statuses and (persona is None or each.seen_by(persona))
        ]

    def search(
        self,
        owner: str,
        question: str,
        *,
        limit: int = 10,
        least: float = 1e-6,
        persona: str | None = None,
        every_persona: bool = True,
    ) -> Recollection:
        """The kept facts that bear on a question, best first.  least: the score of the last."""

        def seen(memory: Memory) -> bool:
            return memory.status == "kept" and (every_persona or memory.seen_by(persona))

        index = self._indexes.of(owner)
        found = recollect(index, self._embedder, question, seen)
        good = [each for each in found.found if each.score >= least]
        return replace(found, found=good[:limit])

    def accept(self, owner: str, memory_id: str) -> Memory:
        """A proposed fact is kept from now on.

        Raises:
            NotFound: as `get`.  Conflict: it is not proposed.
        """
        return self._accept(owner, memory_id).memory

    def _accept(self, owner: str, memory_id: str) -> Added:
        def accepted(old: Stored) -> Stored:
            if old.status != "proposed":
                raise Conflict(f"The memory {old.id!r} is {old.status} and not proposed.")
            return replace(old, status="kept")

        row, step = self._step(owner, memory_id, "accept", accepted)
        superseded = self._supersede(owner, row, step)
        return Added(
            memory=self.get(owner, memory_id),
            known=True,
            superseded=superseded,
            change_id=step.id,
        )

    def edit(
        self,
        owner: str,
        memory_id: str,
        *,
        text: str | None = None,
        persona: str | None = None,
        all_personas: bool = False,
        expires_at: float | None = None,
        for_ever: bool = False,
        personal: bool = False,
    ) -> Memory:
        """Change what is given; all_personas and for_ever take a persona or an end away.

        Raises:
            NotFound: as `get`.  BadRequest: as `add`.  Conflict: it is forgotten.
        """
        change: dict[str, Any] = {}
        if text is not None:
            checked = self._checked(text, personal)
            kind, subject = about(checked)
            change = {"text": checked, "kind": kind, "subject": subject}
        if persona is not None or all_personas:
            change["persona"] = persona
        if expires_at is not None or for_ever:
            _check_end(expires_at)
            change["expires_at"] = expires_at

        def edited(old: Stored) -> Stored:
            _check_there(old)
            body = {**old.body, **change}
            return replace(old, body=body, expires_at=purged_at(old.status, body))

        self._step(owner, memory_id, "edit" if text is not None else "expire", edited)
        return self.get(owner, memory_id)

    def forget(self, owner: str, memory_id: str) -> Memory:
        """It is shown to no model any more; `undo` brings it back until it is purged.

        Raises:
            NotFound: as `get`.  Conflict: it is forgotten already.
        """

        def forgotten(old: Stored) -> Stored:
            _check_there(old)
            return replace(old, status="forgotten", expires_at=purged_at("forgotten", old.body))

        self._step(owner, memory_id, "forget", forgotten)
        return self.get(owner, memory_id)

    def purge(self, owner: str, memory_id: str) -> None:
        """Delete it for good, with its vector and its past: nothing brings it back."""
        self._objects.remove(KIND, memory_id, owner=owner)

    def undo(self, owner: str, change_id: str | None = None) -> Change:
        """As `Log.undo`."""
        return self.log.undo(owner, change_id)

    def used(self, owner: str, ids: Sequence[str]) -> None:
        """They were shown to a model just now."""
        now = time.time()

        def touched(old: Stored) -> Stored:
            body = {**old.body, "last_used_at": now, "uses": old.body["uses"] + 1}
            return replace(old, body=body)

        for each in ids:
            self._objects.change(KIND, each, touched, owner=owner)

    def sweep(self) -> None:
        """Delete what was forgotten or over long ago, and steps that are too old to undo."""
        sweep(self._objects)

    def private_in(self, text: str) -> tuple[str, ...]:
        """What of a text is not remembered by itself."""
        return private_in(text, self._finds)

    def _checked(self, text: str, personal: bool) -> str:
        text = tidy(text)
        if not text:
            raise BadRequest("The fact is empty: say what to remember.", param="text")
        if len(text) > MOST_LETTERS:
            raise BadRequest(
                f"The fact has {len(text):,} characters and may have {MOST_LETTERS}: say it in a "
                "sentence, and keep longer texts as documents of a vector store.",
                param="text",
            )
        if not personal:
            refuse_private(text, self._finds)
        return text

    def _same(self, owner: str, text: str, persona: str | None) -> Memory | None:
        for each in self._indexes.of(owner).same(text):
            if each.persona == persona and each.status in ("kept", "proposed"):
                return each
        return None

    def _supersede(self, owner: str, row: Stored, step: Step) -> tuple[str, ...]:
        """The older facts about the same thing give way."""
        subject, persona = row.body["subject"], row.body["persona"]
        if subject is None:
            return ()
        older = [
            each
            for each in self.listed(owner)
            if each.subject == subject and each.persona == persona and each.id != row.id
        ]
        for each in older:
            step_row = self._objects.get(KIND, each.id, owner=owner)
            step.note(step_row)
            self._objects.change(KIND, each.id, _superseded_by(row.id), owner=owner)
        if older:
            newest = older[0].id
            self._objects.change(
                KIND,
                row.id,
                lambda old: replace(old, body={**old.body, "supersedes": newest}),
                owner=owner,
            )
        return tuple(each.id for each in older)

    def _step(
        self,
        owner: str,
        memory_id: str,
        operation: Operation,
        change: Callable[[Stored], Stored],
    ) -> tuple[Stored, Step]:
        before: list[Stored] = []

        def changed(old: Stored) -> Stored:
            before[:] = [old]
            return change(old)

        row = self._objects.change(KIND, memory_id, changed, owner=owner)
        step = self.log.step(owner, operation)
        step.note(before[0])
        return row, step


def _superseded_by(memory_id: str) -> Callable[[Stored], Stored]:
    def changed(old: Stored) -> Stored:
        body: Mapping[str, Any] = {**old.body, "superseded_by": memory_id}
        return replace(old, status="superseded", body=dict(body))

    return changed


def _check_there(old: Stored) -> None:
    if old.status == "forgotten":
        raise Conflict(f"The memory {old.id!r} is forgotten already: undo brings it back.")


def _check_end(expires_at: float | None) -> None:
    if expires_at is not None and expires_at <= time.time():
        raise BadRequest("The fact would be over already: give a later time.", param="expires_at")
