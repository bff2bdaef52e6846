"""What a decision says of tickets is done before it is said; what failed is said as that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fireside.assistant.ticket_senders import senders
from fireside.assistant.tickets import Ticket, Tickets
from fireside.dialogue.config import HandoverConfig
from fireside.dialogue.policy import Decision
from fireside.dialogue.state import HandOver
from fireside.errors import FiresideError, Unavailable
from fireside.tools.messages import MailServer

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketDesk:
    """tickets: None where none can be kept.  mail: None where e-mail is not set up."""

    tickets: Tickets | None
    mail: MailServer | None = None

    def settle(self, exchange: Exchange, decision: Decision) -> Decision:
        """The decision with what came of its tickets in its words and its state."""
        rules = exchange.persona.dialogue.handover
        over = decision.state.handed_over
        if decision.why == "waiting" and over is not None:
            if over.ticket and self._is_open(over.ticket):
                return self._added(exchange, decision, over, rules)
            decision = replace(decision, move=replace(decision.move, say=None, ticket=over))
        if decision.move.ticket is None:
            return decision
        return self._opened(exchange, decision, decision.move.ticket, rules)

    def _is_open(self, number: str) -> bool:
        try:
            return self._kept.get(number).status == "open"
        except FiresideError:
            return False

    def _added(
        self, exchange: Exchange, decision: Decision, over: HandOver, rules: HandoverConfig
    ) -> Decision:
        try:
            self._kept.add(over.ticket, {"role": "user", "content": exchange.question.content})
        except FiresideError:
            return _saying(decision, over.worded(rules.failed))
        return decision

    def _opened(
        self, exchange: Exchange, decision: Decision, asked: HandOver, rules: HandoverConfig
    ) -> Decision:
        state = decision.state
        goes_over = state.handed_over is not None
        try:
            ticket = self._kept.open(_ticket(exchange, asked), senders(rules, self.mail))
        except FiresideError:
            # Nobody was told, so the desk goes on itself.
            return _saying(
                replace(decision, state=replace(state, handed_over=None)),
                asked.worded(rules.failed),
            )
        made = replace(asked, ticket=ticket.number)
        if goes_over:
            decision = replace(decision, state=replace(state, handed_over=made))
        return _saying(decision, made.worded(rules.reply if goes_over else rules.written))

    @property
    def _kept(self) -> Tickets:
        if self.tickets is None:
            raise Unavailable("There is no place for tickets here.")
        return self.tickets


def _saying(decision: Decision, line: str) -> Decision:
    """The line behind what is said; before it where that ends with a question."""
    say = decision.move.say if decision.why != "waiting" else None
    parts = [line, say] if decision.state.question is not None else [say, line]
    text = "\n\n".join(part for part in parts if part)
    return replace(decision, move=replace(decision.move, say=text))


def _ticket(exchange: Exchange, asked: HandOver) -> Ticket:
    said = [*exchange.history, exchange.question]
    messages: list[Mapping[str, Any]] = [
        {"role": each.role, "content": each.content}
        for each in said
        if each.role in ("user", "assistant")
    ]
    # The question has no id yet: the message before it and its own words tell it from others.
    before = next((each for each in reversed(exchange.history_ids) if each), "")
    place = [exchange.owner, exchange.scope, before, exchange.question.content, asked.to]
    known = exchange.scope is not None
    key = hashlib.sha256(json.dumps(place).encode()).hexdigest()[:32] if known else ""
    return Ticket(
        to=asked.to,
        reason=asked.reason,
        summary=asked.summary,
        persona=exchange.persona.name,
        owner=exchange.owner,
        conversation=exchange.scope or "",
        key=key,
        messages=messages,
    )
