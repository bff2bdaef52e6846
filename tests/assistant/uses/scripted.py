"""An `Ask` that says what a test wants; a token is a word."""

from __future__ import annotations

from collections.abc import Callable

from fireside.assistant.uses.asking import Written
from fireside.engine.params import Constraint


class Scripted:
    def __init__(self, says: Callable[[str, Constraint | None], str], *, window: int = 600) -> None:
        self._says = says
        self.window = window
        self.asked: list[str] = []

    def __call__(
        self, text: str, *, max_tokens: int, constraint: Constraint | None = None
    ) -> Written:
        self.asked.append(text)
        words = self._says(text, constraint).split(" ")
        return Written(text=" ".join(words[:max_tokens]), whole=len(words) <= max_tokens)

    def tokens(self, text: str) -> int:
        return len(text.split())

    def cut(self, text: str, tokens: int) -> list[str]:
        words = text.split()
        return [" ".join(words[at : at + tokens]) for at in range(0, len(words), tokens)]
