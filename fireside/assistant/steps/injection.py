"""Step `injection`: instructions inside the passages that the model is to read.

`flag` says in the receipt which sources hold one; `drop` keeps them from the model as well, and the
rest keep their numbers.  Writes `sources`.  It refuses to be the lock: tools that act ask the
person in every turn that read strangers' text (`exchange.untrusted`), whatever is found here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fireside.assistant.steps import Stage

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange, Source
    from fireside.safety.guards import Guards
    from fireside.safety.injection import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """found: source and finding, of the suspicious ones.  inspected: of how many."""

    inspected: int
    found: tuple[tuple[Source, Finding], ...]
    dropped: bool

    def as_receipt(self) -> dict[str, Any]:
        return {
            "inspected": self.inspected,
            "dropped": self.dropped and bool(self.found),
            "found": [
                {
                    "number": source.number,
                    "file_id": source.file_id,
                    "filename": source.filename,
                    **finding.as_receipt(),
                }
                for source, finding in self.found
            ],
        }


class Injection:
    """Nothing where `[safety.injection] detect` is off, or there are no sources."""

    stage: Stage = "retrieve"
    name = "injection"

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    def run(self, exchange: Exchange) -> Inspected | None:
        detect = exchange.persona.safety.injection.detect
        if detect == "off" or not exchange.sources:
            return None
        sources = list(exchange.sources)
        findings = self._guards.inspector().inspect([source.text for source in sources])
        found = tuple(
            (source, finding)
            for source, finding in zip(sources, findings, strict=True)
            if finding.suspicious
        )
        if detect == "drop":
            bad = {id(source) for source, _ in found}
            exchange.sources = [source for source in sources if id(source) not in bad]
        return Inspected(inspected=len(sources), found=found, dropped=detect == "drop")
