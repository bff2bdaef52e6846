"""Which tools there are, and what each needs before it runs."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fireside.errors import BadRequest, Conflict, NotFound
from fireside.tools.config import ToolsConfig
from fireside.tools.outcome import Outcome
from fireside.tools.registry import Registry, visible
from fireside.tools.tool import Tool, ToolContext, tool


@tool()
def look(context: ToolContext) -> Outcome:
    """Look."""
    return Outcome(text="seen")


@tool(consent="ask", floor="ask", acts=True)
def send(context: ToolContext, text: str) -> Outcome:
    """Send."""
    return Outcome(text="sent")


def test_nothing_is_offered_unless_it_is_allowed() -> None:
    registry = Registry([look, send])
    assert registry.offered(ToolsConfig()) == []
    assert registry.offered(ToolsConfig(allow=["look"])) == [look]
    assert registry.offered(ToolsConfig(allow=["*"])) == [look, send]
    assert registry.offered(ToolsConfig(allow=["se*", "look", "look"])) == [send, look]


def test_an_unknown_name_is_refused_with_those_that_come_near() -> None:
    registry = Registry([look, send])
    with pytest.raises(NotFound, match=r"no tool 'lok'\. Near: look"):
        registry.offered(ToolsConfig(allow=["lok"]))
    with pytest.raises(NotFound, match="no tool 'sned'"):
        registry.offered(ToolsConfig(consent={"sned": "never"}))
    with pytest.raises(Conflict, match="already"):
        registry.add(look)
    registry.remove("look")
    registry.remove("look")
    assert len(registry) == 1


def test_consent_may_be_stricter_and_never_looser_than_the_floor() -> None:
    registry = Registry([look, send])
    config = ToolsConfig(allow=["*"], consent={"look": "ask", "send": "never"})
    assert [(each.name, each.consent) for each in registry.offered(config)] == [("look", "ask")]
    # Also where the tool is not even offered: a promise that the file makes must be one we keep.
    with pytest.raises(BadRequest, match="send cannot be 'free'"):
        registry.offered(ToolsConfig(consent={"send": "free"}))
    with pytest.raises(BadRequest, match="below its floor"):
        tool(floor="ask", name="bad")(lambda context: Outcome())


def test_bounds_only_narrow() -> None:
    (narrow,) = Registry([look]).offered(ToolsConfig(allow=["look"], seconds=1.0, bytes=256))
    assert (narrow.seconds, narrow.bytes) == (1.0, 256)
    (same,) = Registry([look]).offered(ToolsConfig(allow=["look"], seconds=600.0, bytes=10**9))
    assert (same.seconds, same.bytes) == (look.seconds, look.bytes)


@pytest.mark.parametrize(
    "given",
    [{"allowed": []}, {"consent": {"a": "maybe"}}, {"seconds": 0}, {"timezone": "Mars/Phobos"},
     {"timezone": "../../etc/passwd"}],
)  # fmt: skip
def test_a_section_with_a_mistake_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ToolsConfig.model_validate(given)


def test_names_are_those_that_the_api_takes() -> None:
    with pytest.raises(BadRequest, match="a name is up to 64"):
        Tool(name="a b", description="", parameters={}, run=look.run)
    with pytest.raises(BadRequest, match="no schema of an object"):
        Tool(name="a", description="", parameters={"type": "array"}, run=look.run)


def test_a_question_shows_what_is_there_on_one_line() -> None:
    assert visible("a\n\nb\x1b[2J\u202ec") == "a b\ufffd[2J\ufffdc"
