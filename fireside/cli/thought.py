"""What a model thinks aloud, told apart from what it says.

Models that think first write their reasoning between `<think>` and `</think>`, at the beginning of
the answer.  It refuses to judge the rest: such a mark further on is text like any other.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

OPEN: Final = "<think>"
CLOSE: Final = "</think>"


class Stage(Enum):
    """Where an answer stands."""

    OPENING = auto()  # nothing but space so far, or the beginning of the mark
    THINKING = auto()
    CLOSING = auto()  # nothing but space after the mark
    SAYING = auto()


class Thought:
    """Takes an answer as it comes, however it is cut, and gives back what is said.

    Attributes:
        text: what was thought so far.
    """

    def __init__(self) -> None:
        self.text = ""
        self.stage = Stage.OPENING
        self._held = ""

    @property
    def thinking(self) -> bool:
        return self.stage is Stage.THINKING

    def push(self, text: str) -> str:
        """The part of `text`, and of what was held back until now, that is said."""
        self._held += text
        if self.stage is Stage.OPENING:
            self._open()
        if self.stage is Stage.THINKING:
            self._think()
        if self.stage is Stage.CLOSING:
            self._held = self._held.lstrip()
            if self._held:
                self.stage = Stage.SAYING
        return self._taken() if self.stage is Stage.SAYING else ""

    def end(self) -> str:
        """There is no more: what was held back is said, or was thought."""
        if self.thinking:
            self.text += self._taken()
        return self._taken()

    def _open(self) -> None:
        start = self._held.lstrip()
        if start.startswith(OPEN):
            self.stage, self._held = Stage.THINKING, start[len(OPEN) :]
        elif not OPEN.startswith(start):
            self.stage = Stage.SAYING

    def _think(self) -> None:
        thought, close, rest = self._held.partition(CLOSE)
        if close:
            self.text += thought
            self.stage, self._held = Stage.CLOSING, rest
            return
        # The mark may have begun: so much is held back.
        kept = next(n for n in reversed(range(len(CLOSE))) if thought.endswith(CLOSE[:n]))
        cut = len(thought) - kept
        self.text += thought[:cut]
        self._held = thought[cut:]

    def _taken(self) -> str:
        taken, self._held = self._held, ""
        return taken


def split(answer: str) -> tuple[str, str]:
    """A whole answer as (what was thought, what is said)."""
    thought = Thought()
    said = thought.push(answer) + thought.end()
    return thought.text, said
