"""Servers that die, hang, lie, flood and boast: a turn goes on, and is told why."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from fireside.errors import Unavailable
from fireside.tools.mcp import connection as connections
from fireside.tools.mcp.connection import Connection
from fireside.tools.mcp.servers import Found, Servers
from tests.measures import command_of

from .conftest import at, house, over_http, run, script


@pytest.fixture
def found(shared: Servers) -> Found:
    return shared.tools([house()])


def test_a_server_that_dies_in_mid_call_is_an_error_and_comes_back(found: Found) -> None:
    first = run(found, "house__which", '{"name": "X"}').text
    outcome = run(found, "house__die")
    assert outcome.text == ""
    assert "may be done or not" in str(outcome.error)
    assert "out of cheese" in str(outcome.error)
    again = run(found, "house__which", '{"name": "X"}')
    assert again.error is None
    assert again.text != first  # another process


def test_a_call_that_hangs_ends_in_its_time_and_the_next_one_works(shared: Servers) -> None:
    found = shared.tools([house(call_seconds=0.5)])
    assert "did not answer 'hang' within 0.5 s" in str(run(found, "house__hang").error)
    for each in shared._connections.values():  # a busy machine may need more for the next
        each.server = each.server.model_copy(update={"call_seconds": 60.0})
    assert run(found, "house__add", '{"a": 1, "b": 1}').text == "2"


def test_ten_megabytes_fail_alone(found: Found) -> None:
    first = run(found, "house__which", '{"name": "X"}').text
    outcome = run(found, "house__big", '{"letters": 10000000}')
    assert "4194304 are read at most" in str(outcome.error)
    assert run(found, "house__which", '{"name": "X"}').text == first  # the same process


def test_what_fits_the_wire_and_not_the_prompt_is_cut_where_one_sees_it(found: Found) -> None:
    outcome = run(found, "house__big", '{"letters": 1000000}')
    assert outcome.error is None
    assert outcome.cut
    assert len(outcome.text) < 20_000
    assert "[cut: " in outcome.text


def test_a_flood_of_standard_error_stops_nobody(found: Found) -> None:
    assert run(found, "house__flood").text == "flooded"


def test_control_tokens_stay_text_of_a_stranger(found: Found) -> None:
    outcome = run(found, "house__hostile")
    assert outcome.untrusted
    assert "<|im_start|>" in outcome.text  # the template, not the tool, makes control tokens


def test_lines_that_are_no_messages_are_forgiven(servers: Servers) -> None:
    found = servers.tools([house("--noise", allow=["add"])])
    assert run(found, "house__add", '{"a": 1, "b": 1}').text == "2"


# Programs that are no servers at all

NEVER = "import sys; sys.stdin.read()"
GARBAGE = "import sys\nwhile True: print('no json')"
ENDLESS = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
LIAR = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {"tools": 7}}), flush=True)
"""
DEAF = "import time; time.sleep(600)"
QUICK = "import sys; sys.exit('no licence')"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (NEVER, "no answer to the handshake in 1 s"),
        (DEAF, "no answer to the handshake in 1 s"),
        (GARBAGE, "no messages"),
        (LIAR, "not available"),
        (QUICK, "no licence"),
    ],
    ids=["never", "deaf", "garbage", "liar", "quick"],
)
def test_a_program_that_is_no_server_is_left_out_and_ended(
    servers: Servers, code: str, word: str
) -> None:
    found = servers.tools([script(code, connect_seconds=1.0 if "1 s" in word else 60.0)])
    assert found.tools == ()
    (left,) = found.left_out
    assert left.tool is None
    assert word in left.why
    mine = psutil.Process().children(recursive=True)
    assert not [each for each in mine if code in command_of(each)]


ODD = r"""
import json, sys
ANSWERS = {
    "half": r'{"content": [{"type": "text", "text": "a\ud83d b\u202ec"}]}',
    "weird": '{"content": [{"type": "weird"}]}',
}
for line in sys.stdin:
    asked = json.loads(line)
    match asked.get("method"):
        case "initialize":
            version = asked["params"]["protocolVersion"]
            made = json.dumps({"protocolVersion": version, "capabilities": {"tools": {}},
                               "serverInfo": {"name": "odd", "version": "1"}})
        case "tools/list":
            tools = [{"name": name, "inputSchema": {"type": "object"}} for name in ANSWERS]
            made = json.dumps({"tools": tools})
        case "tools/call":
            made = ANSWERS[asked["params"]["name"]]
        case _:
            made = json.dumps({})
    if "id" in asked:
        print('{"jsonrpc": "2.0", "id": %s, "result": %s}' % (json.dumps(asked["id"]), made),
              flush=True)
"""


def test_half_a_letter_is_no_reason_to_wait(servers: Servers) -> None:
    """Half of a surrogate pair is JSON and no text; signs that turn the writing are not shown."""
    found = servers.tools([script(ODD)])
    (half,) = [each.name for each in found.tools if each.name.endswith("half")]
    assert run(found, half).text == "a? b\N{REPLACEMENT CHARACTER}c"
    (weird,) = [each.name for each in found.tools if each.name.endswith("weird")]
    answer = run(found, weird)
    assert "cannot be read: left out" in answer.text
    assert "http" not in answer.text
    assert run(found, half).error is None


def test_a_line_without_end_is_not_kept(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fireside.tools.mcp.stdio.MAX_SKIPPED", 16 << 20)
    (left,) = servers.tools([script(ENDLESS)]).left_out
    assert "more than 4 MiB" in left.why


def test_a_program_that_is_not_there_is_named(servers: Servers) -> None:
    (left,) = servers.tools([house(command="no-such-program-at-all")]).left_out
    assert "there is no program 'no-such-program-at-all'" in left.why


def test_nobody_at_the_address(servers: Servers) -> None:
    (left,) = servers.tools([at("http://127.0.0.1:9/mcp")]).left_out
    assert "not available" in left.why


def test_one_bad_server_does_not_take_the_good_one_with_it(servers: Servers) -> None:
    found = servers.tools([script(QUICK), house(allow=["add"])])
    assert [each.name for each in found.tools] == ["house__add"]
    assert [each.server for each in found.left_out] == ["bad"]


def test_a_server_that_keeps_failing_is_left_alone_for_longer_and_longer() -> None:
    now = [0.0]

    async def attempts() -> list[str]:
        server = Connection(script(QUICK), {}, clock=lambda: now[0])
        said = []
        for now[0] in (0.0, 0.0, 0.5, 1.0, 2.5, 3.0, 3.0 + connections.LONGEST):
            with pytest.raises(Unavailable) as refused:
                await server.tools()
            said.append("tried" if "no licence" in str(refused.value) else "waited")
        await server.close()
        return said

    # After the first failure at once, then after 1 s, then after 2 s.
    assert asyncio.run(attempts()) == [
        "tried", "tried", "waited", "tried", "waited", "tried", "tried",
    ]  # fmt: skip


def test_a_server_over_http_that_goes_away(servers: Servers) -> None:
    with over_http() as url:
        found = servers.tools([at(url)])
        assert run(found, "web__add", '{"a": 1, "b": 1}').text == "2"
    outcome = run(found, "web__add", '{"a": 1, "b": 1}')
    assert "The MCP server 'web'" in str(outcome.error)
