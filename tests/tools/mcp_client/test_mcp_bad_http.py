"""Servers over HTTP that answer nonsense, too much, too late, or from somewhere else."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fireside.tools.mcp import servers as all_servers
from fireside.tools.mcp.servers import Servers

from .conftest import at, script

Answer = Callable[[BaseHTTPRequestHandler], None]
HUGE = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"x": "y" * 10_000_000}}).encode()


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server that knows HTTP and gives every request this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            answer(self)

        do_GET = do_DELETE = do_POST

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/mcp"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def said(body: bytes, kind: str = "application/json", **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(int(headers.get("status", "200")))
        request.send_header("content-type", kind)
        request.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            if name != "status":
                request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        with suppress(OSError):  # the client has heard enough
            request.wfile.write(body)

    return answer


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (said(b"<html>no json</html>"), "JSON"),
        (said(b"<html>", "text/html"), "content type"),
        (said(b"", status="500"), "error"),
        (said(HUGE), "larger than"),
        (said(gzip.compress(HUGE), content_encoding="gzip"), "compressed"),
        (said(b"data: " + HUGE + b"\n\n", "text/event-stream"), "not available"),
        (said(b"data: no json\n\n", "text/event-stream"), "not available"),
        (said(b'{"jsonrpc": "2.0", "id": 99, "result": {}}'), "handshake"),
    ],
    ids=["garbage", "html", "500", "huge", "gzip", "huge event", "garbage event", "wrong id"],
)
def test_it_is_left_out_and_told_why(servers: Servers, answer: Answer, word: str) -> None:
    with answering(answer) as url:
        seconds = 2.0 if word == "handshake" else 120.0
        (left,) = servers.tools([at(url, connect_seconds=seconds)]).left_out
    assert left.tool is None
    assert word in left.why
    assert len(left.why) < 3000


def test_no_redirect_leads_elsewhere(servers: Servers) -> None:
    reached = []

    def elsewhere(request: BaseHTTPRequestHandler) -> None:
        reached.append(request.headers.get("authorization"))
        said(b"{}")(request)

    with answering(elsewhere) as other, answering(said(b"", status="307", location=other)) as url:
        config = at(url, headers={"Authorization": "Bearer ${MCP_SECRET}"}, connect_seconds=120.0)
        (left,) = servers.tools([config]).left_out
    assert "not followed" in left.why
    assert reached == []


def test_it_never_answers(servers: Servers) -> None:
    over = threading.Event()
    with answering(lambda _: over.wait(300) and None) as url:
        (left,) = servers.tools([at(url, connect_seconds=0.5)]).left_out
        over.set()
    assert "no answer to the handshake in 0.5 s" in left.why


def test_connections_that_nobody_used_for_long_are_closed(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_servers, "MOST", 2)
    for number in range(5):
        servers.tools([script("", name=f"s{number}")])
    assert [each.server.name for each in servers._connections.values()] == ["s3", "s4"]
