"""`requests`: what is plainly asked of the shipped tools is read by rules, and for the rest the
model gets the adapter that was trained on these tools, where the package has one for it.

It writes `reply`, `calls`, `says_results`; and with the adapter `model`, `knows_tools`, `filters`
and `check_calls`, so that a call with a time, a name or a number that nobody said becomes a
question.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from fireside.assistant.adapters import ShippedAdapter, shipped_adapter, unpacked
from fireside.assistant.requests.guard import UNCLEAR, Guard
from fireside.assistant.requests.lines import PlainLines
from fireside.assistant.requests.messages import People
from fireside.assistant.requests.plan import Plan
from fireside.assistant.requests.reading import read
from fireside.assistant.steps import Stage
from fireside.messages import ToolCall

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.engine.text import TextModel


@runtime_checkable
class Adapts(Protocol):
    """`engine.models.Models`, as far as it is needed here."""

    def adapted(self, model: TextModel, adapter: Path) -> TextModel: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRead:
    """kind: what the rules took it for; None: the model answers.  adapter: what it answers with."""

    kind: str | None = None
    adapter: str | None = None

    def as_receipt(self) -> Mapping[str, Any]:
        told = {"by": "model" if self.kind is None else "rules"}
        told |= {} if self.kind is None else {"kind": self.kind}
        return told | ({} if self.adapter is None else {"adapter": self.adapter})


@dataclass(frozen=True, slots=True)
class PlainRequests:
    """models: None where no adapter can be added."""

    models: Adapts | None
    home: Path
    clock: Callable[[], datetime]
    stage: ClassVar[Stage] = "recall"
    name: ClassVar[str] = "requests"

    def run(self, exchange: Exchange) -> RequestRead | None:
        config = exchange.persona.tools
        if not config.by_rules or exchange.reply is not None:
            return None
        if exchange.question.role != "user":  # a decision about a call
            exchange.says_results = True
            return None
        now = self.clock().astimezone(ZoneInfo(config.timezone))
        people = People(config.contacts)
        plan = read(exchange.question.content, now, people, exchange.history)
        offered = {tool.function.name for tool in exchange.tools}
        if plan is not None and all(call.name in offered for call in plan.calls):
            _follow(plan, exchange)
            return RequestRead(kind=plan.kind)
        adapter = shipped_adapter(exchange.persona)
        if (
            self.models is None
            or adapter is None
            or not adapter.suits(exchange.model.local, offered)
        ):
            return RequestRead()
        self._adapt(exchange, adapter, Guard(_request_texts(exchange), now, people))
        return RequestRead(adapter=adapter.name)

    def _adapt(self, exchange: Exchange, adapter: ShippedAdapter, guard: Guard) -> None:
        assert self.models is not None
        exchange.model = self.models.adapted(exchange.model, unpacked(adapter, self.home))
        exchange.knows_tools = exchange.says_results = True
        exchange.check_calls = guard.check
        exchange.filters.append(PlainLines(UNCLEAR))


def _follow(plan: Plan, exchange: Exchange) -> None:
    if not plan.calls:
        exchange.reply = plan.reply
        return
    exchange.says_results = True
    exchange.calls = [
        ToolCall(id=f"call_{secrets.token_hex(12)}", name=each.name, arguments=each.as_json)
        for each in plan.calls
    ]


def _request_texts(exchange: Exchange) -> list[str]:
    """The request, after the one that it goes on with."""
    history = exchange.history
    asked = (
        len(history) > 1
        and history[-1].role == "assistant"
        and history[-1].content.rstrip().endswith("?")
    )
    before = [history[-2].content] if asked and history[-2].role == "user" else []
    return [*before, exchange.question.content]
