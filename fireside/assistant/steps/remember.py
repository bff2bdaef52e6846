"""`remember`: the facts of what the person just said, kept or proposed as the policy has it.

Only the person's own words are looked at: never an answer, a document or what a tool gave.  The
receipt says what was kept, proposed, known already or not remembered, and why; it never repeats
what looked private.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fireside.assistant.memory.facts import Fact, facts_in
from fireside.assistant.memory.records import DAY, Source
from fireside.assistant.steps import Stage

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.memory.memories import Memories

What = Literal["kept", "proposed", "known", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What became of one fact.  refused: why it was not remembered; its words are not told."""

    what: What
    fact: Fact
    memory_id: str | None = None
    change_id: str | None = None
    superseded: Sequence[str] = ()
    refused: Sequence[str] = ()

    def as_receipt(self) -> dict[str, Any]:
        told: dict[str, Any] = {"what": self.what, "kind": self.fact.kind, "score": self.fact.score}
        if self.refused:
            return told | {"holds": list(self.refused)}
        told |= {"id": self.memory_id, "text": self.fact.text}
        if self.change_id is not None:
            told["undo"] = self.change_id
        if self.superseded:
            told["supersedes"] = list(self.superseded)
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    policy: str
    noted: Sequence[Noted]

    def as_receipt(self) -> Mapping[str, Any]:
        return {"policy": self.policy, "facts": [each.as_receipt() for each in self.noted]}


@dataclass(frozen=True, slots=True)
class Remember:
    memories: Memories
    stage: Stage = "record"
    name: str = "remember"

    def run(self, exchange: Exchange) -> Remembered | None:
        config = exchange.persona.memory
        if config.write == "off" or exchange.question.role != "user":
            return None
        noted = [
            self._note(exchange, fact)
            for fact in facts_in(exchange.question.content)
            if fact.score >= config.least_score and config.takes(fact.kind)
        ]
        return Remembered(policy=config.write, noted=noted) if noted else None

    def _note(self, exchange: Exchange, fact: Fact) -> Noted:
        private = self.memories.private_in(fact.text)
        if private:
            return Noted(what="refused", fact=fact, refused=private)
        config = exchange.persona.memory
        added = self.memories.add(
            exchange.owner,
            fact.text,
            kept=config.write == "automatic",
            persona=exchange.persona.name if config.scope == "persona" else None,
            source=Source(
                by="conversation",
                conversation_id=exchange.scope,
                message_id=exchange.question_id or None,
                words=fact.words,
            ),
            score=fact.score,
            expires_at=None if config.ttl_days is None else time.time() + config.ttl_days * DAY,
        )
        what: What = "kept" if added.memory.status == "kept" else "proposed"
        return Noted(
            what="known" if added.known else what,
            fact=fact,
            memory_id=added.memory.id,
            change_id=added.change_id,
            superseded=added.superseded,
        )
