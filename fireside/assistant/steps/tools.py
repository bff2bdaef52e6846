"""The step `tools`: what the persona's `[tools]` offers, each bound to this turn.

It writes `exchange.tools` and a section that says which day it is, and refuses to run them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from fireside.assistant.exchange import Section
from fireside.tools.bound import BoundTool
from fireside.tools.tool import Tool, ToolContext

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.steps import Stage
    from fireside.storage import Store
    from fireside.tools.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    tools: tuple[Tool, ...]

    def as_receipt(self) -> Mapping[str, Any]:
        return {"offered": {each.name: each.consent for each in self.tools}}


def today(here: datetime) -> str:
    """For the system message: it changes once a day, so that prompts before it stay cached."""
    return f"Today is {here:%A} {here.day} {here:%B %Y}."


def system_clock() -> datetime:
    return datetime.now(UTC)


class Tools:
    """registry: made when the first persona asks for a tool."""

    stage: Final[Stage] = "recall"
    name: Final = "tools"

    def __init__(
        self,
        registry: Callable[[], Registry],
        store: Store | None,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self._registry = registry
        self._store = store
        self._clock = clock

    def run(self, exchange: Exchange) -> Offered | None:
        """
        Raises:
            NotFound, BadRequest: the persona names a tool that is not there, or a consent that is
                below a tool's floor.
        """
        config = exchange.persona.tools
        if not config.allow and not config.consent:
            return None
        tools = self._registry().offered(config)
        context = ToolContext(
            owner=exchange.owner,
            scope=exchange.scope,
            now=self._clock(),
            timezone=ZoneInfo(config.timezone),
            config=config,
            documents=tuple(exchange.persona.knowledge.collections),
            store=self._store,
        )
        exchange.tools += [BoundTool(tool=tool, context=context) for tool in tools]
        if tools:
            section = Section(name="tools", text=today(context.here), lasting=True)
            exchange.sections.append(section)
        return Offered(tools=tuple(tools))
