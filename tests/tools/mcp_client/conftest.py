"""Real servers as processes, and whatever they start gone at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from fireside.tools.calls import call
from fireside.tools.ledger import Ledger
from fireside.tools.mcp.config import McpServer
from fireside.tools.mcp.servers import Found, Servers
from fireside.tools.outcome import Outcome
from fireside.tools.tool import ToolContext
from tests.measures import command_of

HOUSE = Path(__file__).with_name("house.py")


def house(*flags: str, **given: object) -> McpServer:
    """A configuration of the server of this folder."""
    return McpServer.model_validate(
        {"name": "house", "command": sys.executable, "args": [str(HOUSE), *flags], **given}
    )


def script(code: str, **given: object) -> McpServer:
    """A server that is a few lines of Python, and knows nothing of the protocol."""
    return McpServer.model_validate(
        {"name": "bad", "command": sys.executable, "args": ["-c", code], **given}
    )


def at(url: str, **given: object) -> McpServer:
    return McpServer.model_validate({"name": "web", "url": url, **given})


@contextmanager
def over_http() -> Iterator[str]:
    """The address of this folder's server, which is killed at the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(HOUSE), "--http", str(port)])
    try:
        while True:
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the server did not start"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


def run(found: Found, name: str, arguments: str = "{}", call_id: str = "") -> Outcome:
    (tool,) = [each for each in found.tools if each.name == name]
    return call(tool, arguments, ToolContext(call_id=call_id), ledger=Ledger()).outcome


@pytest.fixture
def servers() -> Iterator[Servers]:
    """Closed at the end; a process that is left then is an error."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    made = Servers(dict(os.environ) | {"MCP_SECRET": "s3cret"})
    yield made
    made.close()
    left = [c for c in psutil.Process().children(recursive=True) if c.pid not in before]
    assert [command_of(each) for each in left if each.is_running()] == []


@pytest.fixture(scope="module")
def shared() -> Iterator[Servers]:
    """For tests that only call: a server takes a second to start."""
    made = Servers(dict(os.environ) | {"MCP_SECRET": "s3cret"})
    yield made
    made.close()
