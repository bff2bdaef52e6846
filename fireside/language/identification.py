"""The language of a text, where it is certain: what was taught in English judges English alone.

A script that one language is written in tells it at once.  Letters that many languages share are
weighed by `py3langid`, which brings its model with it; what is short or close stays undecided, and
so does what it takes for a language that is not in `CODES`.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

CODES: Final = (
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "es", "fa", "fi", "fr", "he", "hi", "hr",
    "hu", "id", "it", "ja", "ko", "nl", "no", "pl", "pt", "ro", "ru", "sv", "ta", "th", "tr",
    "uk", "vi", "zh",
)  # fmt: skip
"""Languages that are told apart; others stay undecided."""
SEEN: Final = 2_000
"""Characters of a message that are looked at."""
LEAST: Final = 8
"""Latin letters below which nothing is decided: "Hallo" is a word of five languages."""
MARGIN: Final = 12.0
"""Nats by which a language must be likelier than each that the model knows.

Of 27,398 English texts (instructions, requests to shops and banks, Tatoeba) 12 takes none for
another language, 10 takes 3; of 1,140 short texts in 19 languages with Latin letters it finds 91 %
(docs/assistant.md has the figures on other texts).
"""
_QUOTED: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|@\S+|<[^<>]{1,200}>", re.S)
_SCRIPTS: Final[Mapping[str, str]] = {
    "LATIN": "latin", "CYRILLIC": "cyrillic", "ARABIC": "arabic", "DEVANAGARI": "devanagari",
    "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "HANGUL": "ko", "THAI": "th",
    "GREEK": "el", "HEBREW": "he", "BENGALI": "bn", "TAMIL": "ta",
}  # fmt: skip
"""By the first word of a letter's name in Unicode: its script, or the language that is written in
it alone."""
_SHARED: Final[Mapping[str, Sequence[str]]] = {
    "cyrillic": ("ru", "uk", "bg"),
    "arabic": ("ar", "fa"),
    "devanagari": ("hi",),
}
"""Languages of a script that several are written in, the commonest first."""
_DENSE: Final = frozenset({"ja", "zh", "ko", "th"})
_WEIGHT: Final = 2
"""A letter of a dense script says as much as so many of an alphabet."""
_NEIGHBOURS: Final = (
    "af", "cy", "et", "eu", "ga", "gl", "is", "lt", "lv", "ms", "sk", "sl", "sq", "sw", "tl",
)  # fmt: skip
"""Without a line here, and told apart so that none of them is taken for one that has a line."""


def foreign_language(text: str, known: Sequence[str]) -> str | None:
    """The code of a text's language, where it is certain and none of `known`; else None."""
    text = _QUOTED.sub(" ", text[:SEEN])
    counts = Counter(map(_script, filter(str.isalpha, text)))
    if counts["ja"]:  # Japanese is written with Han too
        counts["ja"] += counts.pop("zh", 0)
    weights = {name: n * (_WEIGHT if name in _DENSE else 1) for name, n in counts.items()}
    script = max(weights, key=lambda name: weights[name], default="other")
    if script == "other" or weights[script] * 2 < sum(weights.values()):
        return None
    if script == "latin":
        return _of_latin(text, known) if counts["latin"] >= LEAST else None
    candidates = _SHARED.get(script, (script,))
    if counts[script] < 2 or set(candidates) & set(known):
        return None
    code = candidates[0]
    if len(candidates) > 1:
        ranks = _ranked(text)
        code = max(candidates, key=lambda each: ranks[each])
    return code


def foreign_note(what: str, known: str, foreign: str) -> str:
    """The line that says so, with the codes of both languages."""
    return f"{what} knows {known!r} alone: this text is in {foreign!r} and was not judged."


def _script(letter: str) -> str:
    return _SCRIPTS.get(unicodedata.name(letter, "").split(" ", 1)[0], "other")


def _of_latin(text: str, known: Sequence[str]) -> str | None:
    ranks = _ranked(text)
    best = max(ranks, key=lambda code: ranks[code])
    ours = max((ranks[code] for code in known if code in ranks), default=None)
    if best in known or ours is None or ranks[best] - ours <= MARGIN:
        return None
    return best if best in CODES else None


_LOCK: Final = threading.Lock()


def _ranked(text: str) -> Mapping[str, float]:
    with _LOCK:  # reading the model takes a second, once
        identifier = _identifier()
    return {str(code): float(likelihood) for code, likelihood in identifier.rank(text)}


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    made = LanguageIdentifier.from_model_file(MODEL_FILE)
    made.set_languages(sorted({"en", *CODES, *_NEIGHBOURS}))
    return made
