"""`Offers` as the protocol has them.  Importing this takes a second: whoever needs it does so late.

It speaks every version of the protocol that the package `mcp` speaks, keeps no session, and refuses
to ask anything of its clients.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.requests import Request

import fireside
from fireside.errors import NotFound
from fireside.server.caller import Caller, caller_of
from fireside.server.mcp.offers import Offer, Offers

# What a client does wrong ends in an answer to it, not in our log.
logging.getLogger("mcp").addHandler(logging.NullHandler())

INSTRUCTIONS: Final = (
    "Fireside: a private assistant's tools, the documents that were given to it, and its models."
)


def protocol(offered: Callable[[], Awaitable[Offers]]) -> Server[Any]:
    """offered: asked for each request, so that the handshake need not wait for it."""

    async def list_tools(context: Any, _: PaginatedRequestParams | None) -> ListToolsResult:
        found = await asyncio.to_thread((await offered()).of, _caller(context))
        return ListToolsResult(tools=[_shown(each) for each in found.values()])

    async def call_tool(context: Any, params: CallToolRequestParams) -> CallToolResult:
        offers = await offered()
        try:
            said = await offers.run(params.name, params.arguments or {}, _caller(context))
        except NotFound as error:
            raise MCPError(code=INVALID_PARAMS, message=error.message) from None
        return CallToolResult(
            content=[TextContent(type="text", text=said.text)],
            structured_content=None if said.data is None else dict(said.data),
            is_error=said.failed,
        )

    return Server(
        "fireside",
        version=fireside.__version__,
        instructions=INSTRUCTIONS,
        get_tool_input_schema=lambda _: None,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def over_stdio(make: Callable[[], Offers]) -> None:
    """Until standard input ends.  Stray prints go to standard error meanwhile.

    make: takes its seconds in a thread, while the client is greeted.
    """
    making = asyncio.create_task(asyncio.to_thread(make))

    async def offered() -> Offers:
        return await asyncio.shield(making)  # a client may give a request up

    server = protocol(offered)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())
    await making


def _caller(context: Any) -> Caller:
    """Over HTTP as `Keys` found it; over standard input, whoever owns this process."""
    request = context.request
    return caller_of(request) if isinstance(request, Request) else Caller()


def _shown(offer: Offer) -> Tool:
    return Tool(
        name=offer.name,
        description=offer.description,
        input_schema=dict(offer.schema),
        annotations=ToolAnnotations(
            read_only_hint=not offer.acts,
            destructive_hint=offer.acts,
            open_world_hint=offer.open_world,
        ),
    )
