"""Steps `injection` and `injection_tools`: instructions inside what strangers wrote.

Of passages, `flag` says in the receipt which hold one; `drop` keeps them from the model as well,
and the rest keep their numbers; where none is left, the persona says that it found nothing.  What
tools brought is looked at when the answer is over, for the receipt: the model has read it by then.
Writes `sources`, and `reply`.

It refuses to be the lock: tools that act ask the person in every turn that read strangers' text
(`exchange.untrusted`), whatever is found here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fireside.assistant.steps import Stage

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange, Source
    from fireside.safety.guards import Guards
    from fireside.safety.injection import Finding
    from fireside.tools.running import ToolRun


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
            knowledge = exchange.persona.knowledge
            if not exchange.sources and knowledge.when_nothing == "say" and exchange.reply is None:
                exchange.reply = knowledge.nothing(exchange.persona.language)
        return Inspected(inspected=len(sources), found=found, dropped=detect == "drop")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsInspected:
    """found: the call and the finding, of the suspicious ones.  inspected: of how many."""

    inspected: int
    found: tuple[tuple[ToolRun, Finding], ...]

    def as_receipt(self) -> dict[str, Any]:
        return {
            "inspected": self.inspected,
            "found": [
                {"call": call.id, "tool": call.name, **finding.as_receipt()}
                for call, finding in self.found
            ],
        }


class InspectTools:
    """Nothing where `[safety.injection] detect` is off, or no tool brought strangers' text."""

    stage: Stage = "check"
    name = "injection_tools"

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    def run(self, exchange: Exchange) -> ToolsInspected | None:
        runs = [each for each in exchange.tool_runs if each.outcome.untrusted]
        if exchange.persona.safety.injection.detect == "off" or not runs:
            return None
        findings = self._guards.inspector().inspect([each.outcome.read for each in runs])
        found = tuple(
            (each, finding)
            for each, finding in zip(runs, findings, strict=True)
            if finding.suspicious
        )
        return ToolsInspected(inspected=len(runs), found=found)
