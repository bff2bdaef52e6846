"""All MCP servers of this process: one connection each, and their tools as ours.

What a server says of its tools is shown to the model, and believed only where the persona's file
says so.  It refuses to run anything that was not called by the name it was offered under.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from fireside.errors import FiresideError, Unavailable
from fireside.safety.injection import inspect
from fireside.tools.mcp.config import McpServer
from fireside.tools.mcp.loop import Loop
from fireside.tools.mcp.schemas import Schemas
from fireside.tools.outcome import Outcome
from fireside.tools.tool import Tool, ToolContext

if TYPE_CHECKING:
    import mcp_types

    from fireside.tools.mcp.connection import Connection, Listed

ORDERS: Final = frozenset({"override", "impersonation", "secrecy", "hidden"})
"""Of `safety/injection.py`; "call this tool before ..." is what honest descriptions say too."""
LONGEST_NAME: Final = 64
LONGEST_DESCRIPTION: Final = 1024
MOST: Final = 64
"""Connections that are kept; of more, those that were not used for longest are closed."""
MARGIN: Final = 5.0
"""Seconds that a call has beyond its server's bound, so that the server's own error is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """tool: its name on the server; None: the whole server."""

    server: str
    tool: str | None
    why: str

    def as_receipt(self) -> dict[str, Any]:
        named = {} if self.tool is None else {"tool": self.tool}
        return {"server": self.server} | named | {"why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    tools: tuple[Tool, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


class Servers:
    """environ: where `${NAME}` of a configuration comes from.  Safe to use from many threads."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._loop = Loop()
        self._schemas = Schemas()
        self._lock = threading.Lock()
        self._closed = False
        self._connections: OrderedDict[str, Connection] = OrderedDict()

    def tools(self, configs: Sequence[McpServer]) -> Found:
        """What the servers offer now.  One that fails is left out, and says why."""
        if not configs:
            return Found()
        connections = [self._connection(config) for config in configs]
        seconds = max(2 * config.connect_seconds for config in configs)
        answers = self._loop.run(_listed(connections), seconds)
        tools: dict[str, Tool] = {}
        left_out: list[LeftOut] = []
        for connection, answer in zip(connections, answers, strict=True):
            config = connection.server
            if isinstance(answer, FiresideError):
                left_out.append(LeftOut(server=config.name, tool=None, why=answer.message))
                continue
            left_out += _missing(config, answer)
            left_out += [
                LeftOut(server=config.name, tool=tool[:100], why=why) for tool, why in answer.lost
            ]
            for each in answer.tools:
                made = self._made(config, each, tools)
                if isinstance(made, Tool):
                    tools[made.name] = made
                elif made:
                    left_out.append(LeftOut(server=config.name, tool=each.name[:100], why=made))
        return Found(tools=tuple(tools.values()), left_out=tuple(left_out))

    def close(self) -> None:
        """Every process ends.  Blocks for a few seconds at most."""
        with self._lock:
            self._closed = True
            connections = [*self._connections.values()]
            self._connections.clear()
        if connections:
            self._loop.run(_closed(connections), seconds=10.0)
        self._loop.close()
        self._schemas.close()

    def _connection(self, config: McpServer) -> Connection:
        from fireside.tools.mcp.connection import Connection  # a second of imports

        key = f"{type(config).__name__} {config.model_dump_json()}"
        with self._lock:
            if self._closed:
                raise Unavailable("MCP servers are closed: the program is stopping.")
            if key not in self._connections:
                self._connections[key] = Connection(config, self._environ)
            self._connections.move_to_end(key)
            idle = [k for k, each in self._connections.items() if not each.calls and k != key]
            spare = idle[: max(0, len(self._connections) - MOST)]
            closing = [self._connections.pop(each) for each in spare]
            found = self._connections[key]
        if closing:
            self._loop.start(_closed(closing))
        return found

    def _made(
        self, config: McpServer, said: mcp_types.Tool, taken: Mapping[str, Tool]
    ) -> Tool | str:
        """The tool; or why there is none, empty where the configuration does not want it."""
        hints = said.annotations
        reads_only = hints is not None and hints.read_only_hint is True
        consent = config.consent_of(said.name, reads_only=reads_only)
        if consent == "never" or not config.wants(said.name, reads_only=reads_only):
            return ""
        name = named(config.name, said.name)
        if name in taken:
            return f"another tool is called {name!r} already"
        wrong = self._schemas.objection(said.input_schema) or _orders(said)
        if wrong:
            return wrong
        return Tool(
            name=name,
            description=_described(said),
            parameters=said.input_schema,
            run=partial(self._run, config, said.name),
            consent=consent,
            acts=not (reads_only and config.believes(said.name)),
            seconds=config.connect_seconds + config.call_seconds + MARGIN,
            source=config.name,
        )

    def _run(
        self, config: McpServer, tool: str, arguments: Mapping[str, Any], _: ToolContext
    ) -> Outcome:
        from fireside.tools.mcp.results import outcome_of

        try:
            calling = self._connection(config).call(tool, dict(arguments))
            result = self._loop.run(calling, config.connect_seconds + config.call_seconds)
        except FiresideError as error:
            # Part of it may be the server's own words.
            return Outcome(error=error.message, untrusted=True)
        return outcome_of(result)


def named(server: str, tool: str) -> str:
    """`server__tool` as a function may be called; what had to be changed tells by its ending."""
    whole = f"{server}__{tool}"
    name = re.sub(r"[^A-Za-z0-9_-]", "_", whole)
    if name == whole and len(name) <= LONGEST_NAME:
        return name
    ending = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - 9]}_{ending}"


def own_name(server: str, name: str) -> str:
    """The other way: `named(server, own_name(server, name)) == name`."""
    return name.removeprefix(f"{server}__")


def _orders(said: mcp_types.Tool) -> str:
    """Why a description may not stand in a prompt: it is for the model to read what the tool does,
    and some are written to make it do more ("tool poisoning")."""
    texts = (
        said.name,
        said.title,
        said.description,
        json.dumps(said.input_schema, ensure_ascii=False),
    )
    found = [hit.kind for hit in inspect("\n".join(filter(None, texts))).hits]
    kinds = ", ".join(sorted(ORDERS.intersection(found)))
    return f"its description gives the model orders ({kinds})" if kinds else ""


def _described(said: mcp_types.Tool) -> str:
    text = " ".join((said.description or said.title or said.name).split())
    if len(text) <= LONGEST_DESCRIPTION:
        return text
    return f"{text[: LONGEST_DESCRIPTION - 6]} [...]"


def _missing(config: McpServer, listed: Listed) -> list[LeftOut]:
    why = "the server has no such tool"
    there = {each.name for each in listed.tools} | {name for name, _ in listed.lost}
    names = sorted(set(config.allow or ()) - there)
    return [LeftOut(server=config.name, tool=name, why=why) for name in names]


async def _listed(
    connections: Iterable[Connection],
) -> list[Listed | FiresideError]:
    async def one(connection: Connection) -> Listed | FiresideError:
        config = connection.server
        try:
            async with asyncio.timeout(2 * config.connect_seconds + MARGIN):
                return await connection.tools()
        except FiresideError as error:
            return error
        except TimeoutError:  # another turn has been connecting all the time
            return Unavailable(f"The MCP server {config.name!r} is busy: ask again.")

    return await asyncio.gather(*map(one, connections))


async def _closed(connections: Iterable[Connection]) -> None:
    await asyncio.gather(*(each.close() for each in connections), return_exceptions=True)
