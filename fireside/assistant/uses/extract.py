"""A summary made of a text's own sentences: the ones that tell most, in their order.

A sentence tells as much as its words are frequent in the text, less what was told already; the
first ones count more.  Nothing is generated, so no number, name or direction can change.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

from fireside.assistant.uses.made import Made
from fireside.assistant.uses.summarise import beginning, length, prose
from fireside.knowledge.words import STOPS, wanted
from fireside.language.sentences import sentences

MARK: Final = "An extract: these are sentences of the text itself."
MOST: Final = 5_000
"""Sentences that are looked at, from the first on."""
SAME: Final = 0.7
"""Share of its telling words that were told already, from which a sentence is left out."""


def extract(text: str, words: int) -> Made:
    """Of sentences without headings and tables; at most `words` words, and never nothing."""
    found = list(dict.fromkeys(sentences(prose(text))))
    notes = {"by": "extract", "sentences": len(found), "unread": max(0, len(found) - MOST)}
    if length(text) <= words or not found:
        return Made(text=text.strip(), notes=notes)
    found = found[:MOST]
    telling = [set(wanted(each)) - STOPS for each in found]
    holding = Counter(word for each in telling for word in each)
    scores = [_score(each, holding, place) for place, each in enumerate(telling)]
    chosen: list[int] = []
    told: set[str] = set()
    left = words
    for place in sorted(range(len(found)), key=lambda n: (-scores[n], n)):
        size, own = length(found[place]), telling[place]
        if size > left or not own or len(own & told) > SAME * len(own):
            continue
        chosen.append(place)
        told |= own
        left -= size
    picked = [found[place] for place in sorted(chosen)]
    text = " ".join(picked) or beginning(found[0], words)
    return Made(text=text, notes=notes | {"taken": len(picked)})


def _score(telling: set[str], holding: Counter[str], place: int) -> float:
    if not telling:
        return 0.0
    weight = sum(math.log(1 + holding[word]) for word in telling) / math.sqrt(len(telling))
    return weight * (1 + 1 / (1 + place))
