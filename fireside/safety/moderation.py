"""`fireside-moderation-1`: the rules, and a head that learnt hate and harassment from tweets.

    score(category) = the larger of the rules' and, for hate and harassment, the head's
    flagged         where it reaches the category's threshold

The head sees meaning where the rules see phrases, in English.  The other categories are the rules'
alone, three of them are absent, and docs/safety.md says what all that misses.  A text that is
certainly in another language is looked through for English phrases, and its verdict names the
language.  It refuses to judge images, and to withhold anything: that is its caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from fireside.language.identification import foreign_language
from fireside.safety.rules import CATEGORIES, RULES_MODEL, Rules, Verdict

if TYPE_CHECKING:
    from fireside.safety.heads import Judge

MODERATION_MODEL: Final = "fireside-moderation-1"
LANGUAGE: Final = "en"


class Moderator(Protocol):
    """name: the model that judged, as the API and the receipt say it."""

    @property
    def name(self) -> str: ...

    def judge(
        self, texts: Sequence[str], *, cancelled: Callable[[], bool] = lambda: False
    ) -> list[Verdict]:
        """One of each text."""
        ...


class RulesModerator:
    """The table alone: no model is loaded."""

    name = RULES_MODEL

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def judge(
        self, texts: Sequence[str], *, cancelled: Callable[[], bool] = lambda: False
    ) -> list[Verdict]:
        return [in_its_language(self._rules.judge(text), text) for text in texts]


class TrainedModerator:
    """The table and the head."""

    name = MODERATION_MODEL

    def __init__(self, rules: Rules, judge: Judge) -> None:
        self._rules = rules
        self._judge = judge

    def judge(
        self, texts: Sequence[str], *, cancelled: Callable[[], bool] = lambda: False
    ) -> list[Verdict]:
        """Raises: Interrupted, Unavailable, as the embedder."""
        if not texts:
            return []
        made = self._judge.probabilities(list(texts), together="max", cancelled=cancelled)
        verdicts = [in_its_language(self._rules.judge(text), text) for text in texts]
        return [
            verdict
            if verdict.foreign
            else joined(verdict, learnt(self._judge.head.labels, row), text)
            for verdict, text, row in zip(verdicts, texts, made.tolist(), strict=True)
        ]


def in_its_language(verdict: Verdict, text: str) -> Verdict:
    """The verdict, with the text's language where it is another than English."""
    return replace(verdict, foreign=foreign_language(text, [LANGUAGE]))


def learnt(labels: Sequence[str], chances: Sequence[float]) -> dict[str, float]:
    return {label: round(chance, 6) for label, chance in zip(labels, chances, strict=True)}


def joined(verdict: Verdict, chances: Mapping[str, float], text: str) -> Verdict:
    """The larger score of each category; a text without a letter says nothing to the head."""
    if not any(letter.isalpha() for letter in text):
        return verdict
    scores = {name: max(score, chances.get(name, 0.0)) for name, score in verdict.scores.items()}
    over = {name for name, chance in chances.items() if chance >= 0.5}
    return Verdict(scores=scores, categories=verdict.categories | over)


def over(verdict: Verdict, thresholds: Mapping[str, float]) -> frozenset[str]:
    """The categories that count: by `thresholds`, where it names one, else the moderator's own."""
    return frozenset(
        name
        for name in CATEGORIES
        if (
            verdict.scores[name] >= thresholds[name] and thresholds[name] < 1
            if name in thresholds
            else name in verdict.categories
        )
    )
