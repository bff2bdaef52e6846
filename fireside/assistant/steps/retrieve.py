"""Step `knowledge`: the passages that the question is answered from, of the persona's documents and
of the files that the conversation was given.

Writes `sources`, `untrusted`, a section with the rule for quoted data, and `reply` where nothing
was found and the persona says so.  It refuses to look for anything but a person's question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from fireside.assistant.exchange import Section
from fireside.assistant.extracting import language_of
from fireside.assistant.knowledge import NO_DOCUMENTS, OF_FILES, Found, Knowledge
from fireside.safety.injection import RULE

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.steps import Stage


@dataclass(frozen=True, slots=True)
class Retrieve:
    knowledge: Knowledge
    stage: ClassVar[Stage] = "retrieve"
    name: ClassVar[str] = "knowledge"

    def run(self, exchange: Exchange) -> Found | None:
        config = exchange.persona.knowledge
        if exchange.question.role != "user":
            return None
        if exchange.reply is not None:  # a step before has answered
            return None
        own = self.knowledge.of_conversation(exchange.owner, exchange.scope)
        if not config.collections:
            if own is None:
                return None
            config = OF_FILES
        # In each turn, with passages or without: the prompt's beginning stays as it is.
        exchange.sections.append(Section(name="knowledge", text=RULE, lasting=True))
        earlier = [said.content for said in exchange.history if said.role == "user"]
        found = self.knowledge.find(
            exchange.owner,
            config,
            exchange.question.content,
            model=exchange.model,
            earlier=earlier[-1] if earlier else "",
            first=len(exchange.sources) + 1,
            own=own,
        )
        if found.sources:
            exchange.sources.extend(found.sources)
            exchange.untrusted = True
        elif config.when_nothing == "say" and not exchange.sources:
            language = language_of(exchange.question.content, exchange.persona.language)
            exchange.reply = config.nothing(language)
            if own is None and len(found.missing) == len(config.collections):
                exchange.reply = NO_DOCUMENTS.get(language, NO_DOCUMENTS["en"])
            found = replace(found, said_so=True)
        return found
