"""The tool `mcp` of a request: which servers may be named, and what asks first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.server.body import validate
from fireside.server.responses.mcp_wire import McpTool, RequestServer, server_of

TOOL = {"type": "mcp", "server_label": "docs", "server_url": "https://mcp.example/mcp"}
OPEN = ["https://mcp.example"]


def made(raw: dict[str, Any], *, allowed: list[str], owner: str) -> RequestServer:
    return server_of(validate(raw, McpTool), allowed=allowed, owner=owner)


def asked(**given: Any) -> RequestServer:
    return made(TOOL | given, allowed=OPEN, owner="proj_1")


@pytest.mark.parametrize(
    ("url", "allowed", "may"),
    [
        ("https://mcp.example/mcp", ["https://mcp.example/mcp"], True),
        ("https://mcp.example:443/mcp/", ["https://mcp.example/mcp"], True),
        ("https://MCP.example/any/path?q=1", ["https://mcp.example"], True),
        ("https://mcp.example/mcp", [], False),
        ("https://mcp.example/other", ["https://mcp.example/mcp"], False),
        ("https://mcp.example/mcp?x=1", ["https://mcp.example/mcp"], False),
        ("http://mcp.example/mcp", ["https://mcp.example"], False),
        ("https://mcp.example:8443/mcp", ["https://mcp.example"], False),
        ("https://mcp.example.evil.example/mcp", ["https://mcp.example"], False),
        ("https://mcp.example@evil.example/mcp", ["https://mcp.example"], False),
        ("https://mcp.example\\@evil.example/mcp", ["https://mcp.example"], False),
        ("https://evil.example/#https://mcp.example", ["https://mcp.example"], False),
        ("http://169.254.169.254/latest/meta-data", ["https://mcp.example"], False),
        ("file:///etc/passwd", ["file:///etc/passwd"], False),
        ("https://[::1", ["https://mcp.example"], False),
        ("https://mcp.example:99999/", ["https://mcp.example"], False),
    ],
)
def test_only_listed_servers_are_reached(url: str, allowed: list[str], may: bool) -> None:
    if may:
        assert made(TOOL | {"server_url": url}, allowed=allowed, owner="").url == url
        return
    with pytest.raises(BadRequest) as refused:
        made(TOOL | {"server_url": url}, allowed=allowed, owner="")
    assert refused.value.param == "server_url"


@given(st.text(max_size=60))
def test_no_text_reaches_another_host(text: str) -> None:
    for url in (text, f"https://{text}", f"https://mcp.example{text}"):
        try:
            server = made(TOOL | {"server_url": url}, allowed=OPEN, owner="")
        except BadRequest:
            continue
        assert str(server.url).lower().startswith("https://mcp.example")


@pytest.mark.parametrize(
    ("require", "reads", "writes"),
    [
        (None, "ask", "ask"),
        ("always", "ask", "ask"),
        ("never", "free", "free"),
        ({"never": {"read_only": True}}, "free", "ask"),
        ({"never": {"tool_names": ["write"]}}, "ask", "free"),
        ({"always": {"tool_names": ["write"]}}, "ask", "ask"),
    ],
)
def test_approval(require: Any, reads: str, writes: str) -> None:
    server = asked(require_approval=require)
    assert server.consent_of("read", reads_only=True) == reads
    assert server.consent_of("write", reads_only=False) == writes


def test_allowed_tools() -> None:
    assert asked().wants("any", reads_only=False)
    assert not asked(allowed_tools=["read"]).wants("write", reads_only=True)
    assert asked(allowed_tools={"read_only": True}).wants("read", reads_only=True)
    assert not asked(allowed_tools={"read_only": True}).wants("write", reads_only=False)


def test_nothing_of_the_environment_goes_into_a_requests_headers() -> None:
    server = asked(headers={"X-Key": "${HOME}"}, authorization="token")
    sent = server.filled(server.headers, {"HOME": "/home/of/a/secret"})
    assert sent == {"x-key": "${HOME}", "authorization": "Bearer token"}


# What OpenAI has and we have not (`connector_id`, ...) is refused by `openai_parameters.py`.
@pytest.mark.parametrize(
    ("given", "error", "param"),
    [
        ({"server_label": "fireside"}, BadRequest, "server_label"),
        ({"server_label": "a b"}, BadRequest, "server_label"),
        ({"server_url": None}, BadRequest, "server_url"),
        ({"require_approval": "sometimes"}, BadRequest, "require_approval"),
        ({"allowed_tools": {"names": []}}, BadRequest, "allowed_tools"),
        ({"headers": {"a": "b\r\nc: d"}}, BadRequest, "headers"),
        ({"surprise": 1}, BadRequest, "surprise"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], error: type, param: str) -> None:
    with pytest.raises(error) as refused:
        asked(**given)
    assert str(refused.value.param).startswith(param)


def test_secrets_are_not_repeated() -> None:
    raw = TOOL | {"headers": {"X-Key": "s3cret"}, "authorization": "t0ken"}
    shown = validate(raw, McpTool).shown
    assert shown["headers"] == {"X-Key": "<redacted>"}
    assert "s3cret" not in str(shown)
    assert "t0ken" not in str(shown)
    assert shown["require_approval"] == "always"
