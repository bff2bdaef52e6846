"""openai-agents: agents without a model's name, with tools, a type of output, hand-over, stream."""

from __future__ import annotations

from agents import Agent, ModelSettings, RunConfig, Runner, function_tool
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from checks import check, run_all
from openai import AsyncOpenAI
from pydantic import BaseModel

QUESTION = "What is the capital of France?"
# An answer in words that was cut is an error to this client, so it has to end by itself, which one
# of a model so small does not always do at temperature 1 (docs/api.md has figures).
SHORT = RunConfig(model_settings=ModelSettings(max_tokens=300, temperature=0))


class Town(BaseModel):
    rainy: bool


@function_tool
def weather(rainy: bool) -> str:
    """The weather of a town."""
    return "It rains." if rainy else "The sun shines."


@check("agents, no model named")
async def _() -> None:
    agent = Agent(name="Assistant", instructions="You are a helpful assistant")
    result = await Runner.run(agent, QUESTION, run_config=SHORT)
    assert result.final_output
    again = [*result.to_input_list(), {"role": "user", "content": "What is the capital of France?"}]
    assert (await Runner.run(agent, again, run_config=SHORT)).final_output


@check("agents, no model named, stream")
async def _() -> None:
    result = Runner.run_streamed(
        Agent(name="Assistant", instructions="You are a helpful assistant"),
        QUESTION,
        run_config=SHORT,
    )
    kinds = {each.type async for each in result.stream_events()}
    assert "raw_response_event" in kinds
    assert result.final_output


@check("agents, tool that must be called")
async def _() -> None:
    agent = Agent(
        name="Assistant", tools=[weather], model_settings=ModelSettings(tool_choice="required")
    )
    result = await Runner.run(agent, "Does it rain in Oslo?", run_config=SHORT)
    kinds = [each.type for each in result.new_items]
    assert kinds[:2] == ["tool_call_item", "tool_call_output_item"]


@check("agents, type of output")
async def _() -> None:
    agent = Agent(name="Assistant", output_type=Town)
    result = await Runner.run(agent, "Does it rain in Oslo?")
    assert isinstance(result.final_output, Town)


@check("agents, hand-over")
async def _() -> None:
    agent = Agent(
        name="Desk",
        handoffs=[Agent(name="Clerk", instructions="You are the clerk.")],
        model_settings=ModelSettings(tool_choice="transfer_to_clerk"),
    )
    result = await Runner.run(agent, "I want the clerk.", run_config=SHORT)
    assert result.last_agent.name == "Clerk"


@check("agents, conversations kept by the server")
async def _() -> None:
    agent = Agent(name="Assistant", instructions="You are a helpful assistant")
    first = await Runner.run(agent, QUESTION, run_config=SHORT)
    more = await Runner.run(
        agent,
        "What is the capital of France?",
        previous_response_id=first.last_response_id,
        run_config=SHORT,
    )
    assert more.final_output


@check("agents, chat completions")
async def _() -> None:
    model = OpenAIChatCompletionsModel(model="gpt-5", openai_client=AsyncOpenAI())
    agent = Agent(name="Assistant", instructions="You are a helpful assistant", model=model)
    assert (await Runner.run(agent, QUESTION, run_config=SHORT)).final_output


run_all()
