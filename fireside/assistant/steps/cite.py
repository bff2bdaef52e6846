"""Step `citations`: each citation of the answer, verified by ablation.

Writes nothing but its result.  It runs after the answer, so it delays no word of it; it costs the
reading of each passage once more.  Where the passages are the persona's own, sentences
without a citation that holds are offered their source.  An answer that cites nothing of a caller's
`file_search` costs nothing.  Of an extract no model is asked: its sentence stands in the passage or
it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fireside.assistant.citations import Checked, Citations, checked
from fireside.assistant.extracting import Extract, one_line
from fireside.assistant.sources import cited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fireside.assistant.exchange import Exchange, Source
    from fireside.assistant.steps import Stage


@dataclass(frozen=True, slots=True)
class Cite:
    stage: ClassVar[Stage] = "check"
    name: ClassVar[str] = "citations"

    def run(self, exchange: Exchange) -> Citations | None:
        config = exchange.persona.knowledge
        answer = exchange.answer
        extract = exchange.results.get("extract")
        if isinstance(extract, Extract):
            return _of_extract(extract, answer, exchange.sources)
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


def _of_extract(extract: Extract, answer: str, sources: Sequence[Source]) -> Citations | None:
    if extract.source is None:
        return None
    stands = extract.quote in answer and extract.quote in one_line(extract.source.text)
    return Citations(
        given=[
            Checked(
                number=one.number,
                begin=one.begin,
                end=one.end,
                source=one.source,
                supported=stands and one.source is extract.source,
                is_verbatim=True,
            )
            for one in cited(answer, sources)
        ]
    )
