"""The server that is attacked, and the ways of asking it that the attacks share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

MODEL = "smollm2:135m"
CHAT = "/v1/chat/completions"


@dataclass(frozen=True, kw_only=True)
class Target:
    """url: of the server.  key: of the attacker's project.  pid: of the server's process.

    seconds: of an attack, where nothing else ends it.  share: of its counts; small in tests.
    """

    url: str
    key: str
    pid: int
    seconds: float = 8.0
    share: float = 1.0

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    def count(self, whole: int) -> int:
        return max(1, int(self.share * whole))

    def head(self, path: str, *headers: str, method: str = "POST") -> bytes:
        """A request up to its last header; the empty line is not there yet."""
        given = (
            f"{method} {path} HTTP/1.1",
            "host: localhost",
            f"authorization: Bearer {self.key}",
        )
        return "".join(f"{line}\r\n" for line in (*given, *headers)).encode()

    def with_body(self, path: str, length: int) -> bytes:
        kind = "content-type: application/json"
        return self.head(path, kind, f"content-length: {length}") + b"\r\n"

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(
            base_url=self.url, headers=self.headers, timeout=60, limits=httpx.Limits()
        ) as made:
            yield made


Attack = Callable[[Target], Awaitable[None]]


class Failed(Exception):
    """What came back is no answer that a client may get."""


async def held(target: Target, count: int, first: bytes, then: bytes) -> None:
    """So many connections, each with its first bytes, and one more of `then` every half second."""
    writers: list[asyncio.StreamWriter] = []
    end = time.monotonic() + target.seconds
    try:
        for _ in range(target.count(count)):
            with suppress(OSError):
                _, writer = await target.connect()
                writer.write(first)
                writers.append(writer)
        while time.monotonic() < end:
            await asyncio.sleep(0.5)
            for writer in writers:
                with suppress(OSError):
                    writer.write(then)
    finally:
        for writer in writers:
            writer.transport.abort()


async def left_alone(target: Target, path: str, body: object, count: int) -> None:
    """So many times the same request, whose clients leave after two seconds."""

    async def one(client: httpx.AsyncClient) -> None:
        with suppress(httpx.HTTPError):
            check(await client.post(path, json=body, timeout=2))

    async with target.client() as client:
        await asyncio.gather(*(one(client) for _ in range(count)))


async def read_file(target: Target, name: str, content: bytes, *, wait: bool = True) -> None:
    """A file into a vector store of its own, until it is read, or failed, or the time is over; then
    both are deleted."""
    async with target.client() as client:
        files, form = {"file": (name, content)}, {"purpose": "assistants"}
        made = check(await client.post("/v1/files", files=files, data=form))
        body = {"name": name[:100], "file_ids": [made["id"]]}
        store = check(await client.post("/v1/vector_stores", json=body))
        end = time.monotonic() + target.seconds
        while wait and time.monotonic() < end:
            found = check(await client.get(f"/v1/vector_stores/{store['id']}"))
            if found["status"] == "completed":
                break
            await asyncio.sleep(0.2)
        await client.delete(f"/v1/vector_stores/{store['id']}")
        await client.delete(f"/v1/files/{made['id']}")


def check(answer: httpx.Response) -> Any:
    """The body of a success, or of a refusal in OpenAI's form.

    Raises:
        Failed: it is neither.
    """
    body = answer.json() if answer.content else {}
    if answer.is_server_error and answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
        raise Failed(f"{answer.request.url.path}: {answer.status_code} {answer.text[:200]}")
    if answer.is_error and not body.get("error", {}).get("message"):
        raise Failed(f"{answer.request.url.path}: {answer.status_code} {answer.text[:200]}")
    if "Traceback" in answer.text[:10_000]:
        raise Failed(f"{answer.request.url.path}: a traceback")
    return body
