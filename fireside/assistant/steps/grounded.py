"""Step `grounded`: a sentence of the model's is shown only if its passages hold what it claims.

A filter holds each sentence back until it is whole.  One whose numbers, names, dates or negations
do not stand in the passages that it cites (in any, where it cites none) is never shown: the
sentence of the passages that is nearest to it stands in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fireside.assistant.citations import segments
from fireside.assistant.extracting import one_line
from fireside.assistant.grounding import nearest, problems
from fireside.assistant.knowledge import Found
from fireside.assistant.sources import cited, place, unmarked_answer

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange, Source
    from fireside.assistant.steps import Stage


@dataclass(frozen=True, slots=True)
class Grounding:
    """What the filter did; it is known when the answer is over."""

    filter: GroundedFilter

    def as_receipt(self) -> Mapping[str, Any]:
        return {}

    def after(self) -> Mapping[str, Any]:
        return {"sentences": self.filter.sentences, "replaced": self.filter.replaced}


@dataclass(frozen=True, slots=True)
class Grounded:
    stage: ClassVar[Stage] = "budget"
    name: ClassVar[str] = "grounded"

    def run(self, exchange: Exchange) -> Grounding | None:
        found = exchange.results.get("knowledge")
        if not isinstance(found, Found) or not found.config.grounded or not exchange.sources:
            return None
        if exchange.reply is not None:
            return None
        made = GroundedFilter(exchange.sources)
        exchange.filters.append(made)
        return Grounding(made)


class GroundedFilter:
    """A `StreamFilter`.

    sentences: how many were looked at.  replaced: of each that was not shown, itself and what of
    it does not stand in the passages.
    """

    over = False

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._waiting = ""
        self._quotes: set[str] = set()
        self.sentences = 0
        self.replaced: list[dict[str, Any]] = []

    def feed(self, text: str) -> str:
        self._waiting += text
        parts = segments(self._waiting, self._sources)
        if len(parts) < 3:  # a mark may still follow the last end
            return ""
        end = parts[-2].begin
        ready, self._waiting = self._waiting[:end], self._waiting[end:]
        return self._checked(ready)

    def finish(self) -> str:
        ready, self._waiting = self._waiting, ""
        return self._checked(ready)

    def _checked(self, text: str) -> str:
        return "".join(
            self._sentence(text[part.begin : part.end]) for part in segments(text, self._sources)
        )

    def _sentence(self, sentence: str) -> str:
        if not sentence.strip():
            return sentence
        self.sentences += 1
        named = [one.source for one in cited(sentence, self._sources) if one.source is not None]
        sources = named or list(self._sources)
        bare = unmarked_answer(sentence).strip()
        missing = problems(bare, [f"{place(each)}\n{each.text}" for each in sources])
        if not missing:
            return sentence
        self.replaced.append({"sentence": bare, "not_in_the_passages": missing})
        return self._quoted(bare, sources)

    def _quoted(self, sentence: str, sources: Sequence[Source]) -> str:
        number, text = nearest(sentence, [each.text for each in sources])
        quote = one_line(text)
        if not quote or quote in self._quotes:
            return ""
        self._quotes.add(quote)
        source = sources[number]
        return f"“{quote}” [{source.number}] — {place(source)}\n\n"
