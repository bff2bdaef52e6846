"""The words of a text, as the full-text index knows them.

Case, accents and English plurals make no difference; scripts that set no space between words are
taken two letters at a time.  Passages and queries go through this one function, so that SQLite's
own tokenizer has nothing left to decide.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

RUN = re.compile(r"[^\W_]+")
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)
LONGEST = 40
_STOPS = (
    "a an and are as at be been but by can did do does for from had has have he her his how i if "
    "in into is it its may of on or she so such than that the their them then there these they "
    "this to was we were what when where which who whom whose why will with would you your"
)


def words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(each for each in folded if not unicodedata.combining(each))
    plain = unicodedata.normalize("NFC", plain)  # Korean was taken apart
    found: list[str] = []
    for run in RUN.finditer(plain):
        found.extend(_of_run(run[0]))
    return found


@lru_cache(50_000)
def _of_run(run: str) -> tuple[str, ...]:
    if run.isascii():
        return (_singular(run[:LONGEST]),)
    parts: list[str] = []
    at = 0
    for unspaced in UNSPACED.finditer(run):
        if unspaced.start() > at:
            parts.append(run[at : unspaced.start()][:LONGEST])
        letters = unspaced[0]
        parts.extend(letters[i : i + 2] for i in range(max(1, len(letters) - 1)))
        at = unspaced.end()
    if at < len(run):
        parts.append(run[at:][:LONGEST])
    return tuple(parts)


def _singular(word: str) -> str:
    """Harman's S-stemmer (1991): three rules, and nothing that joins different words."""
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word if word.endswith(("eies", "aies")) else word[:-3] + "y"
    if word.endswith("es"):
        return word if word.endswith(("aes", "ees", "oes")) else word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]


STOPS = frozenset(words(_STOPS))
"""Words of English questions that say nothing about the answer; dropped from queries alone."""


def wanted(query: str) -> list[str]:
    """The words of a query that are worth looking for, each once."""
    found = list(dict.fromkeys(words(query)))
    telling = [word for word in found if word not in STOPS]
    return (telling or found)[:64]
