"""The step `mcp`: the tools of the persona's MCP servers, as they are at this moment.

A server that is not there costs the turn its tools and nothing else: the receipt says why.  It
writes `exchange.tools`, and refuses to run them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from fireside.tools.bound import BoundTool
from fireside.tools.tool import ToolContext

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.steps import Stage
    from fireside.storage import Store
    from fireside.tools.mcp.servers import Found, Servers


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    found: Found

    def as_receipt(self) -> Mapping[str, Any]:
        servers: dict[str, list[str]] = {}
        for each in self.found.tools:
            servers.setdefault(each.source, []).append(each.name)
        left_out = [each.as_receipt() for each in self.found.left_out]
        return {"servers": servers} | ({"left_out": left_out} if left_out else {})


class McpTools:
    stage: Final[Stage] = "recall"
    name: Final = "mcp"

    def __init__(self, servers: Servers, store: Store | None) -> None:
        self._servers = servers
        self._store = store

    def run(self, exchange: Exchange) -> Offered | None:
        config = exchange.persona.tools
        if not config.mcp:
            return None
        found = self._servers.tools(config.mcp)
        context = ToolContext(
            owner=exchange.owner,
            scope=exchange.scope,
            timezone=ZoneInfo(config.timezone),
            store=self._store,
        )
        for tool in found.tools:
            held = replace(
                tool,
                seconds=min(tool.seconds, config.seconds or tool.seconds),
                bytes=min(tool.bytes, config.bytes or tool.bytes),
            )
            exchange.tools.append(BoundTool(tool=held, context=context))
        return Offered(found=found)
