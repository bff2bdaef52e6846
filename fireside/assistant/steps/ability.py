"""Steps that keep a model from what it cannot do, where that was measured.

`UnknownLanguage` answers a message in a language that the model does not know by one line in that
language.  `TooSmall` answers in the place of a model whose check of this persona fell below its
threshold; `TooSmallStill` does so after the steps that may answer without the model.  They write
`reply` and `notices`, and do nothing for a model that a program asks for by its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from fireside.assistant.ability.states import unknown_line
from fireside.assistant.languages import unknown_language
from fireside.assistant.persona import DEFAULT
from fireside.assistant.steps import Stage

if TYPE_CHECKING:
    from fireside.assistant.ability.states import Abilities, Ability
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.languages import Language

ANYWAY: Final = (
    "Or let it try all the same: /anyway in the terminal, --anyway, or FIRESIDE_TRY_ANYWAY=true."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageResult:
    """answered: by the line; else the model tries."""

    language: Language
    better: str
    answered: bool

    def as_receipt(self) -> Mapping[str, Any]:
        return {
            "language": self.language.name,
            "known": False,
            "better": self.better,
            "answered": self.answered,
        }


@dataclass(frozen=True, slots=True)
class UnknownLanguage:
    abilities: Abilities
    try_anyway: bool
    stage: ClassVar[Stage] = "receive"
    name: ClassVar[str] = "language"

    def run(self, exchange: Exchange) -> LanguageResult | None:
        entry, persona = exchange.model.entry, exchange.persona
        if entry is None or not _asked(exchange) or not _guided(exchange):
            return None
        found = unknown_language(exchange.question.content, entry.languages)
        if found is None:
            return None
        larger = self.abilities.larger("", (found.code,))
        tries = self.try_anyway or exchange.anyway or persona.ability.try_anyway
        if tries or persona.task.kind == "classify":  # its answer is a label: a column of a table
            exchange.notices.append(
                f"This looks like {found.name}, which {entry.name} does not know: do not rely on "
                f"the answer. {larger.entry.name} knows it: {larger.command}"
            )
            return LanguageResult(language=found, better=larger.entry.name, answered=False)
        exchange.reply = unknown_line(found, entry, self.abilities)
        return LanguageResult(language=found, better=larger.entry.name, answered=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AbilityResult:
    """tries: the model answers though it is too small."""

    ability: Ability
    tries: bool = False

    def as_receipt(self) -> Mapping[str, Any]:
        return {**self.ability.as_json(), **({"anyway": True} if self.tries else {})}


@dataclass(frozen=True, slots=True)
class TooSmall:
    abilities: Abilities
    try_anyway: bool
    stage: ClassVar[Stage] = "receive"
    name: ClassVar[str] = "ability"

    def run(self, exchange: Exchange) -> AbilityResult | None:
        persona = exchange.persona
        if persona is DEFAULT or not _asked(exchange):
            return None
        ability = self.abilities.of(persona, exchange.model.name)
        if ability.state == "not_measured":
            return None
        if ability.state != "needs_larger":
            return AbilityResult(ability=ability)
        if self.try_anyway or exchange.anyway or persona.ability.try_anyway:
            exchange.notices.append(
                f"{exchange.model.name} tried this though it is too small for it: "
                "do not rely on the answer."
            )
            return AbilityResult(ability=ability, tries=True)
        if not persona.ability.scripted:
            exchange.reply = reply_of(ability, exchange)
        return AbilityResult(ability=ability)


@dataclass(frozen=True, slots=True)
class TooSmallStill:
    stage: ClassVar[Stage] = "budget"
    name: ClassVar[str] = "too_small"

    def run(self, exchange: Exchange) -> None:
        found = exchange.results.get(TooSmall.name)
        if not isinstance(found, AbilityResult) or found.tries or not _asked(exchange):
            return
        if exchange.calls or exchange.knows_tools:  # rules, or a model that was trained for it
            return
        if found.ability.state == "needs_larger":
            exchange.reply = reply_of(found.ability, exchange)


def reply_of(ability: Ability, exchange: Exchange) -> str:
    """The whole line once in a conversation, then a short one."""
    larger = ability.larger
    assert larger is not None
    said = [each.content for each in exchange.history if each.role == "assistant"]
    if any(larger.command in each for each in said):
        return f"This still needs a larger model than {ability.model}: `{larger.command}`"
    score = ability.score
    assert score is not None
    return (
        f"{ability.model} is too small for this: {score.right} of {score.of} checks were right, so "
        f"it would mostly invent. It needs a larger model, such as {larger.entry.name} "
        f"({larger.figures}): `{larger.command}`\n\n{ANYWAY}"
    )


def _asked(exchange: Exchange) -> bool:
    return exchange.question.role == "user" and exchange.reply is None


def _guided(exchange: Exchange) -> bool:
    """Not a program that asks for a model by its own name: there the model answers as it is."""
    return exchange.guides or exchange.persona is not DEFAULT
