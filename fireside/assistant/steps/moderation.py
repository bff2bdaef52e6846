"""Steps `moderation_input` and `moderation_output`: verdicts over what is asked and answered.

A refused question gets the persona's reply, and the model is not asked.  An answer goes out
sentence by sentence as each was judged; from the first refused one on it is withheld, and never
shown and then taken back.  Writes `reply`, `filters` and `notices`.

It refuses to put a user's or a model's words into the receipt: categories and scores stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fireside.assistant.steps import Stage
from fireside.language.identification import foreign_note
from fireside.safety.moderation import LANGUAGE, Moderator, over
from fireside.safety.rules import Verdict, load_rules
from fireside.safety.withheld import Withheld

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.safety_sections import ModerationConfig
    from fireside.safety.guards import Guards


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderated:
    """model: who judged.  categories: which counted, with their scores.  refused: it was
    withheld.  foreign: the language of a text in which only English phrases were looked for."""

    model: str
    categories: Mapping[str, float] = field(default_factory=dict)
    refused: bool = False
    foreign: str | None = None

    def as_receipt(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "flagged": bool(self.categories),
            "categories": dict(self.categories),
            "refused": self.refused,
            "absent": sorted(load_rules().absent),
            **(
                {"not_judged": foreign_note("Moderation", LANGUAGE, self.foreign)}
                if self.foreign
                else {}
            ),
        }


class ModerateInput:
    """Judges the user's words; nothing where `[safety.moderation] input` is off."""

    stage: Stage = "receive"
    name = "moderation_input"

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    def run(self, exchange: Exchange) -> Moderated | None:
        config = exchange.persona.safety.moderation
        if config.input == "off" or exchange.question.role != "user":
            return None
        moderator = self._guards.moderator(config.model)
        verdict = moderator.judge([exchange.question.content or ""])[0]
        found = counted(verdict, config)
        refused = bool(found) and config.input == "refuse"
        if refused:
            exchange.reply = config.reply
        return Moderated(
            model=moderator.name, categories=found, refused=refused, foreign=verdict.foreign
        )


class ModerateOutput:
    """Puts the filter in place (`flag`: one that lets everything through)."""

    stage: Stage = "budget"
    name = "moderation_output"

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    def run(self, exchange: Exchange) -> None:
        config = exchange.persona.safety.moderation
        if config.output == "refuse" and exchange.reply is None:
            exchange.filters.append(OutputFilter(self._guards.moderator(config.model), config))


class OutputFilter(Withheld):
    """The sentences of an answer, judged.  found: the categories that counted, so far.  foreign:
    the language of the first sentence in another than English."""

    def __init__(self, moderator: Moderator, config: ModerationConfig) -> None:
        super().__init__(self._refuses)
        self._moderator = moderator
        self._config = config
        self.found: dict[str, float] = {}
        self.foreign: str | None = None

    def _refuses(self, text: str) -> bool:
        verdict = self._moderator.judge([text])[0]
        found = counted(verdict, self._config)
        self.found |= found
        self.foreign = self.foreign or verdict.foreign
        return bool(found)


class ModerationCheck:
    """What came of the answer: says below it that it was cut short; judges it where only `flag` is
    asked for."""

    stage: Stage = "check"
    name = "moderation_output"

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    def run(self, exchange: Exchange) -> Moderated | None:
        config = exchange.persona.safety.moderation
        if config.output == "off":
            return None
        for each in exchange.filters:
            if isinstance(each, OutputFilter):
                if each.over:
                    exchange.notices.append(config.reply)
                return Moderated(
                    model=config.model,
                    categories=each.found,
                    refused=each.over,
                    foreign=each.foreign,
                )
        if config.output == "flag" and exchange.answer and exchange.reply is None:
            verdict = self._guards.moderator(config.model).judge([exchange.answer])[0]
            return Moderated(
                model=config.model, categories=counted(verdict, config), foreign=verdict.foreign
            )
        return None


def counted(verdict: Verdict, config: ModerationConfig) -> dict[str, float]:
    """The categories at or over the persona's thresholds, with their scores."""
    thresholds = {str(name): score for name, score in config.thresholds.items()}
    return {name: verdict.scores[name] for name in sorted(over(verdict, thresholds))}
