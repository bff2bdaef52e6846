"""What a turn does: inform, request, confirm, deny, correct, greet, thank, goodbye, or other.

A turn is cut into clauses.  Each is judged by rules, English and Chinese; where no rule speaks, by
the nearest of a few examples per act (the embedding model).  A turn may do several things ("Yes,
thanks. What is the number?"); `main` is the one that the conversation has to answer to.  It refuses
to guess: a clause that is near to nothing is `other`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from fireside.dialogue.act_rules import by_rule
from fireside.dialogue.state import Act
from fireside.dialogue.vectors import Vectors, clipped, readable, without_signs

if TYPE_CHECKING:
    from torch import Tensor

MOST_CLAUSES: Final = 12
NEAR: Final = 0.45
"""The cosine below which a clause is like none of the examples."""

_PRIORITY: Final[tuple[Act, ...]] = (
    "correct", "confirm", "deny", "request", "inform", "thank", "goodbye", "greet",
)  # fmt: skip

EXAMPLES: Final[Mapping[Act, tuple[str, ...]]] = {
    "greet": ("Hello", "Hi there, how are you?", "Good morning to you", "Hey, anybody here?"),
    "thank": ("Thank you so much", "That is very kind of you", "I am grateful for your help"),
    "goodbye": ("Goodbye", "See you next time", "That is all for today", "I have to go now"),
    "confirm": ("Yes, that is right", "That suits me well", "I am happy with that",
                "Let us do that", "Yes please, book it", "I will take it"),
    "deny": ("No, I do not want that", "I am afraid not", "Leave it", "That does not suit me",
             "Please do not do that"),
    "correct": ("No, I meant the other one", "That is not what I said, it should be five",
                "Sorry, it is Tuesday and not Monday", "You got my name wrong"),
    "request": ("What does it cost?", "Could you tell me when it opens",
                "I would like to know more", "Please search for something else",
                "I have a question about my bill"),
    "inform": ("My order number is 4711", "I live in Berlin", "The parcel arrived broken",
               "I need it by Friday", "There will be four of us", "It does not work any more",
               "I want to travel to Rome", "Anything is fine, I have no preference"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """main: what has to be answered to.  all: of each clause, in their order."""

    main: Act
    all: tuple[Act, ...]

    def has(self, *acts: Act) -> bool:
        return any(act in self.all for act in acts)


class ActReader:
    """vectors: None judges by the rules alone."""

    def __init__(self, vectors: Vectors | None) -> None:
        self._vectors = vectors

    def read(self, text: str) -> Acts:
        pieces = clauses(text)
        judged = [by_rule(piece) for piece in pieces]
        unknown = [piece for piece, act in zip(pieces, judged, strict=True) if act is None]
        nearest = iter(self._nearest(unknown))
        acts = tuple(next(nearest) if act is None else act for act in judged)
        return Acts(main=_main(acts), all=acts or ("other",))

    def _nearest(self, pieces: Sequence[str]) -> list[Act]:
        vectors = self._vectors
        plain = [without_signs(piece) for piece in pieces]
        if vectors is None or not any(legible := [readable(vectors, piece) for piece in plain]):
            return ["other"] * len(pieces)
        texts = [clipped(vectors, p) for p, can in zip(plain, legible, strict=True) if can]
        rows, _ = vectors.embed(texts)
        labels, examples = self._known
        cosines = iter((rows @ examples.T).tolist())
        found: list[Act] = []
        for piece, can in zip(plain, legible, strict=True):
            row = next(cosines) if can else [0.0]
            best = max(range(len(row)), key=row.__getitem__)
            near: Act = labels[best] if row[best] >= NEAR else "other"
            found.append("inform" if near == "other" and _tells(piece) else near)
        return found

    @cached_property
    def _known(self) -> tuple[list[Act], Tensor]:
        assert self._vectors is not None
        labels: list[Act] = [act for act, texts in EXAMPLES.items() for _ in texts]
        rows, _ = self._vectors.embed([text for texts in EXAMPLES.values() for text in texts])
        return labels, rows


def _tells(clause: str) -> bool:
    """Something with a figure in it, or of several words, tells something."""
    return bool(re.search(r"\d", clause)) or len(re.findall(r"[A-Za-z]{2,}", clause)) >= 3


_BORDER: Final = re.compile(
    r"(?<=[.!?;。！？；])\s*(?=\S)|\n+|"
    # "Yes, thanks, and what ...": a short word before a comma is a clause of its own.
    r"(?<=\byes),\s*|(?<=\byeah),\s*|"
    r"(?<=\bno),\s*(?=(?:that|thank|thx|no need|i'm (?:good|done|all))\b)|"
    r"(?<=\bok),\s*|(?<=\bokay),\s*|(?<=\bsure),\s*|(?<=\bnope),\s*|"
    r",?(?<!\s)\s++(?=(?:thanks|thank you|but i appreciate)\b)",
    re.I,
)


def clauses(text: str) -> list[str]:
    """Sentences, and the yes, no and thanks before or after them.  At most MOST_CLAUSES: the first
    and the last ones of a long text."""
    # A full stop inside a number or an abbreviation of the day is no end.
    whole = re.sub(r"\b([ap])\.m\.?", r"\1m", text.replace("\r", "\n"), flags=re.I)
    whole = re.sub(r"(?<=\d)\.(?=\d)", "\u2024", whole)
    pieces = [piece.replace("\u2024", ".").strip() for piece in _BORDER.split(whole)]
    pieces = [piece for piece in pieces if piece and re.search(r"\w|[?!]", piece)]
    half = MOST_CLAUSES // 2
    return pieces if len(pieces) <= MOST_CLAUSES else [*pieces[:half], *pieces[-half:]]


def _main(acts: Sequence[Act]) -> Act:
    return next((act for act in _PRIORITY if act in acts), "other")
