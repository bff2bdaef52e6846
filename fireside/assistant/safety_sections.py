"""`[safety.…]` of a persona: what is judged, and what a verdict leads to.

The defaults judge nothing.  It refuses to judge: the rooms below do.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from fireside.safety import load_rules
from fireside.safety.privacy.config import PrivacyConfig
from fireside.sections import PersonaSection

Category = Literal[
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
]
"""OpenAI's; a test holds it equal to the moderator's."""

Threshold = Annotated[float, Field(ge=0, le=1)]


class ModerationConfig(PersonaSection):
    """`[safety.moderation]`.

    input, output: `off`, or `flag` (the receipt says it, nothing changes), or `refuse` (the model
        is not asked; of an answer, the sentence and what follows it is withheld).
    model: the moderator: `fireside-moderation-1` (a trained head and rules) or `fireside-rules-1`.
    thresholds: category -> score from which it counts; others have the moderator's own.  1 switches
        a category off.  An absent category (docs/safety.md) is refused by name.
    reply: what is said instead.
    """

    input: Literal["off", "flag", "refuse"] = "off"
    output: Literal["off", "flag", "refuse"] = "off"
    model: Literal["fireside-moderation-1", "fireside-rules-1"] = "fireside-moderation-1"
    thresholds: dict[Category, Threshold] = Field(default_factory=dict)
    reply: str = Field("I cannot help with that.", min_length=1, max_length=2000)

    @field_validator("thresholds")
    @classmethod
    def _judged(cls, thresholds: dict[Category, float]) -> dict[Category, float]:
        absent = sorted(load_rules().absent & {name for name, at in thresholds.items() if at < 1})
        if absent:
            raise ValueError(f"{absent[0]} is judged by no moderator here: take its line out")
        return thresholds


class InjectionConfig(PersonaSection):
    """`[safety.injection]`: instructions inside documents, tool results and web pages.

    detect: `off`, or `flag` (the receipt says what was found where), or `drop` (a passage in which
        one was found is not shown to the model; the receipt says so).  Of attacks of other kinds
        than it was fitted to it finds 14 % (docs/safety.md).

    Whatever stands here: tools that act ask the person first in a turn that read such text.
    """

    detect: Literal["off", "flag", "drop"] = "off"


class SafetyConfig(PersonaSection):
    """`[safety]`."""

    moderation: ModerationConfig = ModerationConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    injection: InjectionConfig = InjectionConfig()
