"""Who may talk to this server: programs, and our own page; no other web page.

A server on loopback has no password, so a page of another site, open in the same browser, must
not be able to drive it: neither by DNS rebinding (its own name, resolved to 127.0.0.1: the Host
header tells) nor by a form or a fetch across origins (the Origin and Sec-Fetch-Site headers tell).
Programs send neither header and pass.  CORS stays closed: no answer ever carries its headers.

Pure ASGI.  Starlette's BaseHTTPMiddleware hides disconnects from streams, so it is not used here.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fireside.errors import FiresideError
from fireside.server.errors import refuse
from fireside.server.loopback import is_loopback

OPENAI_VERSION = "2020-10-01"
"""The one that OpenAI has named in this header since its API began."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Forbidden(FiresideError):
    status = 403
    type = "invalid_request_error"
    default_code = "forbidden_origin"


class Guard:
    """Turns away requests that a foreign web page made."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app = app
        machine = socket.gethostname().lower()
        self.loopback = is_loopback(host)
        self.names = frozenset({"localhost", host.lower(), machine, f"{machine}.local"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):  # a browser opens WebSockets to anywhere
            why = self.objection(scope.get("method", "GET"), Headers(scope=scope))
            if why is not None:
                await refuse(Forbidden(why), scope, receive, send)
                return
        await self.app(scope, receive, send)

    def objection(self, method: str, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            return f"Host {host[:100]!r} is not this machine; use its address or localhost."
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            return "Requests from other web pages are refused (CORS is closed)."
        site = headers.get("sec-fetch-site", "none")
        if method not in SAFE and site not in ("none", "same-origin"):
            return "Requests from other web pages are refused (CORS is closed)."
        return None

    def _is_ours(self, host: str) -> bool:
        """An address cannot be rebound, so any address will do; of names, only our own.

        A server that others reach has names that we cannot know, and asks for a key, which a
        rebound page does not have.
        """
        if not self.loopback:
            return True
        name = host.lower().rpartition(":")[0] if not host.endswith("]") else host
        name = (name or host).lower().strip("[]")
        if name in self.names or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class StandardHeaders:
    """An id for every request, and headers that keep browsers from guessing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        began = time.perf_counter()

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = f"req_{secrets.token_hex(16)}"
                headers["openai-version"] = OPENAI_VERSION
                headers["openai-processing-ms"] = str(round((time.perf_counter() - began) * 1000))
                headers["x-content-type-options"] = "nosniff"
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)
