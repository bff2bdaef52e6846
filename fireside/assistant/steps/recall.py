"""`recall`: what the person has told in other conversations and bears on the question.

It adds one section, in the person's own words, and marks what it showed as used.  Standing
instructions and the name bear on every question; of the rest only what reaches the threshold is
shown, so that nothing is recalled where nothing bears on it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.exchange import Section
from fireside.assistant.memory.index import Found
from fireside.assistant.steps import Stage

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.memory.memories import Memories

STANDING: Final = frozenset({"instruction", "name"})
HEAD: Final = (
    "What the person told you in earlier conversations, in their own words. It may be out of date; "
    "use it only where it helps with what they ask now."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """shown: the facts that stand in the prompt.  searched: how many there were to choose from."""

    shown: Sequence[Found]
    searched: int
    words_only: str | None
    pending: int

    def as_receipt(self) -> Mapping[str, Any]:
        told: dict[str, Any] = {
            "searched": self.searched,
            "memories": [_shown(each) for each in self.shown],
        }
        if self.words_only is not None:
            told["words_only"] = self.words_only
        if self.pending:
            told["not_embedded_yet"] = self.pending
        return told


@dataclass(frozen=True, slots=True)
class Recall:
    memories: Memories
    stage: Stage = "recall"
    name: str = "recall"

    def run(self, exchange: Exchange) -> Recalled | None:
        config = exchange.persona.memory
        if not config.recalls or exchange.question.role != "user":
            return None
        found = self.memories.search(
            exchange.owner,
            exchange.question.content,
            limit=1_000_000,
            least=0.0,
            persona=exchange.persona.name,
            every_persona=False,
        )
        if not found.searched:
            return None
        standing = [each for each in found.found if each.memory.kind in STANDING]
        bearing = [
            each
            for each in found.found
            if each.memory.kind not in STANDING and each.score >= config.threshold
        ]
        standing.sort(key=lambda each: each.memory.id, reverse=True)
        shown = [*standing, *bearing][: config.most]
        if shown:
            exchange.sections.append(Section(name="memory", text=told(shown)))
            self.memories.used(exchange.owner, [each.memory.id for each in shown])
        return Recalled(
            shown=shown,
            searched=found.searched,
            words_only=found.words_only,
            pending=found.pending,
        )


def told(shown: Sequence[Found]) -> str:
    """The section: one line for each fact, the oldest first, with the day on which it was told."""
    lines = [
        f"- {_day(each.memory.created_at)}: {each.memory.text}"
        for each in sorted(shown, key=lambda each: each.memory.id)
    ]
    return "\n".join([HEAD, *lines])


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _shown(found: Found) -> dict[str, Any]:
    memory = found.memory
    return {
        "id": memory.id,
        "text": memory.text,
        "kind": memory.kind,
        "score": round(found.score, 4),
        "cosine": None if found.cosine is None else round(found.cosine, 4),
        "conversation_id": memory.source.conversation_id,
        "message_id": memory.source.message_id,
    }
