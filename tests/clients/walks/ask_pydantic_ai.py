"""pydantic-ai: responses and chat under `gpt-5`, tools, each way of structured output, stream."""

from __future__ import annotations

from contextlib import suppress

from checks import QUESTION, check, run_all
from pydantic import BaseModel
from pydantic_ai import Agent, ModelSettings, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.direct import model_request_sync
from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.messages import ModelMessage, ModelRequest, ToolReturnPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

SHORT = ModelSettings(max_tokens=8)
LONGER = ModelSettings(max_tokens=100)
NAMES = ("openai:gpt-5", "openai-chat:gpt-5", "openai-responses:gpt-5", "openai-chat:gpt-4o-mini")


class Weather(BaseModel):
    rainy: bool


@check("pydantic-ai text and history")
def _() -> None:
    for name in NAMES:
        agent = Agent(name, instructions="Be brief.")
        first = agent.run_sync(QUESTION, model_settings=SHORT)
        assert first.output
        assert first.usage.output_tokens
        history = first.all_messages()
        assert agent.run_sync("More?", message_history=history, model_settings=SHORT).output


@check("pydantic-ai stream")
async def _() -> None:
    for name in NAMES[:2]:
        async with Agent(name).run_stream(QUESTION, model_settings=SHORT) as stream:
            pieces = [each async for each in stream.stream_text(delta=True)]
        assert "".join(pieces)


@check("pydantic-ai output by a tool")
def _() -> None:
    for name in NAMES[:2]:
        agent = Agent(name, output_type=ToolOutput(Weather))
        assert isinstance(agent.run_sync("Rain?", model_settings=LONGER).output, Weather)


@check("pydantic-ai output by a schema")
def _() -> None:
    for name in NAMES[:2]:
        agent = Agent(name, output_type=NativeOutput(Weather))
        assert isinstance(agent.run_sync("Rain?", model_settings=LONGER).output, Weather)


@check("pydantic-ai output by words")
def _() -> None:
    for name in NAMES[:2]:
        agent = Agent(name, output_type=PromptedOutput(Weather), retries=0)
        with suppress(UnexpectedModelBehavior):  # a small model may not follow; it was asked
            assert isinstance(agent.run_sync("Rain?", model_settings=LONGER).output, Weather)


@check("pydantic-ai tools and their result")
def _() -> None:
    schema = {"type": "object", "properties": {"rainy": {"type": "boolean"}}, "required": ["rainy"]}
    tool = ToolDefinition(name="weather", description="The weather.", parameters_json_schema=schema)
    for name in NAMES[:2]:
        messages: list[ModelMessage] = [ModelRequest.user_text_prompt("Does it rain?")]
        for choice in ("required", "none"):
            answer = model_request_sync(
                name,
                messages,
                model_settings=ModelSettings(max_tokens=60, tool_choice=choice),
                model_request_parameters=ModelRequestParameters(function_tools=[tool]),
            )
            messages.append(answer)
            for call in answer.tool_calls:
                assert isinstance(call.args_as_dict()["rainy"], bool)
                result = ToolReturnPart("weather", "It rains.", tool_call_id=call.tool_call_id)
                messages.append(ModelRequest(parts=[result]))
        assert [type(each).__name__ for each in messages][:3] == [
            "ModelRequest", "ModelResponse", "ModelRequest",
        ]  # fmt: skip


run_all()
