"""The example of docs/mcp.md: a persona, its server, and a turn that uses both."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_model import FakeModel

from fireside.assistant.answering import Answering
from fireside.assistant.budget import Budget, Fit
from fireside.assistant.driving import pieces_of
from fireside.assistant.exchange import Exchange
from fireside.assistant.persona import Persona, read
from fireside.assistant.pieces import Asked, Said, ToolEnded
from fireside.assistant.pipeline import Pipeline, Receipt, run
from fireside.assistant.steps.mcp import McpTools
from fireside.assistant.wanted import Wanted
from fireside.engine.params import SamplingParams
from fireside.messages import Message
from fireside.tools.mcp.servers import Servers

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def persona(monkeypatch: pytest.MonkeyPatch) -> Persona:
    monkeypatch.chdir(REPOSITORY)  # its file names the server by a path from here
    return read(REPOSITORY / "examples/mcp/library.toml")


@pytest.fixture
def library(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    """With this interpreter as `python`."""
    folder = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", folder, prepend=":")
    return servers


def calls(name: str, **arguments: str) -> str:
    said = json.dumps({"name": name, "arguments": arguments})
    return f"<tool_call>\n{said}\n</tool_call>"


def test_a_turn_looks_and_asks_before_it_acts(persona: Persona, library: Servers) -> None:
    model = FakeModel(
        context=20_000,
        script=[
            [calls("library__find_book", title="emma")],
            ["There are two. ", calls("library__reserve", title="Emma", reader="Ana")],
        ],
    )
    exchange = Exchange(
        owner="",
        persona=persona,
        model=model,  # type: ignore[arg-type]
        question=Message(role="user", content="Is Emma in? Reserve it for Ana."),
    )
    pipeline, receipt = Pipeline.of([McpTools(library, None)]), Receipt()
    run(pipeline.before, exchange, receipt)
    (step,) = receipt.steps
    assert step["servers"] == {
        "library": ["library__find_book", "library__opening_hours", "library__reserve"]
    }
    fit = Fit(budget=Budget(window=model.context, reserve=100))
    core = Answering(exchange, Wanted(params=SamplingParams(), fit=fit), pipeline, receipt)
    pieces = list(pieces_of(core))
    (ended,) = [each for each in pieces if isinstance(each, ToolEnded)]
    assert "Emma: 2 on the shelf." in ended.run.outcome.output
    assert ended.run.label == "library"
    assert "Emma: 2 on the shelf." in model.asked[1].prompt
    assert "".join(each.text for each in pieces if isinstance(each, Said)).strip() == (
        "There are two."
    )
    (asked,) = [each for each in pieces if isinstance(each, Asked)]
    assert asked.call.name == "library__reserve"  # and nothing was reserved yet
    assert exchange.untrusted
