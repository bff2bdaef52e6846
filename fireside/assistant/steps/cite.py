"""Step `citations`: each citation of the answer, verified by ablation.

Writes nothing but its result.  It runs after the answer, so it delays no word of it; it costs the
reading of each passage once more.  Where the passages are the persona's own, sentences
without a citation that holds are offered their source.  An answer that cites nothing of a caller's
`file_search` costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fireside.assistant.citations import Citations, checked
from fireside.assistant.sources import cited

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.steps import Stage


@dataclass(frozen=True, slots=True)
class Cite:
    stage: ClassVar[Stage] = "check"
    name: ClassVar[str] = "citations"

    def run(self, exchange: Exchange) -> Citations | None:
        config = exchange.persona.knowledge
        answer = exchange.answer
        if not config.verify or not answer.strip() or exchange.reply is not None:
            return None
        attribute = config.attribute and bool(config.collections)
        if not exchange.sources or not (attribute or any(cited(answer, exchange.sources))):
            return None
        return checked(
            exchange.model,
            exchange.question.content,
            exchange.sources,
            answer,
            owner=exchange.owner,
            attribute=attribute,
        )
