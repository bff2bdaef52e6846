"""`/v1/responses` with the tool `mcp`: a real server over HTTP, its tools, and consent."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from tests.measures import command_of

from .fakes import FakeModel, FakeModels
from .serving import running
from .test_responses import asked, create
from .test_responses_stream import order, streamed

HOUSE = Path(__file__).parents[1] / "tools/mcp_client/house.py"


@pytest.fixture(scope="module")
def house() -> Iterator[str]:
    """The address of a real MCP server."""
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


@pytest.fixture(scope="module")
def address(
    models: FakeModels, house: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    allowed = [house, "http://127.0.0.1:9/mcp"]
    settings = Settings(model="fake:1b", home=home, mcp_servers=allowed)
    with (
        Store.open(home / "fireside.db") as store,
        running(create_app(models, store, settings)) as url,
    ):
        yield url


@pytest.fixture(autouse=True)
def _wide(model: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter is a token of this model's."""
    monkeypatch.setattr(model, "context", 50_000)


def tool(url: str, **more: Any) -> Any:
    return {"type": "mcp", "server_label": "house", "server_url": url} | more


def calls(name: str, /, **arguments: Any) -> str:
    said = json.dumps(arguments)
    return f'<tool_call>\n{{"name": "{name}", "arguments": {said}}}\n</tool_call>'


def test_a_tool_that_needs_no_approval_runs(
    client: openai.OpenAI, model: FakeModel, house: str
) -> None:
    model.script = [calls("house__add", a=2, b=3), "It is five."]
    tools = [tool(house, require_approval="never", allowed_tools=["add", "strange"])]
    events = streamed(client, tools=tools)
    assert order(events)[:8] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.mcp_list_tools.in_progress",
        "response.mcp_list_tools.completed",
        "response.output_item.done",
        "response.output_item.added",
        "response.mcp_call.in_progress",
    ]
    final = events[-1].response
    listed, call, _ = final.output
    assert (listed.type, listed.server_label) == ("mcp_list_tools", "house")
    assert [each.name for each in listed.tools] == ["add"]
    assert "strange" in listed.error  # its schema is no token mask: told by name
    assert (call.type, call.name, call.server_label) == ("mcp_call", "add", "house")
    assert "5" in call.output
    assert final.output_text == "It is five."
    assert client.responses.retrieve(final.id).to_dict() == final.to_dict()
    # The next turn reads it as it went.
    create(client, previous_response_id=final.id, input="And?", tools=tools)
    assert "| 5" in asked(model)  # marked as a stranger's text


def test_by_default_a_person_is_asked(client: openai.OpenAI, model: FakeModel, house: str) -> None:
    tools = [tool(house, allowed_tools=["which"])]
    model.script = [calls("house__which", name="X")]
    first = create(client, tools=tools)
    request: Any = first.output[-1]
    assert (request.type, request.name, request.server_label) == (
        "mcp_approval_request", "which", "house",
    )  # fmt: skip
    agreed: Any = {
        "type": "mcp_approval_response", "approval_request_id": request.id, "approve": True,
    }  # fmt: skip
    model.script = ["Done."]
    again = create(client, previous_response_id=first.id, input=[agreed], tools=tools)
    (call,) = [each for each in again.output if each.type == "mcp_call"]
    assert call.name == "which"
    assert call.error is None
    assert call.approval_request_id == request.id
    assert again.output_text == "Done."


def test_headers_go_to_the_server_and_nowhere_else(
    client: openai.OpenAI, model: FakeModel, house: str, http: httpx.Client
) -> None:
    secret = {"headers": {"X-Key": "s3cret"}, "authorization": "t0ken"}
    made = create(client, tools=[tool(house, allowed_tools=["add"], **secret)])
    kept = http.get(f"/v1/responses/{made.id}").text
    receipt = http.get(f"/v1/responses/{made.id}/receipt").text
    for text in (made.to_json(), kept, receipt, asked(model)):
        assert "s3cret" not in text
        assert "t0ken" not in text


def test_a_server_that_is_not_there_is_told(client: openai.OpenAI, model: FakeModel) -> None:
    made = create(client, tools=[tool("http://127.0.0.1:9/mcp")])
    listed: Any = made.output[0]
    assert (listed.type, listed.tools) == ("mcp_list_tools", [])
    assert "not available" in listed.error
    assert made.output_text == "Hello there"


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([tool("http://169.254.169.254/mcp")], "tools[0].server_url"),
        ([tool("http://127.0.0.1:9/mcp"), tool("http://127.0.0.1:9/mcp")], "tools"),
        ([tool("http://127.0.0.1:9/mcp", connector_id="connector_gmail")], "tools[0].connector_id"),
        ([tool("http://127.0.0.1:9/mcp", server_label="fireside")], "tools[0].server_label"),
    ],
)
def test_what_may_not_be_is_named(client: openai.OpenAI, tools: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        create(client, tools=tools)
    assert refused.value.param == param


def test_a_persona_starts_its_server_and_the_end_of_ours_ends_it(
    models: FakeModels, model: FakeModel, tmp_path: Path
) -> None:
    (tmp_path / "personas").mkdir()
    library = HOUSE.parents[3] / "examples/mcp/library.py"
    (tmp_path / "personas/desk.toml").write_text(
        f"""
        [[tools.mcp]]
        name = "library"
        command = {json.dumps(sys.executable)}
        args = [{json.dumps(str(library))}]
        tools = {{ find_book = "free" }}
        """
    )
    settings = Settings(model="fake:1b", home=tmp_path)

    def libraries() -> list[int]:
        children = psutil.Process().children(recursive=True)
        return [each.pid for each in children if str(library) in command_of(each)]

    with Store.open(tmp_path / "fireside.db") as store:
        with running(create_app(models, store, settings)) as url:
            assert libraries() == []  # nobody has asked for it yet
            model.script = [calls("library__find_book", title="Emma"), "There are two."]
            with openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
                made = create(client, model="persona:desk", input="Is Emma in?")
                call: Any = made.output[0]
                assert (call.type, call.server_label, call.name) == (
                    "mcp_call", "library", "find_book",
                )  # fmt: skip
                assert "Emma: 2 on the shelf." in call.output
                receipt = httpx.get(f"{url}/v1/responses/{made.id}/receipt", timeout=300).json()
                (step,) = [each for each in receipt["steps"] if each["name"] == "mcp"]
                assert "library__reserve" in step["servers"]["library"]
            assert len(libraries()) == 1
        assert libraries() == []
