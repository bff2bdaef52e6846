"""Good, limited, or a larger model is needed: a score against the persona's own thresholds.

One text for page, terminal and API.  What was never measured is not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from fireside.assistant.capacity import capacity_of
from fireside.hub.catalogue import Entry, catalogue, recommend, tokens_per_s
from fireside.hub.local import installed

if TYPE_CHECKING:
    from fireside.assistant.ability.scores import Score, Scores
    from fireside.assistant.languages import Language
    from fireside.assistant.persona import Persona
    from fireside.settings import Settings

State = Literal["good", "limited", "needs_larger", "not_measured"]
WORDS: Final[dict[State, str]] = {
    "good": "good",
    "limited": "limited",
    "needs_larger": "needs a larger model",
    "not_measured": "not measured yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Larger:
    """A model of the catalogue that may stand in.

    tokens_per_s: expected here.  is_here: it is pulled.  fits: its memory is free.
    """

    entry: Entry
    tokens_per_s: float
    is_here: bool
    fits: bool

    @property
    def command(self) -> str:
        if self.is_here:
            return f"fireside chat --model {self.entry.name}"
        return f"fireside models pull {self.entry.name}"

    @property
    def figures(self) -> str:
        speed = f"about {self.tokens_per_s:.0f} tokens" if self.tokens_per_s >= 1.5 else "one token"
        size = f"{gigabytes(self.entry.size_bytes)} to fetch, " if not self.is_here else ""
        room = "" if self.fits else ", more than is free here"
        return f"{size}{gigabytes(self.entry.memory_bytes)} of memory{room}, {speed} a second here"

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.entry.name,
            "size_bytes": self.entry.size_bytes,
            "memory_bytes": self.entry.memory_bytes,
            "tokens_per_s": round(self.tokens_per_s, 1),
            "installed": self.is_here,
            "command": self.command,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """Of a persona with a model.  line: the state as a person reads it."""

    state: State
    model: str
    line: str
    score: Score | None = None
    larger: Larger | None = None

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"model": self.model, "state": self.state, "line": self.line}
        if self.score is not None:
            low, high = self.score.interval
            told["score"] = round(self.score.share, 3)
            told["interval"] = [round(low, 3), round(high, 3)]
            told["checks"] = self.score.of
        if self.larger is not None:
            told["needs"] = self.larger.as_json()
        return told


class Abilities:
    """larger: the model to name in the place of one that is too small, from the weakest that will
    do and the languages it has to know."""

    def __init__(self, scores: Scores, larger: Callable[[str, tuple[str, ...]], Larger]) -> None:
        self.scores = scores
        self.larger = larger

    def of(self, persona: Persona, model: str) -> Ability:
        score = self.scores.of(persona, model)
        if score is None:
            return Ability(state="not_measured", model=model, line="not measured yet")
        of = f"{score.right} of {score.of} checks right{_adapted(persona, model)}"
        needed = persona.ability
        if score.share >= needed.good:
            return Ability(state="good", model=model, line=f"good: {of}", score=score)
        if score.share >= needed.limited:
            how = f": {needed.limits}" if needed.limits else ""
            return Ability(state="limited", model=model, line=f"limited{how} ({of})", score=score)
        larger = self.larger(needed.needs, ())
        return Ability(
            state="needs_larger",
            model=model,
            line=f"needs a larger model ({of} with {model}), such as {larger.entry.name} "
            f"({larger.figures}): {larger.command}",
            score=score,
            larger=larger,
        )


def _adapted(persona: Persona, model: str) -> str:
    """What stands behind a score that the model has with an adapter."""
    from fireside.assistant.adapters import shipped_adapter

    adapter = shipped_adapter(persona)
    if adapter is None or adapter.base != model:
        return ""
    return f", with its adapter of {adapter.size_bytes / 1e6:.1f} MB where no rule answers"


def abilities_of(settings: Settings) -> Abilities:
    from fireside.assistant.ability.scores import Scores

    def larger(needs: str, knows: tuple[str, ...]) -> Larger:
        return larger_model(needs, knows, settings)

    return Abilities(Scores.of_home(settings), larger)


def larger_model(needs: str, knows: tuple[str, ...], settings: Settings) -> Larger:
    """The model of the catalogue to name: one that is here, else the strongest that suits this
    machine, else the weakest that will do.

    needs: the weakest that will do; knows: languages that it has to know.
    """
    order = [entry for entry in catalogue().values() if entry.kind == "chat"]
    places = [entry.name for entry in order]
    strong = order[places.index(needs) if needs in places else 0 :]
    fitting = [entry for entry in strong if set(knows) <= set(entry.languages)] or strong
    here = {model.name for model in installed(settings.models_dir)}
    machine = capacity_of(settings)
    best = recommend(machine.memory_bytes, machine.gbps, machine.disk_bytes, installed=here)
    own = [entry for entry in fitting if entry.name in here]
    chosen = own[-1] if own else best if best in fitting else fitting[0]
    return Larger(
        entry=chosen,
        tokens_per_s=tokens_per_s(chosen, machine.gbps),
        is_here=chosen.name in here,
        fits=chosen.memory_bytes <= machine.memory_bytes,
    )


def unknown_line(language: Language, entry: Entry, abilities: Abilities) -> str:
    """In a language that the model does not know: that it does not, and which model does."""
    larger = abilities.larger("", (language.code,))
    return language.line.format(
        model=entry.name,
        better=larger.entry.name,
        size=gigabytes(larger.entry.size_bytes),
        command=larger.command,
    )


def gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
