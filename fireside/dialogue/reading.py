"""One turn, understood: what it does, which intent it is, which values it holds.

It refuses to decide anything; `policy.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from fireside.dialogue.acts import ActReader, Acts
from fireside.dialogue.config import DialogueConfig, SlotConfig
from fireside.dialogue.extraction import Extractor
from fireside.dialogue.intents import IntentReader, Matched
from fireside.dialogue.placing import Placed, Placing
from fireside.dialogue.state import DialogueState
from fireside.dialogue.vectors import Vectors

LONGEST = 4_000
"""Letters of a turn that are read for acts, intents and values; of a longer one, its first and last
half of them.  Nobody says more at once, and what is pasted costs the square of its values."""
_ANYWHERE = ("pattern", "email", "phone")
"""Types that are what they are wherever they stand: taken even before a flow begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """text: the turn, as much of it as was read.  letters: all that it had.  intents: the nearest.
    placed: values and their slots."""

    text: str
    acts: Acts
    intents: Matched = field(default_factory=Matched)
    placed: Placed = field(default_factory=Placed)
    letters: int = 0

    def as_receipt(self) -> Mapping[str, Any]:
        """No words of the turn: names, figures and who found what."""
        scores = sorted(self.intents.scores.items(), key=lambda item: -item[1])[:3]
        return {
            "act": self.acts.main,
            "acts": list(self.acts.all),
            "intents": [{"name": name, "score": round(score, 3)} for name, score in scores],
            "found_by": dict(self.placed.by),
        } | ({"letters": self.letters, "read": LONGEST} if self.letters > LONGEST else {})


class Reader:
    """Of one policy; safe to use from many threads."""

    def __init__(self, config: DialogueConfig, vectors: Vectors) -> None:
        self._config = config
        self._acts = ActReader(vectors)
        self._intents = IntentReader(config, vectors)

    def read(
        self, text: str, state: DialogueState, *, today: date, extractor: Extractor | None = None
    ) -> Reading:
        letters = len(text)
        text = read_part(text)
        acts = self._acts.read(text)
        intents = self._intents.match(text)
        question = state.question
        placed = Placing(
            slots=self._slots(state, intents),
            text=text,
            today=today,
            date_order=self._config.date_order,
            asked=question.slot if question is not None else None,
            question=question.text if question is not None else "",
            answers=can_answer(acts, text),
            extractor=extractor,
        ).run()
        return Reading(text=text, acts=acts, intents=intents, placed=placed, letters=letters)

    def _slots(self, state: DialogueState, intents: Matched) -> dict[str, SlotConfig]:
        """Of the flow under way and of those that this turn may begin."""
        found = {name: slot for name, slot in self._config.slots.items() if slot.type in _ANYWHERE}
        for goal in [state.goal, *(paused.goal for paused in state.paused)]:
            found |= self._config.slots_of(goal)
        for name in intents.names:
            if name in self._config.intents:
                found |= self._config.slots_of(self._config.intents[name].flow)
        return found


def read_part(text: str) -> str:
    """What of a turn is read: all of it, or its beginning and its end, a line between them."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n{text[-half:]}"


def can_answer(acts: Acts, text: str) -> bool:
    if acts.main in ("greet", "thank", "goodbye") or not text.strip():
        return False
    return not (acts.main == "request" and text.rstrip().endswith(("?", "？")))
