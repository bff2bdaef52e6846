"""What is to be done about a request: calls, a question for what is missing, or a plain line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ONLY: Final = (
    "I can only keep your calendar, send SMS and e-mails, and work out dates, times, sums and "
    "units."
)
NO_TIME: Final = "When is it?"
NO_TITLE: Final = "What is it?"
NOTHING: Final = "What is it, and when?"
NO_TEXT: Final = "What shall I write?"
NO_PERSON: Final = "Who is it for?"
NO_NEW_TIME: Final = "To what time?"
NO_EVENT: Final = "Which event is it?"
NO_DAY: Final = "Which day do you mean?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    name: str
    arguments: Mapping[str, Any]

    @property
    def as_json(self) -> str:
        return json.dumps(dict(self.arguments), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """calls: in order.  reply: what is said instead.  kind: for the receipt."""

    kind: str
    calls: Sequence[Call] = ()
    reply: str = ""


def call(name: str, **arguments: Any) -> Plan:
    return Plan(kind=name, calls=(Call(name=name, arguments=arguments),))


def ask(kind: str, question: str) -> Plan:
    return Plan(kind=kind, reply=question)
