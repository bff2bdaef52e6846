"""Other names for the models that are here: OpenAI's well-known ones, and those of the settings.

A program that was written for OpenAI asks for `gpt-4o`; it gets the default model, and the answer
says which one that is.  Names of what Fireside cannot do (audio, images, realtime, search) lead
nowhere: an answer to them would pretend.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

GPT = """
    gpt-3.5-turbo gpt-3.5-turbo-16k gpt-4 gpt-4-32k gpt-4-turbo gpt-4-turbo-preview
    gpt-4-vision-preview gpt-4o gpt-4o-mini chatgpt-4o-latest gpt-4.1
    gpt-4.1-mini gpt-4.1-nano gpt-4.5-preview gpt-5 gpt-5-mini gpt-5-nano gpt-5-pro gpt-5-codex
    gpt-5-chat-latest gpt-5.1 gpt-5.1-mini gpt-5.1-codex gpt-5.1-codex-max gpt-5.1-chat-latest
    gpt-5.2 gpt-5.2-pro gpt-5.2-chat-latest gpt-5.3-chat-latest gpt-5.4 gpt-5.4-mini gpt-5.4-nano
    gpt-5.5 gpt-5.5-pro gpt-5.6-sol gpt-5.6-terra gpt-5.6-luna gpt-6-astra gpt-6-sol gpt-6-luna
    gpt-6.1-sol gpt-6.1-terra gpt-6.2-astra gpt-6.2-sol o1 o1-preview o1-mini o1-pro o3 o3-mini
    o3-pro o4-mini codex-mini-latest
"""
INSTRUCT = """
    text-davinci-003 text-davinci-002 text-davinci-001 text-curie-001 text-babbage-001 text-ada-001
    davinci-instruct-beta curie-instruct-beta gpt-3.5-turbo-instruct
"""
"""Models of `/v1/completions` that followed instructions: a bare question had an answer."""
COMPLETION = (
    INSTRUCT
    + """
    code-davinci-002 code-davinci-001 code-cushman-001 davinci-002 babbage-002 davinci curie babbage
    ada
"""
)
OPENAI_NAMES = frozenset((GPT + COMPLETION).split())
_DATED = re.compile(r"(?P<name>.+?)-(?:\d{4}-\d{2}-\d{2}|\d{4}(?:-preview)?)")
"""`gpt-4o-2024-08-06`, `gpt-4-0613`, `gpt-4-1106-preview`: the same model on a certain day."""


class Aliases:
    """Which model a name means.

    Args:
        default: the model that OpenAI's names lead to; None switches them off.
        own: the settings' names to models; they count for more.
    """

    def __init__(self, default: str | None, own: Mapping[str, str]) -> None:
        self._default = default
        self._own = dict(own)

    def meant(self, name: str) -> str:
        """The model's own name; a name that is no alias is itself.  An alias leads no further."""
        if name in self._own:
            return self._own[name]
        return self._default if self._default is not None and is_openais(name) else name

    def follows_instructions(self, name: str) -> bool:
        """Whether a prompt under this name is an instruction, and not the beginning of a text."""
        return self.meant(name) != name and undated(name) in INSTRUCT.split()

    @property
    def names(self) -> list[str]:
        """Every name that leads somewhere, undated."""
        return sorted({*self._own, *(OPENAI_NAMES if self._default is not None else ())})


def is_openais(name: str) -> bool:
    return name in OPENAI_NAMES or undated(name) in OPENAI_NAMES


def undated(name: str) -> str:
    dated = _DATED.fullmatch(name)
    return name if dated is None else dated["name"]
