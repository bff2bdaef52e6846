"""uvicorn as Fireside runs it: connections that are watched, and an end that says goodbye.

    web_server(app, settings).run(sockets=[listener])

When it stops, running answers have `drain_seconds`.  Then the models let go of what is left, so
that every stream ends with its own error event and every other answer is the JSON of a 503; what
has still not ended `LAST_SECONDS` later is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from fireside.server.connections.http import HttpConnection
from fireside.server.connections.ledger import Ledger
from fireside.server.connections.websocket import WebSocketConnection

if TYPE_CHECKING:
    from fastapi import FastAPI

    from fireside.settings import Settings

KEEP_ALIVE_SECONDS: Final = 75
LAST_SECONDS: Final = 2
LOOK_SECONDS: Final = 1.0
BACKLOG: Final = 512
"""Connections that may wait to be taken in."""
TAKEN_AT_ONCE: Final = 16
"""asyncio takes so many in without a pause between them, and each costs more than a request."""
MOST_CONNECTIONS: Final = 4096
OTHER_FILES: Final = 256
"""Open files that are no connections: the database, models, uploads, children."""


class WebServer(uvicorn.Server):
    """break_off: ends what the application still does, each with an error of its own."""

    def __init__(
        self,
        config: uvicorn.Config,
        ledger: Ledger,
        drain_seconds: float,
        break_off: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self.ledger = ledger
        self._drain_seconds = drain_seconds
        self._break_off = break_off
        self._looking: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for each in (each for server in self.servers for each in server.sockets):
            with each.dup() as same:
                same.listen(BACKLOG)  # asyncio has one number for both
        self._looking = asyncio.create_task(self._look())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        breaking_off = loop.call_later(self._drain_seconds, self._break_off)
        try:
            await super().shutdown(sockets)
        finally:
            breaking_off.cancel()
            if self._looking is not None:
                self._looking.cancel()

    async def _look(self) -> None:
        """Once a second.  What the event loop itself was late is no client's fault."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            before, passed = loop.time(), loop.time() - before
            self.ledger.look(min(passed, 2 * LOOK_SECONDS))


def web_server(app: FastAPI, settings: Settings, **options: Any) -> WebServer:
    """options: further ones of `uvicorn.Config`."""
    ledger = Ledger(settings.max_connections or connections_of(files_allowed()))
    config = uvicorn.Config(
        app,
        http=partial(HttpConnection, ledger),  # type: ignore[arg-type]
        ws=partial(WebSocketConnection, ledger),  # type: ignore[arg-type]
        ws_per_message_deflate=False,  # 16 KB can be 16 MB, and answers are too short to gain
        log_level="error",
        access_log=False,
        backlog=TAKEN_AT_ONCE,
        loop="fireside.server.connections.loop:new_loop",
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds) + LAST_SECONDS,
        # Clients keep idle connections too, httpx for 5 s.  Whoever gives up first must not be
        # the server: a request that crosses its farewell fails.
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        **options,
    )
    break_off = getattr(app.state, "break_off", lambda: None)
    return WebServer(config, ledger, settings.drain_seconds, break_off)


def connections_of(files: int) -> int:
    """Connections for which so many open files are enough."""
    return min(MOST_CONNECTIONS, max(files - OTHER_FILES, files // 2))


def files_allowed() -> int:
    """How many files this process may have open, once it has asked for more.

    Linux gives programs 1024 and macOS 256 to begin with, and lets each take more for itself.
    """
    if sys.platform == "win32":
        return MOST_CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        more = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else soft
