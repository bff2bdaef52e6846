"""Which of the policy's intents a turn is, by the nearest of their examples, or none of them.

Each intent is as near as the mean of its two nearest examples, of which the nearest counts double:
one odd example alone decides little.  A turn of several sentences is as near as the nearest of
them.  What the embedding model cannot read is compared by letters.
Below the policy's threshold a turn is none; two intents
within its margin are both given, and the policy asks.  It refuses to pick between them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from fireside.dialogue.complaints import asks_for_a_person, complains
from fireside.dialogue.config import DialogueConfig
from fireside.dialogue.kinds import candidates
from fireside.dialogue.vectors import (
    Vectors,
    clipped,
    likeness,
    readable,
    without_signs,
)
from fireside.language.sentences import sentences

if TYPE_CHECKING:
    from torch import Tensor

PERSON: Final = "(a person)"
"""The intent that is always there: the user wants to speak with somebody."""
COMPLAINT: Final = "(a complaint)"
"""The one that is there where `[dialogue.handover] complaints` is set."""
PERSON_EXAMPLES: Final = (
    "I want to talk to a human",
    "Can I speak with a real person please?",
    "Connect me to an agent",
    "Let me talk to someone from your team",
    "I need to speak to a representative",
    "get me your manager",
)
FEWEST, MOST = 3, 6
"""Words of a sentence that says what somebody wants; sentences that are looked at."""
_PERSON_ZH: Final = re.compile("人工|真人|客服人员")
_EITHER: Final = re.compile(r"(?<!\s)\s+or\s+|还是|或者", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """names: the nearest intents over the threshold, the nearest first; more than one where they
    compete; none where nothing is near.  scores: of all of them, cosines."""

    names: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def one(self) -> str | None:
        return self.names[0] if len(self.names) == 1 else None


class IntentReader:
    """Of one policy.  Its examples are embedded once, when they are first needed."""

    def __init__(self, config: DialogueConfig, vectors: Vectors) -> None:
        self._config = config
        self._vectors = vectors
        self._lock = threading.Lock()
        self._labelled = _labelled(config)
        self._own = {
            example.strip(" .!?").casefold()
            for intent in config.intents.values()
            for example in intent.examples
        }
        self._known: Tensor | None = None

    def match(self, text: str) -> Matched:
        """ "A refund or a new one" is two intents if each side of the "or" is one of its own."""
        whole = self._match(text)
        sides = [side for side in _EITHER.split(text) if side.strip()]
        if len(sides) != 2:
            return whole
        names = [self._match(side).one for side in sides]
        if None in names or names[0] == names[1]:
            return whole
        return Matched(names=tuple(name for name in names if name), scores=whole.scores)

    def _match(self, text: str) -> Matched:
        text = without_signs(self._without_values(text))
        if (name := self._person(text)) is not None:
            return Matched(names=(name,), scores={name: 1.0})
        labelled = self._labelled
        if not text or not labelled:
            return Matched()
        if readable(self._vectors, text):
            parts = [clipped(self._vectors, part) for part in parts_of(text)]
            rows, _ = self._vectors.embed(parts)
            near = (rows @ self._examples().T).amax(dim=0).tolist()
        else:
            near = [likeness(text, example) for _, example in labelled]
        grouped: dict[str, list[float]] = {}
        for (name, _), cosine in zip(labelled, near, strict=True):
            grouped.setdefault(name, []).append(cosine)
        return self._chosen({name: _nearness(each) for name, each in grouped.items()})

    def _person(self, text: str) -> str | None:
        """Whether a rule sees that a person is asked for, or that somebody complains."""
        if text.strip(" .!?").casefold() in self._own:  # of the policy, for something else
            return None
        rules = self._config.handover
        if rules.asked and (_PERSON_ZH.search(text) or asks_for_a_person(text)):
            return PERSON
        return COMPLAINT if rules.complaints and complains(text) else None

    def _without_values(self, text: str) -> str:
        """An order number says nothing of what is wanted, and is near to every example with one."""
        for slot in self._config.slots.values():
            if slot.type in ("pattern", "email", "phone"):
                for each in reversed(candidates(slot, text, today=date.min)):
                    text = f"{text[: each.start]} {text[each.end :]}"
        return text

    def _chosen(self, scores: Mapping[str, float]) -> Matched:
        ranked = sorted(scores, key=lambda name: -scores[name])
        best = scores[ranked[0]]
        if best < self._config.threshold:
            return Matched(scores=scores)
        near = [
            name
            for name in ranked
            if scores[name] >= self._config.threshold and best - scores[name] < self._config.margin
        ]
        return Matched(names=tuple(near[:3]), scores=scores)

    def _examples(self) -> Tensor:
        with self._lock:
            if self._known is None:
                texts = [clipped(self._vectors, example) for _, example in self._labelled]
                self._known, _ = self._vectors.embed(texts)
            return self._known


def parts_of(text: str) -> list[str]:
    """The whole, and its sentences: "I am Emily." before a wish would draw the whole away from it,
    and another name elsewhere (`examples/conversations/counterparts.chat` found that)."""
    said = [each for each in sentences(text) if len(each.split()) >= FEWEST]
    return [text, *said[:MOST]] if len(said) > 1 else [text]


def _labelled(config: DialogueConfig) -> list[tuple[str, str]]:
    pairs = [
        (name, example) for name, intent in config.intents.items() for example in intent.examples
    ]
    if config.handover.asked and pairs:
        pairs += [(PERSON, example) for example in PERSON_EXAMPLES]
    return pairs


def _nearness(cosines: Sequence[float]) -> float:
    best = sorted(cosines, reverse=True)[:2]
    return (2 * best[0] + best[-1]) / 3
