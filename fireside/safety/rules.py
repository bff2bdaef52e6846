"""A moderator of rules: phrases in a table (`rules.toml`), and nothing that was learnt.

It sees phrases, not meaning: irony, quotation, other languages than English and anything said in
other words pass it by.  The same text always gets the same scores.  A phrase's weight is the
chance that a text with it belongs to the category, by its author's judgement; phrases of one
category add up as independent chances do.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from fireside.errors import Corrupt

RULES_MODEL: Final = "fireside-rules-1"
CATEGORIES: Final = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
WINDOW: Final = 16_384
"""Characters that one search goes through: `re` holds Python's lock while it searches."""
OVERLAP: Final = 256  # longer than any phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """scores: by category, 0 to 1.  categories: those over the threshold.  foreign: the text's
    language, where it is certainly not English: only English phrases were looked for in it."""

    scores: Mapping[str, float]
    categories: frozenset[str]
    foreign: str | None = None

    @property
    def flagged(self) -> bool:
        return bool(self.categories)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    category: str
    weight: float
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The table.  harmless: phrases that are taken out before the others are looked for.  absent:
    categories that are not judged: their score is 0, and what their phrases find counts for the
    categories that they imply."""

    threshold: float
    phrases: Sequence[Phrase]
    harmless: Sequence[re.Pattern[str]]
    implies: Mapping[str, Sequence[str]]
    absent: frozenset[str] = frozenset()

    def judge(self, text: str) -> Verdict:
        found: set[int] = set()
        for piece in _windows(plain(text)):
            for pattern in self.harmless:
                piece = pattern.sub(" · ", piece)
            found |= {
                place
                for place, phrase in enumerate(self.phrases)
                if place not in found and phrase.pattern.search(piece)
            }
        missed = dict.fromkeys(CATEGORIES, 1.0)
        for place in sorted(found):
            phrase = self.phrases[place]
            for category in (phrase.category, *self.implies.get(phrase.category, ())):
                missed[category] *= 1.0 - phrase.weight
        missed |= dict.fromkeys(self.absent, 1.0)
        scores = {category: round(1.0 - chance, 6) for category, chance in missed.items()}
        over = frozenset(name for name, score in scores.items() if score >= self.threshold)
        return Verdict(scores=scores, categories=over)


def plain(text: str) -> str:
    """One spelling of what looks alike: case, width, quotes, spaces, invisible characters."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return re.sub(r"\s+", " ", text.replace("’", "'").replace("‘", "'"))


def _windows(text: str) -> Iterator[str]:
    for start in range(0, max(1, len(text)), WINDOW):
        yield text[max(0, start - OVERLAP) : start + WINDOW]


@cache
def load_rules() -> Rules:
    """The table of this package."""
    raw = (files("fireside.safety") / "rules.toml").read_text(encoding="utf-8")
    return read_rules(tomllib.loads(raw))


def read_rules(table: Mapping[str, Any]) -> Rules:
    """
    Raises:
        Corrupt: a category that does not exist, a weight that is no chance, a broken pattern.
    """
    words: Mapping[str, str] = table["words"]
    phrases = []
    for category, rules in table["phrases"].items():
        _known(category)
        for rule in rules:
            if not 0 < rule["weight"] < 1:
                raise Corrupt(f"rules.toml: {rule['weight']} is no weight between 0 and 1.")
            phrases += [
                Phrase(category=category, weight=rule["weight"], pattern=_compiled(each, words))
                for each in rule["any"]
            ]
    for category, others in table["implies"].items():
        for each in (category, *others):
            _known(each)
    for each in table["absent"]:
        _known(each)
    return Rules(
        threshold=table["threshold"],
        phrases=phrases,
        harmless=[_compiled(each, words) for each in table["harmless"]],
        implies=table["implies"],
        absent=frozenset(table["absent"]),
    )


def _known(category: str) -> None:
    if category not in CATEGORIES:
        raise Corrupt(f"rules.toml: there is no category {category!r}.")


def _compiled(pattern: str, words: Mapping[str, str]) -> re.Pattern[str]:
    """`{person}` stands for a list of words; a space for whatever parts two words."""
    try:
        whole = re.sub(r"\{([a-z_]+)\}", lambda name: f"(?:{words[name[1]]})", pattern)
        return re.compile(rf"\b(?:{whole.replace(' ', '(?:[^a-z0-9]+)')})\b")
    except (re.error, KeyError) as error:
        raise Corrupt(f"rules.toml: {pattern!r} is no pattern ({error}).") from None
