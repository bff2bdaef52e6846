"""`POST /mcp`: the protocol over streamable HTTP, without sessions, so any process may answer.

The package `mcp` is imported with the first request, in a thread.  There is no stream from the
server on its own: a GET is a 405, as the protocol allows.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fireside.errors import Unavailable
from fireside.server.mcp.offers import Offers

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager


class Endpoint:
    """A `Service`, and the application behind the route."""

    def __init__(self, offers: Offers) -> None:
        self._offers = offers
        self._lock = asyncio.Lock()
        self._manager: StreamableHTTPSessionManager | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def start(self) -> None:
        """Nothing yet: whoever never asks pays nothing."""

    async def stop(self) -> None:
        self._over.set()
        if self._keeper is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        manager = await self._running()
        await manager.handle_request(scope, receive, send)

    async def _running(self) -> StreamableHTTPSessionManager:
        async with self._lock:
            if self._over.is_set():
                raise Unavailable("The server is stopping: ask again later.")
            if self._manager is None:
                self._manager = await asyncio.to_thread(_made, self._offers)
                ready = asyncio.Event()
                self._keeper = asyncio.create_task(self._keep(self._manager, ready))
                await ready.wait()
            return self._manager

    async def _keep(self, manager: StreamableHTTPSessionManager, ready: asyncio.Event) -> None:
        """One task enters and leaves, as the library's task group wants it."""
        async with manager.run():
            ready.set()
            await self._over.wait()


def _made(offers: Offers) -> StreamableHTTPSessionManager:
    # Two at once would wait for each other's import lock; one thread does both.
    manager: Any = importlib.import_module("mcp.server.streamable_http_manager")
    protocol: Any = importlib.import_module("fireside.server.mcp.protocol")

    async def offered() -> Offers:
        return offers

    # Hosts and origins are `Guard`'s to judge.
    made: StreamableHTTPSessionManager = manager.StreamableHTTPSessionManager(
        protocol.protocol(offered), stateless=True, json_response=True
    )
    return made


def routes(endpoint: Endpoint) -> APIRouter:
    router = APIRouter()
    router.routes.append(Route("/mcp", endpoint, methods=["POST"], include_in_schema=False))
    return router
