"""What is told of a stored conversation: its title, and whether its last answer can go on."""

from __future__ import annotations

from typing import Final

from fireside.storage import StoredMessage

TITLE_LETTERS: Final = 60


def title_of(text: str) -> str:
    """The first line of what was asked, cut at a word if it is long."""
    line = " ".join(text.strip().splitlines()[0].split())
    if len(line) <= TITLE_LETTERS:
        return line
    return line[: TITLE_LETTERS - 1].rsplit(" ", 1)[0] + "…"


def can_go_on(message: StoredMessage) -> bool:
    """Whether an answer was ended by its limit, by the person, or with the program."""
    if message.role != "assistant" or not message.content.strip():
        return False
    ended_early = message.status in ("stopped", "partial")
    return ended_early or message.receipt.get("finish_reason") == "length"
