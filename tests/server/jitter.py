"""Replies that come late, each by its own random time, and so in any order.

`JITTER=0.4 scripts/test tests/browser` finds what a page takes for granted about order.
"""

from __future__ import annotations

import asyncio
import random

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Jitter:
    """At most `seconds` before a request is handled, and as long again before its reply."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api"):
            return await self.app(scope, receive, send)

        async def late(message: Message) -> None:
            ends = not message.get("more_body", False)
            if message["type"] == "http.response.start" or ends or random.random() < 0.02:
                await self.pause()
            await send(message)

        await self.pause()
        return await self.app(scope, receive, late)

    async def pause(self) -> None:
        await asyncio.sleep(random.random() ** 3 * self.seconds)
