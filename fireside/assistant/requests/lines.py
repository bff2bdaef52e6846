"""What a small model may say by itself where it was trained to call tools: a question for what is
missing, what it can do, a greeting; everything else is a guess, and becomes a question."""

from __future__ import annotations

import re
from typing import Final

from fireside.assistant.requests import plan

_KNOWN: Final = frozenset(
    {
        plan.ONLY, plan.NO_TIME, plan.NO_TITLE, plan.NOTHING, plan.NO_TEXT, plan.NO_PERSON,
        plan.NO_NEW_TIME, plan.NO_EVENT, plan.NO_DAY, "You are welcome.", "Glad to hear it.",
        "Thank you.", "Goodbye!", "No problem.", "All right.", "Good night!",
        "All right. Call me when you need me.", "Hello! What can I do for you?",
        "What can I do for you?", "Fine, thank you. What can I do for you?",
        "I am sorry to hear that. What can I do for you?",
    }
)  # fmt: skip


class PlainLines:
    """A filter that holds the model's words until they are whole."""

    over = False

    def __init__(self, otherwise: str) -> None:
        self._otherwise = otherwise
        self._held = ""
        self._passed = False

    def feed(self, text: str) -> str:
        if self._passed:
            return text
        self._held += text
        return ""

    def finish(self) -> str:
        text, self._held = re.sub(r"\s+", " ", self._held).strip(), ""
        if self._passed or not text:
            self._passed = True  # what comes now are results, and questions of ours
            return ""
        self._passed = True
        return text if text in _KNOWN else self._otherwise
