"""Steps of the dialogue: understand the turn by the persona's policy, frame the answer, keep the
state.

`Dialogue` writes `reply` where the policy has the words itself, else a section that tells the model
what it answers; `Framing` puts the policy's sentences before and behind the model's; `Keeping`
stores the state after the turn.  They refuse to do anything for a persona without a policy.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol
from zoneinfo import ZoneInfo

from fireside.assistant.exchange import Section
from fireside.assistant.frame import Frame
from fireside.assistant.steps import Stage
from fireside.assistant.ticket_desk import TicketDesk
from fireside.dialogue.kept import THIS_TURN
from fireside.dialogue.wording import courtesy, shown

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.dialogue.config import DialogueConfig
    from fireside.dialogue.kept import States
    from fireside.dialogue.policy import Decision
    from fireside.dialogue.reading import Reader, Reading
    from fireside.dialogue.vectors import Vectors

OUTSIDE: Final = ("open", "digression")
"""What a decision says of a turn that is in no flow."""
READERS: Final = 16
"""Policies whose examples stay embedded."""


class Embedders(Protocol):
    """`fireside.engine.models.Models`, as far as it is needed here."""

    def embedder(self) -> Vectors: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueResult:
    """decision: the state after the turn, and what is said.  reading: how it was understood."""

    decision: Decision
    reading: Reading

    def as_receipt(self) -> Mapping[str, Any]:
        state = self.decision.state
        made: dict[str, Any] = {
            **self.reading.as_receipt(),
            "did": self.decision.why,
            "goal": state.goal,
            "slots": {
                name: {"how": value.how, "message_id": value.message_id}
                for name, value in state.slots.items()
                if value.message_id != THIS_TURN
            },
            "new_slots": [n for n, v in state.slots.items() if v.message_id == THIS_TURN],
            "asks": state.question.slot or state.question.kind if state.question else None,
            "handed_over": state.handed_over is not None,
        }
        if state.handed_over is not None:
            made["summary"] = state.handed_over.summary
            made["to"] = state.handed_over.to
            made["ticket"] = state.handed_over.ticket
        return made


class Dialogue:
    """states: None keeps nothing (a conversation test holds its state itself).  desk: writes
    tickets; None writes none, and says so."""

    stage: Stage = "understand"
    name = "dialogue"

    def __init__(
        self,
        models: Embedders,
        states: States | None,
        clock: Callable[[], datetime],
        desk: TicketDesk | None = None,
    ) -> None:
        self._models = models
        self._states = states
        self._clock = clock
        self._desk = desk or TicketDesk(tickets=None)
        self._readers: dict[str, Reader] = {}
        self._lock = threading.Lock()

    def run(self, exchange: Exchange) -> DialogueResult | None:
        config = exchange.persona.dialogue
        if not config.active or exchange.question.role != "user" or exchange.reply is not None:
            return None
        from fireside.dialogue.editing import fitting
        from fireside.dialogue.extraction import Extractor
        from fireside.dialogue.policy import decide
        from fireside.dialogue.state import DialogueState

        before = DialogueState()
        if self._states is not None and exchange.scope is not None:
            before = fitting(config, self._states.before(exchange.history_ids))
        if (mood := getattr(exchange.results.get("mood"), "score", None)) is not None:
            before = before.with_mood(float(mood))
        zone = ZoneInfo(exchange.persona.tools.timezone)
        reading = self._reader(config).read(
            exchange.question.content,
            before,
            today=self._clock().astimezone(zone).date(),
            extractor=Extractor(exchange.model, exchange.owner),
        )
        said = [each.content for each in exchange.history[-20:] if each.role == "user"]
        decision = decide(
            config, before, reading, message_id=THIS_TURN, said=[*said, exchange.question.content]
        )
        decision = self._desk.settle(exchange, decision)
        if decision.move.model:
            exchange.sections.append(Section(name=self.name, text=brief(config, decision)))
        else:
            exchange.reply = decision.move.say or ""
        return DialogueResult(decision=decision, reading=reading)

    def _reader(self, config: DialogueConfig) -> Reader:
        from fireside.dialogue.reading import Reader

        key = hashlib.sha256(config.model_dump_json().encode()).hexdigest()
        with self._lock:
            reader = self._readers.pop(key, None) or Reader(config, self._models.embedder())
            self._readers[key] = reader
            while len(self._readers) > READERS:
                del self._readers[next(iter(self._readers))]
            return reader


class Framing:
    """The policy's sentences around the model's: the question that a digression comes back to."""

    stage: Stage = "budget"
    name = "dialogue_frame"

    def run(self, exchange: Exchange) -> None:
        found = exchange.results.get("dialogue")
        if not isinstance(found, DialogueResult) or exchange.reply is not None:
            return
        move = found.decision.move
        if not move.model or not (move.say or move.after):
            return
        if exchange.tools and move.after:
            # A round ends before each tool runs: only a notice is sure to stand at the end.
            exchange.notices.append(move.after)
            exchange.filters.append(Frame(before=move.say))
        else:
            exchange.filters.append(Frame(before=move.say, after=move.after))


class Offering:
    """What the desk can do, where a turn is in no flow and in no document."""

    stage: Stage = "budget"
    name = "dialogue_offer"

    def run(self, exchange: Exchange) -> None:
        found = exchange.results.get("dialogue")
        if not isinstance(found, DialogueResult) or exchange.reply is not None:
            return
        config, decision = exchange.persona.dialogue, found.decision
        if config.outside != "offer" or exchange.sources or decision.why not in OUTSIDE:
            return
        offer = courtesy(config, found.reading.acts)
        exchange.reply = "\n\n".join(each for each in (offer, decision.move.after) if each)


class Keeping:
    """The state after the turn, under the id of the user's message."""

    stage: Stage = "record"
    name = "dialogue_state"

    def __init__(self, states: States) -> None:
        self._states = states

    def run(self, exchange: Exchange) -> None:
        found = exchange.results.get("dialogue")
        if isinstance(found, DialogueResult) and exchange.scope and exchange.question_id:
            self._states.keep(
                found.decision.state,
                exchange.question_id,
                scope=exchange.scope,
                owner=exchange.owner,
                persona=exchange.persona.name,
            )


def brief(config: DialogueConfig, decision: Decision) -> str:
    """What the model is told of the state before it answers."""
    state = decision.state
    lines = []
    if state.goal is not None:
        about = config.flows[state.goal].about or state.goal.replace("_", " ")
        lines.append(f"The conversation is about {about}.")
    known = [
        f"{(config.slots[n].about or n.replace('_', ' '))} is {shown(config.slots[n], v.value)}"
        for n, v in state.slots.items()
        if n in config.slots
    ]
    if known:
        lines.append(f"Known: {'; '.join(known)}.")
    if decision.move.instructions:
        lines.append(decision.move.instructions)
    elif decision.move.after:
        lines.append("Answer the question in one or two sentences. Ask nothing.")
    return "\n".join(lines) or "Nothing is under way yet."
