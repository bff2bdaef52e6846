"""`[practice]` of a persona, and how many sums of a kind were right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from fireside.sections import PersonaSection

if TYPE_CHECKING:
    from fireside.language.sums.judging import CheckedSum

_SPOKEN: Final = {"≠": "is not"}
PROGRESS: Final = re.compile(r"Progress in (\w+): (\d+) of (\d+) right\.")


class PracticeConfig(PersonaSection):
    """`[practice]` of a persona: what is said of a learner's answer to a sum.

    sums: whether answers are checked.  right, wrong: what is said of one; {sum}, {answer} and, once
        it is known, {result} stand for what they name.
    follow: what comes behind that: a hint or the next exercise, made by rule, or the model's words.
    """

    sums: bool = False
    follow: Literal["exercise", "model"] = "exercise"
    right: str = "Right: {sum} = {result}."
    wrong: str = "Not yet: {sum} is not {answer}."

    def verdict_on(self, one: CheckedSum) -> str:
        if one.relation != "=":
            claim = f"{one.sum} {_SPOKEN.get(one.relation, one.relation)} {one.answer}"
            if one.right:
                return f"That holds: {claim}."
            told = f": {one.sum} = {one.answer}" if one.relation == "≠" else ""
            return f"That does not hold{told or f': {claim}'}."
        text = self.right if one.right else self.wrong
        for name, meant in (("sum", one.sum), ("answer", one.answer), ("result", one.result)):
            text = text.replace("{" + name + "}", meant)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Of one kind of sum, over all conversations."""

    kind: str
    right: int = 0
    of: int = 0

    def after(self, one: CheckedSum) -> Progress:
        return Progress(kind=self.kind, right=self.right + one.right, of=self.of + 1)

    @property
    def text(self) -> str:
        """As a memory keeps it; `progress_of` reads it."""
        return f"Progress in {self.kind}: {self.right} of {self.of} right."


def progress_of(text: str) -> Progress | None:
    found = PROGRESS.fullmatch(text.strip())
    return found and Progress(kind=found[1], right=int(found[2]), of=int(found[3]))
