"""The tools that there are, by name, and which of them a persona offers with what consent.

It refuses to run them (`calls.py`), and to offer one below its floor.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from fireside.errors import BadRequest, Conflict, NotFound
from fireside.tools.config import ToolsConfig
from fireside.tools.tool import STRICTER, Tool, ToolContext

SHOWN: Final = 2000  # letters of a question to a person


class Registry:
    """Safe to read from many threads while tools come and go."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: Mapping[str, Tool] = {}
        for each in tools:
            self.add(each)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def add(self, tool: Tool) -> None:
        """
        Raises:
            Conflict: the name is taken.
        """
        if tool.name in self._tools:
            taken = self._tools[tool.name].source
            raise Conflict(f"There is a tool {tool.name!r} already, of {taken}.")
        self._tools = {**self._tools, tool.name: tool}

    def remove(self, name: str) -> None:
        """Harmless where there is none: its server may have gone before it."""
        self._tools = {key: each for key, each in self._tools.items() if key != name}

    def get(self, name: str) -> Tool:
        """
        Raises:
            NotFound: there is none; says which names come near.
        """
        found = self._tools.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self._tools, n=3)
            hint = f" Near: {', '.join(near)}." if near else ""
            raise NotFound(f"There is no tool {name[:64]!r}.{hint}", param="tools")
        return found

    def offered(self, config: ToolsConfig) -> list[Tool]:
        """The tools that `config` allows, with its consent and its bounds; none that is `never`.

        Raises:
            NotFound: a name is no tool's.
            BadRequest: a consent below its tool's floor.
        """
        found: dict[str, Tool] = {}
        for pattern in config.allow:
            if pattern.endswith("*"):
                found |= {t.name: t for t in self if t.name.startswith(pattern[:-1])}
            else:
                found[pattern] = self.get(pattern)
        for name in config.consent:
            self._held(self.get(name), config)
        bounded = [self._held(each, config) for each in found.values()]
        return [each for each in bounded if each.consent != "never"]

    def _held(self, tool: Tool, config: ToolsConfig) -> Tool:
        wanted = config.consent.get(tool.name, tool.consent)
        if STRICTER[wanted] < STRICTER[tool.floor]:
            raise BadRequest(
                f"tools.consent: {tool.name} cannot be {wanted!r}: it is {tool.floor!r} at least.",
                param="tools.consent",
            )
        return replace(
            tool,
            consent=wanted,
            seconds=min(tool.seconds, config.seconds or tool.seconds),
            bytes=min(tool.bytes, config.bytes or tool.bytes),
        )


def question(tool: Tool, given: Mapping[str, Any], context: ToolContext) -> str:
    """What a person is asked before this call, on one line."""
    own = tool.question
    return visible(_plainly(tool, given) if own is None else own(given, context))


def _plainly(tool: Tool, given: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{name}: {value}" for name, value in given.items())
    return f"Run {tool.name} ({shown})?"


def visible(text: str) -> str:
    """On one line, and nothing in it that a terminal or a reader would not see as it is."""
    joined = " ".join(text.split())
    if len(joined) > SHOWN:
        joined = f"{joined[:SHOWN]} [{len(joined) - SHOWN} letters more]"
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in joined
    )
