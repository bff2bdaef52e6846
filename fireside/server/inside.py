"""A request through the application itself, with no socket: for batches, evals and graders.

It passes the same checks and gets the same answers as one from outside, as the caller that is
given.  It refuses to invent a caller: whoever makes an `Inside` call has checked who asks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from fireside.server.caller import Caller
from fireside.server.foreground import INSIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """request_id: its `x-request-id`.  retry_after: seconds, where a full queue names them."""

    status: int
    body: dict[str, Any]
    request_id: str
    retry_after: float | None = None

    @property
    def error_code(self) -> str | None:
        error = self.body.get("error")
        return error.get("code") if isinstance(error, dict) else None


class Inside:
    """Requests to `app`, which is the whole application, middleware and all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def post(self, path: str, body: Mapping[str, Any], caller: Caller) -> Answer:
        """Cancelled, it frees what the request held, as a client does that goes away."""
        raw = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(raw)).encode()),
            ],
            "client": None,
            "server": None,
            # No request from outside can carry these: what is here came from this file.
            "state": {"caller": caller},
            INSIDE: True,
        }
        pending: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]
        never = asyncio.Event()

        async def receive() -> Message:
            if pending:
                return pending.pop()
            await never.wait()
            return {"type": "http.disconnect"}

        said = _Said()
        await self._app(scope, receive, said.send)
        return said.answer()


class _Said:
    def __init__(self) -> None:
        self.status = 500
        self.headers: dict[bytes, bytes] = {}
        self.parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message["headers"])
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))

    def answer(self) -> Answer:
        try:
            body = json.loads(b"".join(self.parts) or b"{}")
        except ValueError:  # a stream: nobody inside asks for one
            body = {}
        after = self.headers.get(b"retry-after", b"").decode()
        return Answer(
            status=self.status,
            body=body if isinstance(body, dict) else {},
            request_id=self.headers.get(b"x-request-id", b"").decode(),
            retry_after=float(after) if after.isdigit() else None,
        )
