"""One server: connected when it is first needed, shared by all turns, connected again when lost.

A call is sent once and never again by itself: whoever asked is told that its end is not known.  A
server that keeps failing is left alone for a while, twice as long each time, up to `LONGEST`.  It
refuses what servers ask of us (sampling, elicitation, roots): nothing here answers them.

Everything in this file runs in the loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import anyio
import mcp_types
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, CallToolResult
from pydantic import ValidationError

import fireside
from fireside.errors import BadRequest, FiresideError, Unavailable
from fireside.tools.mcp.config import McpServer
from fireside.tools.mcp.listing import SoundParts, reasons
from fireside.tools.mcp.stdio import Heard, program

# Whether what a server does is worth a line is not the library's to say: it ends in outcomes.
logging.getLogger("mcp").addHandler(logging.NullHandler())

MAX_TOOLS: Final = 256
MAX_PAGES: Final = 50
MAX_LOST: Final = 100
LONGEST: Final = 60.0
SHOWN: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """lost: (name, why) of the tools that cannot be offered."""

    tools: tuple[mcp_types.Tool, ...]
    lost: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Open:
    """A connection and the task that holds it: the library wants one task to enter and leave."""

    client: Client
    heard: Heard
    over: asyncio.Event
    keeper: asyncio.Task[None] | None = None


class Connection:
    """clock: seconds, for the back-off."""

    def __init__(
        self,
        server: McpServer,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self._environ = environ
        self._clock = clock
        self._lock = asyncio.Lock()
        self._open: _Open | None = None
        self._failures = 0
        self._not_before = 0.0
        self._closed = False
        self.calls = 0  # that are under way

    async def tools(self) -> Listed:
        """What the server offers now.

        Raises:
            Unavailable, BadRequest: it cannot be asked, or answers what is no list; says why.
        """
        opened = await self._connected()
        # Asked anew for every turn: it is a matter of milliseconds, and a list that changed would
        # be noticed by some versions of the protocol only.
        try:
            async with self._told(opened, self.server.connect_seconds, "list its tools"):
                return await self._list(opened)
        except Unavailable:
            opened.over.set()  # whoever cannot list will not answer a call either
            raise

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """
        Raises:
            Unavailable: the server is not there, went away or took too long.
            BadRequest: it refused the call, or answered what is no result.
        """
        opened = await self._connected()
        request = mcp_types.CallToolRequest(
            params=mcp_types.CallToolRequestParams(name=tool, arguments=arguments)
        )
        async with (
            self._counted(),
            self._told(opened, self.server.call_seconds, f"answer {tool!r}"),
        ):
            # Not `client.call_tool`: that checks the answer against the server's own schema, whose
            # regular expressions may take for ever, in the one thread that all servers share.
            result = await opened.client.session.send_request(request, CallToolResult)
        self._failures = 0
        return result

    async def close(self) -> None:
        """For good."""
        async with self._lock:
            self._closed = True
            await self._leave(self._open)

    @contextlib.asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1

    async def _connected(self) -> _Open:
        async with self._lock:
            if self._closed:
                raise Unavailable(f"The MCP server {self.server.name!r} was closed: ask again.")
            if self._open is not None and self._open.over.is_set():
                await self._leave(self._open)
            if self._open is None:
                wait = self._not_before - self._clock()
                if wait > 0:
                    raise Unavailable(
                        f"The MCP server {self.server.name!r} failed {self._failures} times: it is "
                        f"tried again in {wait:.0f} s."
                    )
                self._open = await self._connect()
            return self._open

    async def _connect(self) -> _Open:
        """A connection whose handshake is over."""
        heard, over = Heard(), asyncio.Event()
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        keeper = asyncio.create_task(self._keep(heard, over, ready))
        try:
            async with asyncio.timeout(self.server.connect_seconds):
                client = await asyncio.shield(ready)
        except BaseException as error:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            if isinstance(error, FiresideError | asyncio.CancelledError):
                raise
            self._failed()
            late = f"no answer to the handshake in {self.server.connect_seconds:g} s"
            raise self._unavailable(_reason(error) or late, heard) from None
        return _Open(client=client, heard=heard, over=over, keeper=keeper)

    async def _keep(self, heard: Heard, over: asyncio.Event, ready: asyncio.Future[Client]) -> None:
        """Enter the connection, hold it until `over`, leave it."""
        try:
            client = Client(
                self._transport(heard, over),
                client_info=mcp_types.Implementation(name="fireside", version=fireside.__version__),
                cache=None,
            )
            async with client:
                if not ready.done():
                    ready.set_result(client)
                await over.wait()
        except Exception as error:
            heard.why = heard.why or _reason(error)
            if not ready.done():
                ready.set_exception(error)
                ready.exception()  # whoever waited may have gone
        finally:
            over.set()

    @contextlib.asynccontextmanager
    async def _transport(self, heard: Heard, over: asyncio.Event) -> AsyncIterator[Any]:
        server = self.server
        if server.command is not None:
            env = server.filled(server.env, self._environ)
            async with program(server.command, server.args, env, heard, over) as streams:
                read, *rest = streams
                yield SoundParts(read), *rest
            return
        from fireside.tools.mcp.http import endpoint

        assert server.url is not None
        async with endpoint(
            server.url,
            server.filled(server.headers, self._environ),
            connect_seconds=server.connect_seconds,
            call_seconds=server.call_seconds,
        ) as streams:
            read, *rest = streams
            yield SoundParts(read), *rest

    async def _list(self, opened: _Open) -> Listed:
        found: list[mcp_types.Tool] = []
        lost: list[tuple[str, str]] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await opened.client.session.list_tools(
                params=mcp_types.PaginatedRequestParams(cursor=cursor)
            )
            found += page.tools
            lost += reasons(page)
            cursor = page.next_cursor
            if len(found) > MAX_TOOLS:
                why = f"the server lists more than {MAX_TOOLS} tools"
                lost += [(each.name, why) for each in found[MAX_TOOLS : MAX_TOOLS + MAX_LOST]]
                break
            if cursor is None:
                break
        else:
            lost.append(("…", f"the list has more than {MAX_PAGES} pages; the rest was not read"))
        return Listed(tools=tuple(found[:MAX_TOOLS]), lost=tuple(lost[:MAX_LOST]))

    @contextlib.asynccontextmanager
    async def _told(self, opened: _Open, seconds: float, what: str) -> AsyncIterator[None]:
        """Every way in which a request can fail, as an error that says so."""
        name = self.server.name
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise Unavailable(
                f"The MCP server {name!r} did not {what} within {seconds:g} s: it may still do so."
            ) from None
        except MCPError as error:
            if error.code == CONNECTION_CLOSED or error.message == "Session terminated":
                opened.over.set()
                self._failed()
                lost = "it went away, and what it had begun may be done or not"
                raise self._unavailable(lost, opened.heard) from None
            raise BadRequest(
                f"The MCP server {name!r} gives no answer: {_line(error.message)}"
            ) from None
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, RuntimeError):
            opened.over.set()
            self._failed()
            raise self._unavailable("it is gone", opened.heard) from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise BadRequest(
                f"The MCP server {name!r} answered what is no answer: "
                f"{_line(where)}: {_line(first['msg'])}"
            ) from None

    def _failed(self) -> None:
        """The first time it is tried again at once, then after 1, 2, 4 ... seconds."""
        self._failures += 1
        wait = 0.0 if self._failures == 1 else min(LONGEST, 2.0 ** (self._failures - 2))
        self._not_before = self._clock() + wait

    def _unavailable(self, why: str, heard: Heard) -> Unavailable:
        told = "; ".join(part for part in (why, heard.told()) if part)
        return Unavailable(f"The MCP server {self.server.name!r} is not available: {told}.")

    async def _leave(self, opened: _Open | None) -> None:
        self._open = None
        if opened is not None and opened.keeper is not None:
            opened.over.set()
            await asyncio.gather(opened.keeper, return_exceptions=True)


def _reason(error: BaseException) -> str:
    """The first cause within the groups that task groups make of it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return ""
    if isinstance(error, MCPError):
        return "it ended" if error.code == CONNECTION_CLOSED else _line(error.message)
    if isinstance(error, FileNotFoundError):
        return f"there is no program {str(error.filename)!r}"
    return _line(f"{type(error).__name__}: {error}")


def _line(text: str) -> str:
    joined = " ".join(text.split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in joined)[:SHOWN]
