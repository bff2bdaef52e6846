"""A client's checks, run one by one in a process of its own: one line of JSON for each.

The client's own environment variables lead it to the server, so its code stands here as in its
documentation.  Only loopback can be reached: a client that calls home is stopped, and its check
goes on or fails as the client decides.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

CHECKS: dict[str, Callable[[], Any]] = {}
QUESTION = "Name three colours."
MARK = "check: "
"""Begins a line of ours: some clients print their own."""


def _only_loopback(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo" and args[0] not in (None, "127.0.0.1", b"127.0.0.1"):
        raise OSError(f"{args[0]} is not this machine")


sys.addaudithook(_only_loopback)


def check(name: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def add(run: Callable[[], Any]) -> Callable[[], Any]:
        CHECKS[name] = run
        return run

    return add


def run_all() -> None:
    """All in one event loop, for clients keep their connections."""
    with asyncio.Runner() as loop:
        for name, run in CHECKS.items():
            error = None
            try:
                if inspect.iscoroutinefunction(run):
                    loop.run(run())
                else:
                    run()
            except Exception:
                error = traceback.format_exc()
            print(MARK + json.dumps({"check": name, "error": error}), flush=True)
