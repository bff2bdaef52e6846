"""Whether a sentence says that something rose or fell, and whether it denies (English)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fireside.knowledge.words import words

_UP: Final = re.compile(
    r"\b(?:rose|rise|rises|rising|risen|increas(?:e|es|ed|ing)|grew|grow|grows|growing|grown|growth|"
    r"gain(?:s|ed)?|climb(?:s|ed|ing)?|surg(?:e|es|ed|ing)|jump(?:s|ed|ing)?|soar(?:s|ed|ing)?|"
    r"higher|up|improv(?:e|es|ed|ing)|expand(?:s|ed|ing)?|won|win|wins|above|better|doubled|"
    r"tripled)\b",
    re.I,
)
_DOWN: Final = re.compile(
    r"\b(?:fell|fall|falls|falling|fallen|decreas(?:e|es|ed|ing)|declin(?:e|es|ed|ing)|"
    r"drop(?:s|ped|ping)?|shr(?:ink|inks|ank|unk|inking)|lost|lose|loses|loss|plung(?:e|es|ed|ing)|"
    r"sank|sink|slump(?:s|ed|ing)?|slid|slip(?:s|ped)?|lower|down|worsen(?:s|ed|ing)?|below|worse|"
    r"reduc(?:e|es|ed|ing)|cut|halved)\b",
    re.I,
)
_NOT: Final = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|fail(?:s|ed)? to|"
    r"refus(?:e|es|ed) to|\w{1,12}n['’]t)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Claim:
    up: bool
    down: bool
    denied: bool


def claim(sentence: str) -> Claim:
    return Claim(*(found.search(sentence) is not None for found in (_UP, _DOWN, _NOT)))


def agrees(sentence: str, source: Sequence[str]) -> bool:
    """Whether a sentence of the source with the most of its words goes the same way.

    A sentence that joins two of the source's is judged by the nearer one.
    """
    said = claim(sentence)
    own = set(words(sentence))
    shares = [len(own & set(words(each))) for each in source]
    most = max(shares, default=0)
    nearest = [claim(each) for each, share in zip(source, shares, strict=True) if share == most]
    return any(
        said.denied == each.denied and said.up <= each.up and said.down <= each.down
        for each in nearest
    )
