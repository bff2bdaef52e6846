"""The statements about oneself that last: `rules.toml`, compiled.

It refuses to know of questions, quotes and tasks: `facts.py` takes those away first.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Rule:
    """score: how sure it is that the statement is worth keeping, 0 to 1.

    subject: what a newer statement replaces an older one by; `<v>` and `<of>` in it stand for the
    words of the pattern's groups.
    """

    kind: str
    pattern: re.Pattern[str]
    score: float
    subject: str | None = None


@cache
def rules() -> tuple[Rule, ...]:
    """In the file's order: the first that matches counts."""
    text = (files("fireside.assistant.memory") / "rules.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return tuple(
        Rule(
            each["kind"],
            re.compile(f"^(?:{_filled(each['pattern'], table['words'])})", re.IGNORECASE),
            each["score"],
            each.get("subject"),
        )
        for each in table["rules"]
    )


def _filled(pattern: str, words: Mapping[str, str]) -> str:
    for name, alternatives in words.items():
        pattern = pattern.replace(f"{{{name}}}", alternatives)
    return pattern
