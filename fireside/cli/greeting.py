"""What the terminal chat opens with for a person who does not read English."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from fireside.assistant.ability.states import abilities_of, unknown_line
from fireside.assistant.languages import languages

if TYPE_CHECKING:
    from fireside.hub import LocalModel
    from fireside.settings import Settings


def in_own_language(
    local: LocalModel, settings: Settings, environment: Mapping[str, str] = os.environ
) -> Iterator[str]:
    """Lines in the terminal's language, where it is not English.

    A terminal that is set to no language, as in many containers, may be a Chinese reader's: Chinese
    is the commonest language beside English among those that write no Latin letters.
    """
    language = languages().get(language_of(environment) or "zh")
    if language is None:
        return
    if language.first:
        yield language.first.format(model=local.name)
    if local.entry is not None and language.code not in local.entry.languages:
        yield unknown_line(language, local.entry, abilities_of(settings))


def language_of(environment: Mapping[str, str]) -> str | None:
    """The code of ISO 639-1 that a terminal is set to; None for C, POSIX and nothing."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name, ""):
            code = value.partition(".")[0].partition("_")[0].lower()
            return code if len(code) == 2 else None
    return None
