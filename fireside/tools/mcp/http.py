"""A server at a URL, over streamable HTTP, with answers that are bounded.

The library reads a JSON answer whole, however long it is.  Here reading ends at the bound, and the
call that waits for it gets an error.  Compressed answers are refused: what they grow to is not
known beforehand.  Redirects are followed within the URL's own origin alone, as the library does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from mcp.client.streamable_http import streamable_http_client

MAX_ANSWER: Final = 4 << 20


class TooLarge(httpx2.StreamError):
    """The library turns a StreamError into the error of the one call that waits."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, whole: httpx2.AsyncByteStream, why: str | None) -> None:
        self._whole = whole
        self._why = why

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._why is not None:
            raise TooLarge(self._why)
        size = 0
        async for piece in self._whole:
            size += len(piece)
            if size > MAX_ANSWER:
                raise TooLarge(f"the answer is larger than {MAX_ANSWER} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._whole.aclose()


async def _bound(response: httpx2.Response) -> None:
    coding = response.headers.get("content-encoding", "identity")
    why = None if coding == "identity" else f"the answer is compressed ({coding[:20]})"
    if why is None and response.headers.get("content-type", "").startswith("text/event-stream"):
        return  # the library bounds each event, and a stream may last
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _Bounded(response.stream, why)


@asynccontextmanager
async def endpoint(
    url: str, headers: Mapping[str, str], *, connect_seconds: float, call_seconds: float
) -> AsyncIterator[Any]:
    """Its streams.  Nothing is sent yet."""
    async with (
        httpx2.AsyncClient(
            headers={"accept-encoding": "identity", **headers},
            timeout=httpx2.Timeout(connect_seconds, read=max(connect_seconds, call_seconds)),
            event_hooks={"response": [_bound]},
        ) as client,
        streamable_http_client(url, http_client=client, max_sse_event_size=MAX_ANSWER) as streams,
    ):
        yield streams
