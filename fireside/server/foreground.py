"""How many requests from outside are being answered: work that can wait asks, and waits.

Pure ASGI.  It counts what generates (`POST /v1/…`, `/mcp`), streams until their end; requests that
the server makes of itself (`inside.py`) do not count.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

INSIDE = "fireside.inside"
"""Key of the scope of a request that the server makes of itself; none from outside has it."""


class Foreground:
    """The count.  `wrap` makes the middleware that keeps it."""

    def __init__(self) -> None:
        self.running = 0


class Counting:
    """The middleware: everything of `foreground` passes here."""

    def __init__(self, app: ASGIApp, foreground: Foreground) -> None:
        self.app = app
        self.foreground = foreground

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counts = (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and scope["path"].startswith(("/v1/", "/mcp"))
            and INSIDE not in scope
        )
        self.foreground.running += counts
        try:
            await self.app(scope, receive, send)
        finally:
            self.foreground.running -= counts
