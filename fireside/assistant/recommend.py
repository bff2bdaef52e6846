"""Say honestly which model answers, and which better one this machine could run.

One text for terminal and page.  It refuses to recommend what would be slow or would not fit; what
fits is the catalogue's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fireside.assistant.machine import copy_bandwidth, memory_available
from fireside.hub.catalogue import Entry, catalogue, recommend
from fireside.tokenizer.templates import continues

CONTINUES = "{} was only pretrained: it continues your text, and answers no questions."
SMALL: int = 2_000_000_000
"""Below so many parameters a model is often wrong about plain facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`answers` says who answers; `better`, where there is one, which model would answer better."""

    answers: str
    better: str | None
    better_name: str | None


def recommend_better(
    name: str,
    entry: Entry | None,
    *,
    installed: Callable[[str], bool] = lambda name: False,
    memory_bytes: int | None = None,
    decode_gbps: float | None = None,
    template: str | None = None,
) -> Advice:
    """Who answers, and who could.

    Args:
        template: the model's chat template; it tells a model that was only pretrained.
        installed: whether a model of the catalogue is on this machine already.
        memory_bytes, decode_gbps: what the machine can spare; None measures (0.1 s).
    """
    said = CONTINUES.format(name) if continues(template) else introduction(name, entry)
    memory = memory_available() if memory_bytes is None else memory_bytes
    if entry is not None:
        memory += entry.memory_bytes  # the model that answers now would make room
    best = recommend(memory, copy_bandwidth() if decode_gbps is None else decode_gbps)
    if best is None or not is_stronger(best, entry):
        return Advice(answers=said, better=None, better_name=None)
    if installed(best.name):
        better = f"{best.name} is installed and knows more."
    else:
        better = (
            f"{best.name} fits this machine and knows more: fireside models pull {best.name} "
            f"({best.size_bytes / 1e9:.1f} GB)."
        )
    return Advice(answers=said, better=better, better_name=best.name)


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
