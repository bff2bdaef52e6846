"""What every section of a persona's file is: strict, frozen, every key with a default.

A section's class stands beside the part that it configures, and `persona.py` puts them together.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class PersonaSection(BaseModel):
    """An unknown key is an error; so is a value of another type.  The defaults switch it off."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Misdirected(ValueError):
    """A name that leads nowhere.  path: of the key that holds it, within the section."""

    def __init__(self, message: str, path: tuple[str, ...]) -> None:
        super().__init__(message)
        self.path = path
