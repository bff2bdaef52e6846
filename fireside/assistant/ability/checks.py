"""The conversations that a persona is checked with: `checks/NAME.chat` beside its file.

A conversation of the file is one check: it is right where each line of it holds.  The format is
that of conversation tests (`dialogue/chatfile.py`), whose lines grade what a person sees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fireside.dialogue.chatfile import ChatFile, read

if TYPE_CHECKING:
    from fireside.assistant.persona import Persona, Personas

SHIPPED: Final = Path(str(files("fireside.assistant") / "personas"))
FOLDER: Final = "checks"


def check_of(personas: Personas, name: str) -> ChatFile | None:
    """None where the persona has none.

    Raises:
        BadRequest: the file has a mistake.
    """
    path = personas.path(name).parent / FOLDER / f"{name}.chat"
    return read(path) if path.is_file() else None


def checked(personas: Personas) -> Sequence[str]:
    """The personas that have a check."""
    return [
        name
        for name in personas.names
        if (personas.path(name).parent / FOLDER / f"{name}.chat").is_file()
    ]


def fingerprint(persona: Persona) -> str:
    """Of what decides about its answers: not of thresholds, descriptions and comments."""
    told = persona.model_dump_json(exclude={"ability", "description", "greeting"})
    return hashlib.sha256(told.encode()).hexdigest()[:16]
