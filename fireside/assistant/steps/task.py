"""`[task]` of a persona: the message is a text, and the answer what the task makes of it.

It writes `exchange.reply`, so the model is not asked to chat.  Whatever was said earlier in the
conversation is no part of it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.likelihood import Spoken, logprobs
from fireside.assistant.steps import Stage
from fireside.assistant.uses.asking import Asking
from fireside.assistant.uses.classify import classify, in_order, labelled
from fireside.assistant.uses.extract import MARK, extract
from fireside.assistant.uses.made import Made
from fireside.assistant.uses.nearest import LEAST, LabelReader
from fireside.assistant.uses.summarise import summarise
from fireside.assistant.uses.translate import translate
from fireside.assistant.uses.write import write
from fireside.language.identification import foreign_note

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.uses.config import TaskConfig
    from fireside.safety.guards import Guards
    from fireside.safety.heads import Embeds

READERS: Final = 16
"""Personas whose labels stay embedded."""
UNREAD: Final = "The embedding model does not know this language: the text was not sorted."


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

    def __init__(self, guards: Guards, models: Embeds) -> None:
        self._guards = guards
        self._models = models
        self._lock = threading.Lock()
        self._readers: dict[str, LabelReader] = {}

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
            return self._label(exchange, text)
        way = task.way(exchange.model)
        ask = Asking(exchange.model, instructions=persona.instructions, owner=exchange.owner)
        if task.kind == "summarise" and way == "extract":
            made = extract(text, task.words)
            if made.text != text.strip():
                exchange.notices.append(MARK)
            return made
        if task.kind == "summarise":
            return summarise(ask, text, task.words)
        if task.kind == "translate":
            return translate(ask, text, task.target, task.terms)
        return write(ask, text, task.words, task.sections)

    def _label(self, exchange: Exchange, text: str) -> Made:
        """With a notice that has the probabilities."""
        task = exchange.persona.task
        way = task.way(exchange.model)
        if way == "sentiment":
            found = self._guards.sentiment(exchange.persona.language).judge([text])[0]
            if found.foreign:
                exchange.notices.append(foreign_note("Sentiment", found.language, found.foreign))
                return Made(text=task.none, fields={"label": task.none}, notes=found.as_receipt())
            made = labelled({found.label: found.score})
            exchange.notices.append(in_order({found.label: found.score}))
            return Made(text=made.text, fields=made.fields, notes=found.as_receipt())
        if way == "nearest":
            chances = self._reader(task).chances(text)
            least = LEAST if task.least is None else task.least
            if chances is None:
                exchange.notices.append(UNREAD)
                return Made(text=task.none, fields={"label": task.none}, notes={"unread": True})
        else:
            chances = classify(Scoring(exchange), text, task.labels)
            least = task.least or 0.0
        made = labelled(chances, least=least, none=task.none)
        exchange.notices.append(in_order(made.notes["probabilities"]))
        return Made(text=made.text, fields=made.fields, notes={"by": way, **made.notes})

    def _reader(self, task: TaskConfig) -> LabelReader:
        with self._lock:
            key = json.dumps([task.labels, task.examples])
            reader = self._readers.pop(key, None)
            if reader is None:
                reader = LabelReader(task.labels, task.examples, self._models.embedder())
            self._readers[key] = reader
            while len(self._readers) > READERS:
                del self._readers[next(iter(self._readers))]
            return reader


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
