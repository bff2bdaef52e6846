"""The MCP servers that a request names: connected for its owner alone, their tools in the turn.

What each offers is an item of the answer, `mcp_list_tools`; a server that cannot be asked, and a
tool that cannot be offered, stand in its `error`.  It refuses to reach what is not allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fireside.server.responses.items import Item, within
from fireside.server.responses.mcp_wire import McpTool, RequestServer, server_of
from fireside.storage.ids import new_id
from fireside.tools.bound import BoundTool
from fireside.tools.mcp.servers import Found, Servers, own_name
from fireside.tools.tool import ToolContext

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.storage import Store


class Remote:
    """A `Service`.  allowed: the setting `mcp_servers`."""

    def __init__(self, allowed: Sequence[str], store: Store) -> None:
        self._allowed = allowed
        self._store = store
        self._servers = Servers({})  # nothing of the environment is for a request to name

    async def start(self) -> None:
        """Nothing yet: a server is connected when a request names it."""

    async def stop(self) -> None:
        await asyncio.to_thread(self._servers.close)

    def named(self, tools: Sequence[tuple[int, McpTool]], owner: str) -> list[RequestServer]:
        """tools: with their places in the request.

        Raises:
            BadRequest: one may not be reached, naming the parameter.
        """
        servers = []
        for place, tool in tools:
            with within(f"tools[{place}]"):
                servers.append(server_of(tool, allowed=self._allowed, owner=owner))
        return servers

    def bring(self, servers: Sequence[RequestServer], exchange: Exchange) -> list[Item]:
        """Put their tools into the exchange; the items that tell of it.  Slow."""
        if not servers:
            return []
        found = self._servers.tools(servers)
        context = ToolContext(owner=exchange.owner, scope=exchange.scope, store=self._store)
        exchange.tools += [BoundTool(tool=each, context=context) for each in found.tools]
        return [_listed(server.name, found) for server in servers]


def _listed(label: str, found: Found) -> Item:
    failures = [each for each in found.left_out if each.server == label]
    why = [each.why if each.tool is None else f"{each.tool}: {each.why}" for each in failures]
    return {
        "id": new_id("mcpl"),
        "type": "mcp_list_tools",
        "server_label": label,
        "tools": [
            {
                "name": own_name(label, each.name),
                "description": each.description,
                "input_schema": dict(each.parameters),
                "annotations": {"read_only": not each.acts},
            }
            for each in found.tools
            if each.source == label
        ],
        "error": " ".join(why) or None,
    }
