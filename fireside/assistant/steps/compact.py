"""`compact`: a summary in place of the oldest turns of a conversation that is full.

It shortens `exchange.history` and `history_ids`, says in `summarised` by how many messages and in
`unread` what not even the summary knows, and puts its section first, for it changes least.  It
acts where `exchange.compacts` allows it: on the page and in the terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fireside.assistant.budget import Budget
from fireside.assistant.compaction import Compacted, Compaction, Old
from fireside.assistant.exchange import Section
from fireside.assistant.recommend import SMALL
from fireside.assistant.steps import Stage
from fireside.assistant.summary import By

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Compact:
    compaction: Compaction
    stage: Stage = "budget"
    name: str = "compact"

    def run(self, exchange: Exchange) -> Compacted | None:
        config = exchange.persona.memory.compaction
        wanted = exchange.compacts and config.enabled and exchange.reply is None
        if not (wanted and exchange.scope and exchange.history):
            return None
        old = Old(
            owner=exchange.owner,
            conversation_id=exchange.scope,
            messages=exchange.history,
            ids=exchange.history_ids,
            unread=exchange.unread,
            after=exchange.last_summary,
        )
        found = self.compaction.compacted(
            exchange.model,
            old,
            exchange.question,
            room=room_of(exchange),
            by=writer(config.by, exchange),
        )
        if found is None:
            return None
        exchange.history = exchange.history[found.place :]
        exchange.history_ids = exchange.history_ids[found.place :]
        exchange.summarised, exchange.unread = found.place, found.unread
        exchange.sections.insert(0, Section(name="summary", text=found.text, lasting=True))
        return found


def writer(by: str, exchange: Exchange) -> By:
    """Who sums up: a model that is too small to write what passes the check is not asked."""
    if by == "auto":
        entry = exchange.model.entry
        return "extract" if entry is not None and entry.parameters < SMALL else "model"
    return "model" if by == "model" else "extract"


def room_of(exchange: Exchange) -> int:
    """Tokens for what was said: the window without the answer and the instructions.

    What changes from turn to turn (memories, passages, tools) is not counted: the cuts would move
    with it.  `HIGH` leaves a fifth of the room for it, and what goes beyond is left out by the
    budget.
    """
    budget = Budget.of(exchange.model.context, exchange.persona.sampling.max_tokens)
    fixed = "\n\n".join(filter(None, (exchange.persona.instructions, exchange.instructions)))
    return budget.prompt - (len(exchange.model.tokenizer.encode(fixed)) if fixed else 0)
