"""An exchange as the messages that the model's template renders.

The system message, the history that is kept, the question with the sections of this turn and its
numbered sources in front, and what was said and called in this answer so far.  It refuses to leave
anything out: `budget.py` has decided that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fireside.assistant.sources import with_sources
from fireside.messages import Message

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange

UNANSWERED: Final = "Error: the person has not agreed to this call, so it did not run."


def messages_of(
    exchange: Exchange,
    *,
    kept_from: int | None = None,
    outputs: Mapping[str, str] | None = None,
    since: Sequence[Message] = (),
) -> list[Message]:
    """
    kept_from: in place of the exchange's.
    outputs: of calls in the history that wait for one, by the call's id.
    since: what this answer's earlier rounds said, called and were told.
    """
    start = exchange.kept_from if kept_from is None else kept_from
    question = exchange.question
    if question.role == "user":
        question = with_sources(question, exchange.sources, cite=exchange.persona.knowledge.cite)
    said = [*exchange.history[start:], question]
    system = exchange.system
    if exchange.passing is not None:
        if question.role == "user":
            said[-1] = replace(question, content=f"{exchange.passing}\n\n{question.content}")
        else:  # a function's output, which is nobody's to write into
            system = f"{system}\n\n{exchange.passing}" if system else exchange.passing
    first = [Message(role="system", content=system)] if system else []
    if exchange.alternates and len(said) > 1 and said[-2].role == said[-1].role == "user":
        both = f"{said[-2].content}\n\n{said[-1].content}"
        said[-2:] = [replace(said[-1], content=both)]
    return [*_joined([*first, *_answered(said, outputs or {})]), *since]


def starts_of(messages: Sequence[Message]) -> list[int]:
    """Where what is kept may begin: at what a person said, if anywhere; never between a call and
    its output."""
    open_calls: set[str] = set()
    awaited = {message.tool_call_id for message in messages if message.role == "tool"}
    possible = []
    for place, message in enumerate(messages):
        if place and not open_calls:
            possible.append(place)
        open_calls |= {call.id for call in message.tool_calls if call.id in awaited}
        if message.role == "tool":
            open_calls.discard(message.tool_call_id or "")
    people = [place for place in possible if messages[place].role == "user"]
    return people or possible


def _joined(messages: Iterable[Message]) -> Iterator[Message]:
    """System messages at the beginning are one: most templates take one."""
    waiting: Message | None = None
    begun = False
    for message in messages:
        if not begun and message.role == "system":
            both = message.content if waiting is None else f"{waiting.content}\n\n{message.content}"
            waiting = Message(role="system", content=both)
            continue
        if waiting is not None:
            yield waiting
            waiting = None
        begun = True
        yield message
    if waiting is not None:
        yield waiting


def _answered(messages: Sequence[Message], outputs: Mapping[str, str]) -> Iterator[Message]:
    """Each call with an output: templates write pairs, and no model has learned half of one."""
    known = {message.tool_call_id for message in messages if message.role == "tool"}
    for message in messages:
        yield message
        for call in message.tool_calls:
            if call.id not in known:
                content = outputs.get(call.id, UNANSWERED)
                yield Message(role="tool", content=content, name=call.name, tool_call_id=call.id)
