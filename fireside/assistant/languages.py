"""A line in the language of a message, where that language is certain and unknown to the model."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fireside.language.identification import foreign_language


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """code: of ISO 639-1.  name: in English.  line, first: see `languages.toml`."""

    code: str
    name: str
    line: str
    first: str = ""


@cache
def languages() -> Mapping[str, Language]:
    with files("fireside.assistant").joinpath("languages.toml").open("rb") as file:
        return {code: Language(code=code, **row) for code, row in tomllib.load(file).items()}


def unknown_language(text: str, known: Sequence[str]) -> Language | None:
    """The language of a text, where it is certain and none of `known`; else None."""
    code = foreign_language(text, known)
    return languages()[code] if code else None
