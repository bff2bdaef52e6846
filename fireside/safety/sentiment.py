"""The sentiment of a text: positive, negative or neither, with a calibrated chance.

Trained on film reviews and plain requests (docs/safety.md has the figures).  Irony, and whom the
feeling is about, pass it by.  A text that is certainly in another language than the head's is not
judged: it counts as neutral, and the result names its language.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final, Literal

from fireside.language.identification import foreign_language, foreign_note
from fireside.safety.heads import Judge

NEITHER: Final = (0.35, 0.65)  # chances of "positive" between which nothing is said
KEPT: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """
    label: what is said.  score: the chance of it; of `neutral`, how near to even it stands.
    valence: from -1 (negative for sure) to 1.  language: what the head was trained on.
    foreign: the text's own language, where it was not judged for it; then label, score and
    valence say nothing.
    """

    label: Literal["positive", "negative", "neutral"]
    score: float
    valence: float
    language: str
    foreign: str | None = None

    def as_receipt(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "score": round(self.score, 4),
            "valence": round(self.valence, 4),
            "language": self.language,
            **(
                {"not_judged": foreign_note("Sentiment", self.language, self.foreign)}
                if self.foreign
                else {}
            ),
        }


class SentimentJudge:
    """Safe to use from many threads.  What was judged is remembered by its hash: the turns of a
    conversation are read anew at every turn."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._known: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def judge(self, texts: Sequence[str]) -> list[Sentiment]:
        """Of each text, of any length; an empty one is neutral.

        Raises: Unavailable, as the embedder.
        """
        keys = [blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() for text in texts]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        language = self._judge.head.language
        foreign = {
            key: foreign_language(text, [language]) for key, text in zip(keys, texts, strict=True)
        }
        missing = {
            key: text
            for key, text in zip(keys, texts, strict=True)
            if key not in found and text.strip() and not foreign[key]
        }
        if missing:
            made = self._judge.probabilities([*missing.values()], together="mean")[:, 0]
            found |= dict(zip(missing, made.tolist(), strict=True))
            with self._lock:
                self._known |= found
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
        return [
            replace(sentiment(found.get(key, 0.5), language), foreign=foreign[key]) for key in keys
        ]


def sentiment(positive: float, language: str) -> Sentiment:
    """positive: the calibrated chance of it."""
    valence = 2 * positive - 1
    low, high = NEITHER
    if low < positive < high:
        return Sentiment(
            label="neutral", score=1 - abs(valence), valence=valence, language=language
        )
    label: Literal["positive", "negative"] = "positive" if positive >= high else "negative"
    return Sentiment(
        label=label, score=max(positive, 1 - positive), valence=valence, language=language
    )
