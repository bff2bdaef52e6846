"""Forms of words: capitals, ordinals, times behind a preposition."""

from __future__ import annotations

import re


def capital(text: str) -> str:
    return text[0].upper() + text[1:]


def uncapital(text: str) -> str:
    return text if re.match(r"I\b|[A-Z]{2}", text) else text[0].lower() + text[1:]


def nth(number: int) -> str:
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number < 14 else last}"


def fit_to(when: str, text: str) -> str:
    """ "on Friday" is "Friday" behind "to"."""
    return when if when.lower() in text.lower() else re.sub(r"^(?:on|at|in) ", "", when)


def without_article(act: str) -> str:
    first, _, rest = act.partition(" ")
    return rest if first in ("a", "an") else act
