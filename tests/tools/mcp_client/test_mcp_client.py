"""Other people's tools: what a good server offers, and how much of it is believed."""

from __future__ import annotations

import json
import threading

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fireside.errors import BadRequest
from fireside.tools.mcp.config import McpServer, filled
from fireside.tools.mcp.servers import Found, Servers, named, own_name
from fireside.tools.tool import ToolContext

from .conftest import at, house, over_http, run


@pytest.fixture(scope="module")
def found(shared: Servers) -> Found:
    return shared.tools([house(env={"SECRET": "${MCP_SECRET}"})])


def test_tools_carry_their_servers_name_and_schema(found: Found) -> None:
    (add,) = [each for each in found.tools if each.name == "house__add"]
    assert (add.source, add.description) == ("house", "Add two numbers.")
    assert set(add.parameters["properties"]) == {"a", "b"}
    assert add.function.parameters == add.parameters


def test_results_are_text_that_strangers_wrote(found: Found) -> None:
    sums = run(found, "house__add", '{"a": 2, "b": 3}')
    assert (sums.text, sums.error, sums.untrusted) == ("5", None, True)
    weather = run(found, "house__weather", '{"city": "Rome"}')
    assert json.loads(weather.text) == weather.data == {"city": "Rome", "degrees": 21.5}


def test_a_picture_is_named_and_left_out(found: Found) -> None:
    assert run(found, "house__picture").text == "[a picture (image/png, 402 bytes): left out]"


def test_a_tool_that_fails_is_an_error_of_the_outcome(found: Found) -> None:
    outcome = run(found, "house__fail")
    assert outcome.text == ""
    assert "fail" in str(outcome.error)


def test_arguments_are_held_to_the_schema_before_the_server_sees_them(found: Found) -> None:
    assert "a" in str(run(found, "house__add", '{"a": "two", "b": 3}').error)


def test_what_cannot_be_offered_is_left_out_by_name(found: Found) -> None:
    why = {each.tool: each.why for each in found.left_out}
    assert set(why) == {"strange", "endless", "poisoned"}
    assert "look-around" in why["strange"]
    assert "simplify" in why["endless"]
    assert why["poisoned"] == "its description gives the model orders (secrecy)"
    assert found.left_out[0].as_receipt()["server"] == "house"


def test_secrets_come_by_name_and_nothing_else_of_the_environment_does(found: Found) -> None:
    assert run(found, "house__which", '{"name": "SECRET"}').text.endswith(" s3cret")
    assert run(found, "house__which", '{"name": "MCP_SECRET"}').text.endswith(" -")


def test_one_connection_serves_all_turns_at_once(shared: Servers, found: Found) -> None:
    again = shared.tools([house(env={"SECRET": "${MCP_SECRET}"})])
    pids: list[str] = []

    def turn(of: Found) -> None:
        (which,) = [each for each in of.tools if each.name == "house__which"]
        pids.append(which.run({"name": "X"}, ToolContext()).text)

    turns = [threading.Thread(target=turn, args=(of,)) for of in (found, again) * 4]
    for each in turns:
        each.start()
    for each in turns:
        each.join()
    assert len(pids) == 8
    assert len(set(pids)) == 1


def test_a_new_tool_is_offered_in_the_next_turn(servers: Servers) -> None:
    before = servers.tools([house()])
    assert run(before, "house__grow").text == "grown"
    after = servers.tools([house()])
    assert {t.name for t in after.tools} - {t.name for t in before.tools} == {"house__newcomer"}
    assert run(after, "house__newcomer").text == "new here"


def test_two_servers_may_have_the_same_tools(shared: Servers) -> None:
    both = shared.tools([house(allow=["add"]), house(allow=["add"], name="shed")])
    assert [each.name for each in both.tools] == ["house__add", "shed__add"]


def test_what_is_allowed_and_missing_is_said(shared: Servers) -> None:
    found = shared.tools([house(allow=["add", "ad"])])
    assert [each.name for each in found.tools] == ["house__add"]
    assert [(each.tool, each.why) for each in found.left_out] == [
        ("ad", "the server has no such tool")
    ]


@pytest.mark.parametrize(
    ("given", "add", "which"),
    [
        ({}, ("ask", True), ("ask", True)),
        ({"consent": "annotated"}, ("free", False), ("ask", True)),
        ({"tools": {"add": "free", "which": "free"}}, ("free", False), ("free", True)),
        ({"consent": "free", "tools": {"which": "ask"}}, ("free", True), ("ask", True)),
        ({"tools": {"add": "never"}}, None, ("ask", True)),
    ],
)
def test_no_annotation_makes_a_call_free_unless_the_file_says_so(
    shared: Servers, given: dict[str, object], add: object, which: object
) -> None:
    tools = {t.name: (t.consent, t.acts) for t in shared.tools([house(**given)]).tools}
    assert tools.get("house__add") == add
    assert tools.get("house__which") == which


def test_the_same_over_http(servers: Servers) -> None:
    with over_http() as url:
        found = servers.tools([at(url, headers={"X-Key": "${MCP_SECRET}"})])
        assert found.left_out[0].tool == "strange"
        assert run(found, "web__add", '{"a": 2, "b": 3}').text == "5"
        assert "gives no answer" in str(run(found, "web__big", '{"letters": 10000000}').error)
        assert run(found, "web__add", '{"a": 2, "b": 3}').text == "5"


def test_nothing_is_left_when_all_is_closed(servers: Servers) -> None:
    found = servers.tools([house()])
    child = psutil.Process(int(run(found, "house__breed").text))
    pid = int(run(found, "house__which", '{"name": "X"}').text.split()[0])
    servers.close()
    assert not psutil.pid_exists(pid)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert "closed" in str(run(found, "house__add", '{"a": 1, "b": 1}').error)


# Configurations and names


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"name": "x"}, "command or url"),
        ({"name": "x", "command": "a", "url": "http://b"}, "command or url"),
        ({"name": "x", "url": "file:///etc/passwd"}, "http"),
        ({"name": "x", "url": "http://user:pass@host/"}, "password"),
        ({"name": "x", "url": "http://b", "args": ["c"]}, "args"),
        ({"name": "x", "command": "a", "headers": {"b": "c"}}, "headers"),
        ({"name": "a b", "command": "c"}, "pattern"),
        ({"name": "x", "command": "a", "consent": "always"}, "ask"),
        ({"name": "x", "command": "a", "alow": []}, "alow"),
    ],
)
def test_a_wrong_configuration_is_refused(given: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        McpServer.model_validate(given)


def test_a_variable_that_is_not_set_is_named(servers: Servers) -> None:
    (left,) = servers.tools([house(env={"A": "${NO_SUCH_VARIABLE}"})]).left_out
    assert "NO_SUCH_VARIABLE" in left.why
    with pytest.raises(BadRequest, match="NO_SUCH"):
        filled("Bearer ${NO_SUCH}", {}, server="x")
    assert filled("Bearer ${A}$B${C", {"A": "1"}, server="x") == "Bearer 1$B${C"


@given(st.lists(st.text(min_size=1, max_size=100), unique=True, max_size=20))
def test_names_are_callable_and_stay_apart(tools: list[str]) -> None:
    names = [named("server", each) for each in tools]
    assert len(set(names)) == len(names)
    for each in names:
        assert named("server", own_name("server", each)) == each
        assert 0 < len(each) <= 64
        assert all(c.isascii() and (c.isalnum() or c in "_-") for c in each)
