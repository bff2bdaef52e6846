"""One ill-formed tool, or part of an answer, costs itself alone, and is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp_types import CallToolResult

from fireside.tools.mcp.listing import sound_result, sound_tools
from fireside.tools.mcp.results import outcome_of
from fireside.tools.mcp.servers import Servers

from .conftest import script

SOUND = {"name": "tide", "inputSchema": {"type": "object", "properties": {"port": {}}}}
OBJECT = {"type": "object"}
BAD: dict[str, Any] = {
    "no inputSchema": {"name": "bad"},
    "inputSchema of null": {"name": "bad", "inputSchema": None},
    "inputSchema of a list": {"name": "bad", "inputSchema": []},
    "inputSchema of a truth": {"name": "bad", "inputSchema": True},
    "schema of a string": {"name": "bad", "inputSchema": {"type": "string"}},
    "two types": {"name": "bad", "inputSchema": {"type": ["object", "null"]}},
    "required among properties": {
        "name": "bad", "inputSchema": {"type": "object", "properties": {"required": ["a"]}}
    },
    "properties of a list": {"name": "bad", "inputSchema": {"type": "object", "properties": []}},
    "required of a truth": {"name": "bad", "inputSchema": {"type": "object", "required": True}},
    "no name": {"inputSchema": OBJECT},
    "an empty name": {"name": " ", "inputSchema": OBJECT},
    "a name of a number": {"name": 7, "inputSchema": OBJECT},
    "a description of a list": {"name": "bad", "description": ["x"], "inputSchema": OBJECT},
    "annotations of a text": {"name": "bad", "annotations": "x", "inputSchema": OBJECT},
    "a text": "bad",
    "nothing": None,
    "a list": [SOUND],
}  # fmt: skip
ODD: dict[str, Any] = {
    "empty inputSchema": {"name": "odd", "inputSchema": {}},
    "anyOf at the top": {"name": "odd", "inputSchema": {"anyOf": [OBJECT, OBJECT]}},
    "outputSchema of an array": {
        "name": "odd", "inputSchema": OBJECT, "outputSchema": {"type": "array"}
    },
    "icons of a text": {"name": "odd", "inputSchema": OBJECT, "icons": "x", "_meta": 7},
    "a huge description": {"name": "odd", "description": "x " * 5_000, "inputSchema": OBJECT},
}  # fmt: skip

SERVER = """
import json, sys
PAGES = json.loads(%s)
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    if asked["method"] == "initialize":
        version = asked["params"]["protocolVersion"]
        result = {"protocolVersion": version, "capabilities": {"tools": {}},
                  "serverInfo": {"name": "t", "version": "1"}}
    elif asked["method"] == "tools/list":
        at = int(asked.get("params", {}).get("cursor") or 0)
        result = {"tools": PAGES[at]}
        if at + 1 < len(PAGES):
            result["nextCursor"] = str(at + 1)
    else:
        result = {}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_tool_is_named_and_the_sound_one_stays(kind: str) -> None:
    for listed in ([BAD[kind], SOUND], [SOUND, BAD[kind]]):
        tools, lost = sound_tools(listed)
        assert [tool["name"] for tool in tools] == ["tide"]
        ((name, why),) = lost
        assert name in ("bad", f"number {listed.index(BAD[kind]) + 1}")
        assert why


@pytest.mark.parametrize("kind", ODD)
def test_a_fault_in_what_is_not_read_costs_nothing(kind: str) -> None:
    tools, lost = sound_tools([ODD[kind], SOUND])
    assert [tool["name"] for tool in tools] == ["odd", "tide"]
    assert lost == []


@pytest.mark.parametrize(
    "bad",
    [
        {"type": "video", "data": "AA=="},
        {"type": "text"},
        {"type": "image", "data": 3, "mimeType": "image/png"},
        {"type": "resource", "resource": {}},
        {"type": ["text"]},
        "a text",
        None,
    ],
)
def test_a_bad_part_of_an_answer_is_named_and_the_others_stay(bad: object) -> None:
    texts = [{"type": "text", "text": text} for text in ("high at 3", "low at 9")]
    result = sound_result({"content": [texts[0], bad, texts[1]], "structuredContent": ["x"]})
    answer = outcome_of(CallToolResult.model_validate(result, by_name=False)).for_model
    assert "high at 3" in answer
    assert "low at 9" in answer
    assert "part 2 of the answer" in answer
    assert "structured content" in answer


def test_of_a_real_server_every_sound_tool_is_offered(servers: Servers) -> None:
    pages = [
        [*BAD.values(), SOUND],
        [*({**each, "name": f"odd {place}"} for place, each in enumerate(ODD.values()))],
        [SOUND],
    ]
    found = servers.tools([script(SERVER % repr(json.dumps(pages)), connect_seconds=60.0)])
    assert "bad__tide" in {tool.name for tool in found.tools}
    assert len(found.tools) == 1 + len(ODD)
    assert len(found.left_out) == len(BAD) + 1  # the second of one name
    assert "already" in found.left_out[-1].why


def test_of_too_many_tools_the_first_are_offered(servers: Servers) -> None:
    pages = [[{"name": f"t{n}", "inputSchema": OBJECT} for n in range(300)]]
    found = servers.tools([script(SERVER % repr(json.dumps(pages)), connect_seconds=60.0)])
    assert len(found.tools) == 256
    assert len(found.left_out) == 300 - 256
    assert "more than 256" in found.left_out[0].why
