"""`[memory]` of a persona: what may be remembered of a person, and what is recalled.

    [memory]
    write = "ask"          # off, ask or automatic
    kinds = ["name", "health", "instruction"]
    ttl_days = 365

The defaults remember nothing and recall nothing.  Facts that a person keeps by hand (`fireside
memory add`) are there for every persona that recalls.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fireside.sections import PersonaSection

Write = Literal["off", "ask", "automatic"]
Kind = Literal[
    "name",
    "home",
    "work",
    "family",
    "health",
    "diet",
    "taste",
    "skill",
    "thing",
    "date",
    "instruction",
    "note",
]
"""What a fact is about.  `instruction`: how to answer.  `note`: what it was asked to remember."""


class CompactionConfig(PersonaSection):
    """A summary in place of the oldest turns, once a conversation of the page or the terminal no
    longer fits.  `/v1/responses` is shortened by its own parameters alone.

    by: `model` writes it, and sentences of the conversation stand in where it fails the check;
        `extract` takes sentences only, at no cost; `auto` lets models of two billion parameters
        and more write (docs/memory.md has what smaller ones make of it).
    """

    enabled: bool = True
    by: Literal["auto", "model", "extract"] = "auto"


class MemoryConfig(PersonaSection):
    """
    write: which facts become memories: none; those that the person then accepts; all found.
    recall: whether memories are shown to the model; None does so where anything is written.
    kinds: of what may be written by itself; None is every kind.
    least_score: of a sentence that becomes a fact, 0 to 1; see docs/memory.md.
    ttl_days: how long a fact lives; None, until it is forgotten.
    most: facts shown to the model in one turn.
    threshold: least score of a fact that is shown, 0 to 1; standing instructions always are.
    scope: whether new facts are for this persona alone or for all.
    """

    write: Write = "off"
    recall: bool | None = None
    kinds: list[Kind] | None = None
    least_score: float = Field(0.7, ge=0, le=1)
    ttl_days: int | None = Field(None, ge=1, le=36_500)
    most: int = Field(5, ge=1, le=50)
    threshold: float = Field(0.3, ge=0, le=1)
    scope: Literal["all", "persona"] = "all"
    compaction: CompactionConfig = CompactionConfig()

    @property
    def recalls(self) -> bool:
        return self.write != "off" if self.recall is None else self.recall

    def takes(self, kind: str) -> bool:
        return self.kinds is None or kind in self.kinds
