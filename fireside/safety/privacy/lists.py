"""The lists that names are told by: given and family names, titles, words that are no names.

`given.txt` and `family.txt` say where they come from; `words.toml` is ours.
"""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """All in lower case.

    ordinary: names that are words or places too.  titles: what stands before a name; particles:
    within one.  not_after: what ends a row of capitals that is a place or a firm.  common: what
    begins sentences.  family_cn: Chinese family names of one character.
    """

    given: frozenset[str]
    family: frozenset[str]
    ordinary: frozenset[str]
    titles: frozenset[str]
    particles: frozenset[str]
    not_after: frozenset[str]
    common: frozenset[str]
    family_cn: str

    def is_given(self, word: str) -> bool:
        """Also without its accents, and of a name with hyphens each part."""
        return _within(word, self.given)

    def is_family(self, word: str) -> bool:
        return _within(word, self.family)


def _within(word: str, names: frozenset[str]) -> bool:
    if word in names or (plain := without_accents(word)) in names:
        return True
    parts = [part for part in plain.split("-") if part]
    return len(parts) > 1 and all(part in names for part in parts)


def without_accents(word: str) -> str:
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


@cache
def load_lists() -> Lists:
    """The lists of this package."""
    folder = files("fireside.safety.privacy")
    words = tomllib.loads((folder / "words.toml").read_text(encoding="utf-8"))
    ordinary: set[str] = set()

    def read(name: str) -> frozenset[str]:
        found = set()
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                found.add(line.lstrip("?"))
                if line.startswith("?"):
                    ordinary.add(line[1:])
        return frozenset(found)

    given, family = read("given.txt"), read("family.txt")
    return Lists(
        given=given,
        family=family,
        ordinary=frozenset(ordinary),
        titles=frozenset(words["titles"].split()),
        particles=frozenset(words["particles"].split()),
        not_after=frozenset(words["not_after"].split()),
        common=frozenset(words["common"].split()),
        family_cn="".join(words["family_cn"].split()),
    )
