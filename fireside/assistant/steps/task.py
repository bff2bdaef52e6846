"""`[task]` of a persona: the message is a text, and the answer what the task makes of it.

It writes `exchange.reply`, so the model is not asked to chat.  Whatever was said earlier in the
conversation is no part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fireside.assistant.likelihood import Spoken, logprobs
from fireside.assistant.steps import Stage
from fireside.assistant.uses.asking import Asking
from fireside.assistant.uses.classify import classify, labelled
from fireside.assistant.uses.extract import MARK, extract
from fireside.assistant.uses.made import Made
from fireside.assistant.uses.summarise import summarise
from fireside.assistant.uses.translate import translate
from fireside.assistant.uses.write import write

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.safety.guards import Guards


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """fields: the answer as columns of a table."""

    kind: str
    made: Made

    @property
    def fields(self) -> Mapping[str, Any]:
        return self.made.fields

    def as_receipt(self) -> Mapping[str, Any]:
        return {"kind": self.kind, **self.made.notes}


class Task:
    stage: Stage = "budget"
    name = "task"

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    def run(self, exchange: Exchange) -> Done | None:
        """Writes `reply`.

        Raises: as the engine.
        """
        task = exchange.persona.task
        asked = exchange.reply is None and exchange.question.role == "user"
        if task.kind == "chat" or not asked:
            return None
        made = self._made(exchange, exchange.question.content)
        exchange.reply = made.text
        return Done(kind=task.kind, made=made)

    def _made(self, exchange: Exchange, text: str) -> Made:
        persona, task = exchange.persona, exchange.persona.task
        if task.kind == "classify":
            if task.by == "sentiment":
                return self._sentiment(text, persona.language)
            return classify(Scoring(exchange), text, task.labels)
        ask = Asking(exchange.model, instructions=persona.instructions, owner=exchange.owner)
        if task.kind == "summarise" and task.by == "extract":
            made = extract(text, task.words)
            if made.text != text.strip():
                exchange.notices.append(MARK)
            return made
        if task.kind == "summarise":
            return summarise(ask, text, task.words)
        if task.kind == "translate":
            return translate(ask, text, task.target, task.terms)
        return write(ask, text, task.words, task.sections)

    def _sentiment(self, text: str, language: str) -> Made:
        found = self._guards.sentiment(language).judge([text])[0]
        made = labelled({found.label: found.score})
        return Made(text=made.text, fields=made.fields, notes=found.as_receipt())


class Scoring:
    """The log-probability of each label as the model's whole answer."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __call__(self, question: str, answers: Sequence[str]) -> list[float]:
        model, owner = self._exchange.model, self._exchange.owner
        asking = Asking(model, instructions=self._exchange.persona.instructions, owner=owner)
        prompt = asking.rendered(question)
        end = min(model.tokenizer.eos_ids, default=None)
        spoken = [
            Spoken(prompt, [*model.tokenizer.encode(each), *([] if end is None else [end])])
            for each in answers
        ]
        return [sum(each) for each in logprobs(model, spoken, owner=owner)]
