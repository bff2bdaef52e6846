"""A real web server on a free port of loopback, in a thread of the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from fireside.server.connections import WebServer, web_server
from fireside.settings import Settings


@contextmanager
def serving(app: FastAPI, settings: Settings) -> Iterator[WebServer]:
    """The server of `app`, for as long as the block lasts; `address` leads to it."""
    server = web_server(app, settings, port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(timeout=settings.drain_seconds + 300)
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def running(app: FastAPI, drain_seconds: float = 2) -> Iterator[str]:
    """The address of `app`, served for as long as the block lasts."""
    with serving(app, Settings(drain_seconds=drain_seconds)) as server:
        yield server.address


def wait_until(condition: Callable[[], bool], seconds: float = 300.0) -> bool:
    """Whether it comes true.  The time is for machines that are busy: no test measures it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False
