"""Say honestly which model answers, and which better one this machine could run.

One text for terminal and page.  It refuses to recommend what would be slow or would not fit; what
fits is the catalogue's to say.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fireside.assistant.ability.scores import Scores
from fireside.assistant.capacity import Capacity, capacity_of
from fireside.hub.catalogue import Entry, catalogue, recommend, tokens_per_s
from fireside.hub.local import installed
from fireside.tokenizer.templates import continues

if TYPE_CHECKING:
    from fireside.settings import Settings

CONTINUES = "{} was only pretrained: it continues your text, and answers no questions."
SMALL: int = 2_000_000_000
"""Below so many parameters a model is often wrong about plain facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`answers` says who answers; `better`, where there is one, which model would answer better;
    `entry` is that model's, and `tokens_per_s` what it is expected to write here."""

    answers: str
    better: str | None
    entry: Entry | None
    tokens_per_s: float = 0.0

    @property
    def figures(self) -> str:
        assert self.entry is not None
        return (
            f"{self.entry.size_bytes / 1e9:.1f} GB, about {self.tokens_per_s:.0f} tokens a second"
        )


def advise(
    name: str, entry: Entry | None, settings: Settings, template: str | None = None
) -> Advice:
    """Who answers here, and who could: by what this machine has and what is on it."""
    return recommend_better(
        name,
        entry,
        capacity_of(settings),
        here={model.name for model in installed(settings.models_dir)},
        passed_over=Scores.of_home(settings).no_better_than(name),
        template=template,
    )


def recommend_better(
    name: str,
    entry: Entry | None,
    capacity: Capacity,
    *,
    here: Container[str] = (),
    passed_over: Container[str] = (),
    template: str | None = None,
) -> Advice:
    """Who answers, and who could.

    Args:
        capacity: what the machine has.
        here: the models that are on this machine.
        passed_over: models that were measured to be no better.
        template: the model's chat template; it tells a model that was only pretrained.
    """
    answers = CONTINUES.format(name) if continues(template) else introduction(name, entry)
    best = recommend(
        capacity.memory_bytes,
        capacity.gbps,
        capacity.disk_bytes,
        installed=here,
        passed_over=passed_over,
    )
    if best is None or not is_stronger(best, entry):
        return Advice(answers=answers, better=None, entry=None)
    speed = tokens_per_s(best, capacity.gbps)
    if best.name in here:
        better = f"{best.name} is installed and knows more."
    else:
        better = (
            f"{best.name} fits this machine and knows more: fireside models pull {best.name} "
            f"({best.size_bytes / 1e9:.1f} GB)."
        )
    return Advice(answers=answers, better=better, entry=best, tokens_per_s=speed)


def is_stronger(best: Entry, entry: Entry | None) -> bool:
    """The catalogue stands from the weakest to the strongest; a stranger cannot be compared."""
    order = list(catalogue())
    return entry is None or order.index(best.name) > order.index(entry.name)


def introduction(name: str, entry: Entry | None) -> str:
    if entry is None:
        return f"{name} answers."
    billions = entry.parameters / 1e9
    size = f"{billions:.1f} billion" if billions >= 1 else f"{billions * 1000:.0f} million"
    if entry.parameters < SMALL:
        return f"{name} answers: small ({size} parameters) and often wrong."
    return f"{name} answers ({size} parameters); it can be wrong, so check what matters."
