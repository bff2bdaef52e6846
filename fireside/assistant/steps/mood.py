"""Step `mood`: the sentiment of what the user says, the trend, and what follows from a bad one.

While the mood is bad and falling, answers are shorter (a sentence of instruction, `max_tokens`) and
a person is offered; an apology is made once in a conversation.  Both are said below the answer, in
the persona's own words: a small model that is told to apologise may thank for the kind words
instead.  Writes `sections`, `max_tokens` and `notices`.  It refuses to touch the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.exchange import Section
from fireside.assistant.mood import MoodConfig, Trend, trend
from fireside.assistant.steps import Stage

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.safety.guards import Guards
    from fireside.safety.sentiment import Sentiment

LOOKED_AT: Final = 20
"""User turns of a conversation that its trend is made of, the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodResult:
    """sentiment: of this turn.  scores: valences of the user turns, this one last.
    done: what follows, as the receipt says it."""

    sentiment: Sentiment
    scores: tuple[float, ...]
    trend: Trend
    done: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return self.sentiment.valence

    def as_receipt(self) -> dict[str, Any]:
        return {
            **self.sentiment.as_receipt(),
            "recent": round(self.trend.recent, 4),
            "before": round(self.trend.before, 4),
            "falling": self.trend.falling,
            "done": list(self.done),
        }


class Mood:
    """Nothing where `[mood] watch` is off, or the turn is not the user's."""

    stage: Stage = "understand"
    name = "mood"

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    def run(self, exchange: Exchange) -> MoodResult | None:
        config = exchange.persona.mood
        if not config.watch or exchange.question.role != "user":
            return None
        said = [each.content or "" for each in exchange.history if each.role == "user"]
        texts = [*said[-(LOOKED_AT - 1) :], exchange.question.content or ""]
        judged = self._guards.sentiment(exchange.persona.language).judge(texts)
        scores = tuple(each.valence for each in judged)
        found = trend(scores, config)
        done = self._answer(exchange, config, found) if found.falling else ()
        return MoodResult(sentiment=judged[-1], scores=scores, trend=found, done=tuple(done))

    @staticmethod
    def _answer(exchange: Exchange, config: MoodConfig, found: Trend) -> Sequence[str]:
        done = []
        if config.instruction:
            exchange.sections.append(Section(name="mood", text=config.instruction))
            done.append("asked for a short answer")
        if config.max_tokens is not None and config.max_tokens < (
            exchange.max_tokens or config.max_tokens + 1
        ):
            exchange.max_tokens = config.max_tokens
            done.append(f"at most {config.max_tokens} tokens")
        if config.apology and found.first:
            exchange.notices.append(config.apology)
            done.append("apologised")
        if config.person and config.offer:
            exchange.notices.append(config.offer.replace("{person}", config.person))
            done.append("offered a person")
        return done
