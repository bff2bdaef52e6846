"""`[ability]` of a persona: what its check has to show, and what is said where it does not."""

from __future__ import annotations

import difflib
from typing import Self

from pydantic import Field, model_validator

from fireside.hub.catalogue import catalogue
from fireside.sections import Misdirected, PersonaSection


class AbilityConfig(PersonaSection):
    """
    good, limited: the least share of right checks for these two states; below `limited` the
        persona needs a larger model.
    limits: how it is limited, in one line.
    needs: the weakest model of the catalogue that is named then.
    scripted: what the persona says without the model (forms, sums, extracts) is said also where
        the model is too small.
    try_anyway: a model that is too small answers all the same.
    """

    good: float = Field(0.9, gt=0, le=1)
    limited: float = Field(0.6, gt=0, le=1)
    limits: str = ""
    needs: str = "qwen3:4b-instruct"
    scripted: bool = False
    try_anyway: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.limited > self.good:
            raise Misdirected("limited must not be more than good", ("limited",))
        return self

    @model_validator(mode="after")
    def _of_the_catalogue(self) -> Self:
        chat = [entry.name for entry in catalogue().values() if entry.kind == "chat"]
        if self.needs not in chat:
            near = difflib.get_close_matches(self.needs, chat, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise Misdirected(f"is no chat model of the catalogue{hint}", ("needs",))
        return self
