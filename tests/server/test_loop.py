"""No iteration of the event loop is long: neither many requests at once nor many newcomers."""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Iterator
from itertools import chain

import pytest
from fastapi import FastAPI

from fireside.server.connections import web_server
from fireside.server.connections.loop import AT_ONCE, ShortSelector
from fireside.settings import Settings

Pairs = list[tuple[socket.socket, socket.socket]]


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    made = [socket.socketpair() for _ in range(3 * AT_ONCE + 4)]
    yield made
    for pair in made:
        for each in pair:
            each.close()


@pytest.fixture
def selector(pairs: Pairs) -> Iterator[ShortSelector]:
    with ShortSelector() as made:
        for number, (reader, _) in enumerate(pairs):
            made.register(reader, selectors.EVENT_READ, number)
        yield made


def rounds(selector: ShortSelector, count: int) -> list[list[int]]:
    return [[key.data for key, _ in selector.select(0)] for _ in range(count)]


def test_few_at_once_and_everybody_in_turn(selector: ShortSelector, pairs: Pairs) -> None:
    assert rounds(selector, 1) == [[]]
    for _, writer in pairs:
        writer.send(b"x")
    got = rounds(selector, 4)
    assert [len(each) for each in got] == [AT_ONCE, AT_ONCE, AT_ONCE, 4]
    assert sorted(chain(*got)) == list(range(len(pairs)))
    assert len(rounds(selector, 1)[0]) == AT_ONCE  # nobody has read: they are ready still


def test_whoever_has_gone_meanwhile_is_not_called(selector: ShortSelector, pairs: Pairs) -> None:
    for _, writer in pairs:
        writer.send(b"x")
    first = rounds(selector, 1)[0]
    gone, changed = [number for number in range(len(pairs)) if number not in first][:2]
    selector.unregister(pairs[gone][0])
    selector.modify(pairs[changed][0], selectors.EVENT_READ, 1000)
    later = list(chain(*rounds(selector, 3)))
    assert gone not in later
    assert changed not in later
    assert any(1000 in each for each in rounds(selector, 4))


def test_newcomers_wait_in_line_and_none_is_turned_away() -> None:
    """More than are taken in at once, while the loop does nothing at all."""
    server = web_server(FastAPI(), Settings(drain_seconds=0), port=0)

    async def crowd() -> bytes:
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()
        crowd = [socket.create_connection((host, port), timeout=300) for _ in range(100)]
        last = crowd[-1]
        last.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        said = await asyncio.to_thread(last.recv, 12)
        for each in crowd:
            each.close()
        server.should_exit = True
        await serving
        return said

    assert asyncio.run(crowd()) == b"HTTP/1.1 404"
