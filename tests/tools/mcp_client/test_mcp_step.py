"""In a turn: the persona's servers bring their tools, and what failed stands in the receipt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from fireside.assistant.exchange import Exchange
from fireside.assistant.persona import DEFAULT, parse
from fireside.assistant.steps.mcp import McpTools
from fireside.errors import BadRequest
from fireside.messages import Message
from fireside.storage import Store
from fireside.tools.mcp.servers import Servers

from .conftest import HOUSE


def exchange(persona: Any) -> Exchange:
    model: Any = None  # the step never asks it
    return Exchange(
        owner="", persona=persona, model=model, question=Message(role="user", content="2 + 3?")
    )


def test_a_persona_without_servers_connects_to_none(shared: Servers) -> None:
    assert McpTools(shared, None).run(exchange(DEFAULT)) is None


def test_a_persona_brings_its_servers_tools(shared: Servers, tmp_path: Path) -> None:
    text = f"""
        [tools]
        bytes = 256
        [[tools.mcp]]
        name = "house"
        command = "{sys.executable}"
        args = ["{HOUSE}"]
        allow = ["add", "big", "strange"]
        consent = "annotated"
        [[tools.mcp]]
        name = "nowhere"
        command = "no-such-program"
    """
    turn = exchange(parse(text, origin="house.toml"))
    with Store.open(tmp_path / "fireside.db") as store:
        result = McpTools(shared, store).run(turn)
        assert result is not None
        told = result.as_receipt()
        assert told["servers"] == {"house": ["house__add", "house__big"]}
        assert [each["server"] for each in told["left_out"]] == ["house", "nowhere"]
        add, big = turn.tools
        assert (add.label, add.consent, add.acts) == ("house", "free", False)
        assert (big.label, big.consent, big.acts) == ("house", "ask", True)
        outcome = add.run('{"a": 2, "b": 3}', call_id="call_of_the_house")
        assert outcome.untrusted
        assert "5" in outcome.output
        assert len(big.run('{"letters": 5000}', call_id="call_2").output) < 600
        # The same id of a tool that acts runs once.
        again = big.run('{"letters": 5000}', call_id="call_2")
        assert again.receipt["repeated"] is True


@pytest.mark.parametrize(
    ("block", "hint"),
    [
        ('name = "x"\ncommand = "a"\nalow = []', "did you mean 'tools.mcp.allow'"),
        ('name = "x"', "command or url"),
        ('name = "x"\nurl = "ftp://b"', "http"),
    ],
)
def test_a_mistake_in_the_file_is_a_line(block: str, hint: str) -> None:
    with pytest.raises(BadRequest, match=hint) as refused:
        parse(f"[[tools.mcp]]\n{block}\n", origin="bad.toml")
    assert "bad.toml, line" in str(refused.value)
