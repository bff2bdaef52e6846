"""A filter on a model's words that lets no wrong sum through, and no verdict that arithmetic gave.

It holds a sentence back until it is whole.  What it leaves out is said at the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from fireside.language.sums.answers import check_answer
from fireside.language.sums.judging import CheckedSum

_ENDS: Final = re.compile(r"(?<=[.!?…])(?<!\d\.)\s{1,20}(?=\S)|(?<!\n)\n{1,20}(?=[^\s=])")
_VERDICT: Final = re.compile(
    r"\b(?:correct(?:ly)?|incorrect|right|wrong|exactly|well done|good (?:job|work)|great|perfect|"
    r"excellent|yes|no|not quite|not yet|almost|close|mistaken?|true|false|congratulations)\b",
    re.I,
)
_ANSWERS: Final = re.compile(r"\b(?:answer|result|solution|it'?s|is|equals?|makes|gives)\b", re.I)
LONGEST: Final = 2_000
"""Letters that are held back; a longer sentence is judged in parts."""
NOTHING: Final = (
    "I cannot check that by arithmetic. Which sum is it? Write it with digits and signs, like "
    "12 + 5 = 17."
)
LEFT_OUT: Final = "(A sentence with a wrong sum was left out.)"


class SumGuard:
    """asked: the sums that are open.  judged: the turn was about numbers, so a verdict of the
    model's own has no place."""

    over = False

    def __init__(self, *, asked: Sequence[str], judged: bool) -> None:
        self._asked = asked
        self._judged = judged
        self._held = ""
        self._passed = False
        self._dropped = 0
        self._wrong = 0

    def feed(self, text: str) -> str:
        self._held += text
        released = ""
        while (end := _ENDS.search(self._held)) or len(self._held) > LONGEST:
            at = end.end() if end else LONGEST
            released += self._judge(self._held[:at])
            self._held = self._held[at:]
        return released

    def finish(self) -> str:
        rest, self._held = self._judge(self._held), ""
        if self._dropped and not self._passed:
            self._dropped = 0
            return NOTHING
        if self._wrong:
            self._wrong = 0
            return f"{rest.rstrip()}\n\n{LEFT_OUT}"
        return rest

    def _judge(self, sentence: str) -> str:
        if not sentence.strip():
            return sentence if self._passed else ""
        wrong = any(not each.right for each in self._sums(sentence))
        if wrong or (self._judged and _VERDICT.search(sentence)):
            self._dropped += 1
            self._wrong += wrong
            return ""
        self._passed = True
        return sentence

    def _sums(self, sentence: str) -> Sequence[CheckedSum]:
        asked = next(iter(self._asked), None) if _ANSWERS.search(sentence) else None
        return check_answer(sentence, asked)
