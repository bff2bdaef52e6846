"""A filter on an answer as it is written: whole sentences go out, once they were judged.

    the model writes  ──feed──>  a sentence is whole: judge it with those before it  ──>  out
                                  it may not be said: nothing more goes out, ever

Held back is at most the sentence under way, or `LONGEST` characters of it.  What was given out is
never taken back, so what is shown is always a beginning of what was written, however the text was
cut into pieces: sentences are found by the text alone.  It refuses to change a letter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fireside.language.sentences import first_sentence_end

LONGEST: Final = 600
"""Characters after which a sentence without an end is judged as it stands."""
CONTEXT: Final = 200
"""Characters before a sentence that are judged with it."""


class Withheld:
    """A `StreamFilter`.  refused: whether a text may not be shown."""

    def __init__(self, refused: Callable[[str], bool]) -> None:
        self._refused = refused
        self._said = ""
        self._waiting = ""
        self._over = False

    @property
    def over(self) -> bool:
        return self._over

    @property
    def withheld(self) -> str:
        """What was refused, and what came after it."""
        return self._waiting if self._over else ""

    def feed(self, text: str) -> str:
        self._waiting += text
        out = ""
        while not self._over and (end := _end(self._waiting)) is not None:
            out += self._judged(end)
        return out

    def finish(self) -> str:
        """The sentence under way, judged as it stands."""
        return "" if self._over or not self._waiting else self._judged(len(self._waiting))

    def _judged(self, end: int) -> str:
        sentence = self._waiting[:end]
        if sentence.strip() and self._refused(self._said + sentence):
            self._over = True
            return ""
        self._waiting = self._waiting[end:]
        self._said = (self._said + sentence)[-CONTEXT:]
        return sentence


def _end(text: str) -> int | None:
    """Where the first sentence ends; None where that cannot be told yet."""
    end = first_sentence_end(text, LONGEST)
    return LONGEST if end is None and len(text) >= LONGEST else end
