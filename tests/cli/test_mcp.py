"""`fireside mcp` as MCP clients start it: a program, with the official client before it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult

REPOSITORY = Path(__file__).parents[2]


def environment(home: Path) -> dict[str, str]:
    return {"FIRESIDE_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}


def spoken(home: Path, walk: Callable[[Client], Awaitable[Any]]) -> Any:
    program = StdioServerParameters(
        command=sys.executable, args=["-m", "fireside", "mcp"], env=environment(home), cwd=home
    )

    async def go() -> Any:
        async with Client(program, read_timeout_seconds=300) as client:
            return await walk(client)

    return asyncio.run(go())


def text_of(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if block.type == "text")


def test_a_client_finds_tools_documents_and_a_model(
    tmp_path: Path, models_dir: Path, smollm2_path: Path
) -> None:
    (tmp_path / "models").symlink_to(models_dir)

    async def walk(client: Client) -> None:
        assert client.server_info is not None
        assert client.server_info.name == "fireside"
        tools = {each.name for each in (await client.list_tools()).tools}
        assert {"ask", "search_documents", "calculate", "calendar_list"} <= tools
        sum_ = await client.call_tool("calculate", {"expression": "17% of 240"})
        assert "40.8" in text_of(sum_)
        found = await client.call_tool("search_documents", {"query": "anything"})
        assert text_of(found) == "There are no documents yet."
        nobody = await client.call_tool("ask", {"question": "Hello?", "model": "nobody:1b"})
        assert nobody.is_error
        assert "nobody:1b" in text_of(nobody)
        with pytest.raises(MCPError, match="There is no tool"):
            await client.call_tool("no_such_tool", {})
        question = "What is the capital of France? Answer in one short sentence."
        answers = [await client.call_tool("ask", {"question": question}) for _ in range(3)]
        assert not any(said.is_error for said in answers)
        assert any("Paris" in text_of(said) for said in answers)  # drawn, if almost surely

    spoken(tmp_path, walk)


def test_nothing_but_messages_goes_to_standard_output(tmp_path: Path) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    lines = [json.dumps(hello), "no message at all", json.dumps({"jsonrpc": "2.0", "id": 2})]
    ran = subprocess.run(
        [sys.executable, "-m", "fireside", "mcp"],
        input="\n".join(lines).encode() + b"\n",
        capture_output=True,
        env=os.environ | environment(tmp_path),
        cwd=tmp_path,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0
    said = [json.loads(line) for line in ran.stdout.splitlines()]
    assert said[0]["result"]["serverInfo"]["name"] == "fireside"
    assert b"Traceback" not in ran.stderr


def test_the_package_is_imported_by_those_alone_who_need_it() -> None:
    """It takes a second: neither `--help` nor a server's start may wait for that."""
    code = (
        "import sys, fireside.cli.main, fireside.server.app, fireside.assistant.steps.mcp, "
        "fireside.tools.mcp.servers\n"
        "print([name for name in sys.modules if name in ('mcp', 'mcp_types', 'httpx2')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert ran.stdout.strip() == "[]"
