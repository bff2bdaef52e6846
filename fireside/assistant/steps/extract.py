"""Step `extract`: the sentence of the passages that answers the question, in place of a model's.

For models that are too small to be trusted with it (`[knowledge] answer = "auto"`), or for every
model (`"extract"`).  Writes `reply`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from fireside.assistant.extracting import Extract, extract_of, reply_of
from fireside.assistant.knowledge import Found

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.steps import Stage
    from fireside.knowledge.answers.reader import AnswerReader
    from fireside.safety.heads import Embeds


@dataclass(slots=True)
class Readers:
    """The answer reader of a process, loaded when it is first asked for.  Thread-safe."""

    models: Embeds
    _reader: AnswerReader | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self) -> AnswerReader:
        """Raises: NotFound, Corrupt, Unsupported: no embedding model, or a head that is none."""
        from fireside.knowledge.answers.head import shipped_head
        from fireside.knowledge.answers.reader import AnswerReader

        with self._lock:
            if self._reader is None:
                head = shipped_head()
                self._reader = AnswerReader(head, self.models.embedder(head.base))
            return self._reader


@dataclass(frozen=True, slots=True)
class ExtractAnswer:
    readers: Readers
    stage: ClassVar[Stage] = "retrieve"
    name: ClassVar[str] = "extract"

    def run(self, exchange: Exchange) -> Extract | None:
        if exchange.reply is not None or not exchange.sources or exchange.question.role != "user":
            return None
        found = exchange.results.get("knowledge")
        if not isinstance(found, Found) or not found.config.extracts(exchange.model):
            return None
        question = exchange.question.content
        if found.earlier:  # "and when did she die?"
            before = [said.content for said in exchange.history if said.role == "user"]
            question = f"{before[-1]}\n{question}"
        sources = list(exchange.sources)
        answer = self.readers.get().read(question, [source.text for source in sources])
        extract = extract_of(answer, sources)
        exchange.reply = reply_of(extract, exchange.question.content, exchange.persona.language)
        return extract
