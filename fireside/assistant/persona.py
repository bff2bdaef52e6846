"""A persona: who answers, from one TOML file.

    name = "support"
    instructions = "You answer for the support desk of a web shop."

    [sampling]
    temperature = 0.2

The default persona leaves the raw model untouched.  A mistake in a file is one line with the
file's line number and the nearest name that there is.  It refuses to run anything.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, model_validator

from fireside.assistant.ability.config import AbilityConfig
from fireside.assistant.endings import RepetitionConfig
from fireside.assistant.knowledge import KnowledgeConfig
from fireside.assistant.memory.config import MemoryConfig
from fireside.assistant.mood import MoodConfig
from fireside.assistant.practice import PracticeConfig
from fireside.assistant.safety_sections import SafetyConfig
from fireside.assistant.uncertainty import UncertaintyConfig
from fireside.assistant.uses.config import TaskConfig
from fireside.dialogue.config import DialogueConfig
from fireside.errors import BadRequest, NotFound
from fireside.sections import Misdirected, PersonaSection
from fireside.toml_files import read_text_file, read_toml_model
from fireside.tools.config import ToolsConfig

NAME: Final = r"[a-z0-9][a-z0-9_-]{0,63}"


class Sampling(PersonaSection):
    """As the chat's own sampling parameters; None leaves it to the model's recommendation."""

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0)
    min_p: float | None = Field(None, ge=0, le=1)
    repetition_penalty: float | None = Field(None, gt=0, le=10)
    repeat_last_n: int | None = Field(None, ge=-1)
    dry_multiplier: float | None = Field(None, ge=0, le=100)
    dry_base: float | None = Field(None, ge=1, le=100)
    dry_allowed_length: int | None = Field(None, ge=1)
    dry_penalty_last_n: int | None = Field(None, ge=-1)
    seed: int | None = None
    min_tokens: int | None = Field(None, ge=0)
    max_tokens: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _least_is_not_most(self) -> Self:
        if self.min_tokens and self.max_tokens and self.min_tokens > self.max_tokens:
            raise Misdirected("min_tokens must not be more than max_tokens", ("min_tokens",))
        return self

    def under(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What the persona sets, under what a caller asks for; who wants less gets less."""
        own = self.model_dump(exclude_none=True)
        most = asked.get("max_tokens")
        if most is not None and "min_tokens" in own:
            own["min_tokens"] = min(own["min_tokens"], int(most))
        return own | {name: value for name, value in asked.items() if value is not None}


class Persona(PersonaSection):
    """
    language: a BCP 47 tag; what greetings and the assistant's own sentences are written in.
    model: as `fireside models list` names it; None leaves it to the conversation and the settings.
    adapter: a shipped adapter that the model is used with, where it is the one that it was trained
        for (`adapters.py`).
    """

    name: str = Field("default", pattern=f"^{NAME}$")
    description: str = ""
    instructions: str = ""
    greeting: str = ""
    language: str = "en"
    model: str | None = None
    adapter: str | None = None
    sampling: Sampling = Sampling()
    task: TaskConfig = TaskConfig()
    knowledge: KnowledgeConfig = KnowledgeConfig()
    memory: MemoryConfig = MemoryConfig()
    tools: ToolsConfig = ToolsConfig()
    dialogue: DialogueConfig = DialogueConfig()
    practice: PracticeConfig = PracticeConfig()
    mood: MoodConfig = MoodConfig()
    safety: SafetyConfig = SafetyConfig()
    uncertainty: UncertaintyConfig = UncertaintyConfig()
    repetition: RepetitionConfig = RepetitionConfig()
    ability: AbilityConfig = AbilityConfig()


DEFAULT: Final = Persona()


def parse(text: str, *, origin: str) -> Persona:
    """A persona from TOML.  origin: the file's name, for messages.

    Raises:
        BadRequest: with the line, and for a misspelt key the nearest one.
    """
    return read_toml_model(text, Persona, origin=origin, param="persona")


def read(path: Path) -> Persona:
    """A persona from a file; without a name of its own it takes the file's.

    Raises:
        NotFound: there is no such file.
        BadRequest: as `parse`, and for a file that cannot be read or is not UTF-8 text.
    """
    persona = parse(read_text_file(path, param="persona"), origin=path.name)
    if "name" in persona.model_fields_set or not re.fullmatch(NAME, path.stem):
        return persona
    return persona.model_copy(update={"name": path.stem})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """problem: one line."""

    name: str
    problem: str


class Personas:
    """All that can be named: those in `folder`, and the shipped ones that it does not replace."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @property
    def names(self) -> list[str]:
        """Of all files, those with a mistake too."""
        return sorted(self._paths())

    @property
    def readable(self) -> list[str]:
        """Those of `names` whose files have no mistake."""
        return [each.name for each in self.listed if isinstance(each, Persona)]

    @property
    def listed(self) -> list[Persona | Unreadable]:
        """Each of `names`, read."""
        found: list[Persona | Unreadable] = []
        for name in self.names:
            try:
                found.append(self.get(name))
            except (BadRequest, NotFound) as error:
                found.append(Unreadable(name=name, problem=error.message))
        return found

    def get(self, name: str) -> Persona:
        """
        Raises:
            NotFound: there is none; the line names near ones.
            BadRequest: its file has a mistake.
        """
        if name == DEFAULT.name:
            return DEFAULT
        return read(self.path(name)).model_copy(update={"name": name})

    def path(self, name: str) -> Path:
        """Of a persona's file.

        Raises:
            NotFound: there is none; the line names near ones.
        """
        paths = self._paths()
        if name not in paths:
            near = difflib.get_close_matches(name, [*paths], n=3, cutoff=0.5)
            hint = f"Near: {', '.join(near)}." if near else f"There are: {', '.join(self.names)}."
            raise NotFound(f"There is no persona {name[:64]!r}. {hint}", param="persona")
        return paths[name]

    def _paths(self) -> dict[str, Path]:
        shipped = Path(str(files("fireside.assistant") / "personas"))
        found: dict[str, Path] = {}
        for folder in (shipped, self._folder):
            if folder is not None and folder.is_dir():
                found |= {p.stem: p for p in folder.glob("*.toml") if re.fullmatch(NAME, p.stem)}
        return found
