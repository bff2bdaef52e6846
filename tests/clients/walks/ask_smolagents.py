"""smolagents: its model of OpenAI's, and an agent that calls tools."""

from __future__ import annotations

from checks import QUESTION, check, run_all
from smolagents import ChatMessage, MessageRole, OpenAIModel, ToolCallingAgent, tool
from smolagents.memory import ActionStep
from smolagents.models import CODEAGENT_RESPONSE_FORMAT
from smolagents.utils import AgentGenerationError

NAMES = ("gpt-5", "gpt-4o-mini")
SAID = [ChatMessage(role=MessageRole.USER, content=[{"type": "text", "text": QUESTION}])]


@tool
def weather(rainy: bool) -> str:
    """The weather of a town.

    Args:
        rainy: whether it rains
    """
    return "It rains." if rainy else "The sun shines."


@check("smolagents generate")
def _() -> None:
    for name in NAMES:
        model = OpenAIModel(model_id=name, max_tokens=8)
        answer = model.generate(SAID, stop_sequences=["Observation:", "Calling tools:"])
        assert answer.content
        assert answer.token_usage is not None


@check("smolagents stream")
def _() -> None:
    pieces = OpenAIModel(model_id="gpt-5", max_tokens=8).generate_stream(SAID)
    assert "".join(each.content or "" for each in pieces)


@check("smolagents tools")
def _() -> None:
    model = OpenAIModel(model_id="gpt-5", max_tokens=60)
    answer = model.generate(SAID, tools_to_call_from=[weather])
    assert answer.tool_calls is not None
    assert answer.tool_calls[0].function.name == "weather"


@check("smolagents structured")
def _() -> None:
    model = OpenAIModel(model_id="gpt-5", max_tokens=8)
    assert model.generate(SAID, response_format=CODEAGENT_RESPONSE_FORMAT).content


@check("smolagents agent")
def _() -> None:
    model = OpenAIModel(model_id="gpt-5", max_tokens=60)
    agent = ToolCallingAgent(tools=[weather], model=model, max_steps=2, verbosity_level=0)
    agent.run("Does it rain?")
    steps = [each for each in agent.memory.steps if isinstance(each, ActionStep)]
    assert steps[0].tool_calls
    assert not [each for each in steps if isinstance(each.error, AgentGenerationError)]


run_all()
