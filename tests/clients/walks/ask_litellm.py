"""LiteLLM: chat, responses, and Anthropic's messages bridged to OpenAI's API."""

from __future__ import annotations

import json
from typing import Any

import litellm
from checks import QUESTION, check, run_all
from pydantic import BaseModel

SAID = [{"role": "user", "content": QUESTION}]
PARAMETERS = {
    "type": "object",
    "properties": {"town": {"type": "string", "enum": ["Oslo", "Rome"]}},
    "required": ["town"],
    "additionalProperties": False,
}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "The weather.", "parameters": PARAMETERS},
}
BRIDGED = {"name": "weather", "description": "The weather.", "input_schema": PARAMETERS}


class Town(BaseModel):
    town: str


@check("litellm chat")
def _() -> None:
    for model in ("gpt-4o-mini", "openai/gpt-5"):
        answer: Any = litellm.completion(model=model, messages=SAID, max_tokens=8)
        assert answer.choices[0].message.content
        assert answer.usage.completion_tokens


@check("litellm chat stream")
def _() -> None:
    pieces: Any = litellm.completion(
        model="gpt-5", messages=SAID, max_tokens=8, reasoning_effort="low", stream=True
    )
    assert "".join(each.choices[0].delta.content or "" for each in pieces)


@check("litellm chat tools and their result")
def _() -> None:
    answer: Any = litellm.completion(
        model="gpt-5-mini", messages=SAID, tools=[WEATHER], tool_choice="required", max_tokens=60
    )
    message = answer.choices[0].message
    call = message.tool_calls[0]
    assert json.loads(call.function.arguments)["town"] in ("Oslo", "Rome")
    result = {"role": "tool", "tool_call_id": call.id, "content": "It rains."}
    more: Any = litellm.completion(
        model="gpt-5-mini", messages=[*SAID, message, result], tools=[WEATHER], max_tokens=8
    )
    assert more.choices[0].finish_reason in ("stop", "length", "tool_calls")


@check("litellm chat structured")
def _() -> None:
    answer: Any = litellm.completion(
        model="gpt-5", messages=SAID, response_format=Town, max_tokens=200
    )
    Town.model_validate_json(answer.choices[0].message.content)


@check("litellm responses")
def _() -> None:
    answer: Any = litellm.responses(
        model="openai/gpt-5", input=QUESTION, max_output_tokens=8,
        reasoning={"effort": "low", "summary": "auto"}, include=["reasoning.encrypted_content"],
    )  # fmt: skip
    assert answer.output[0].content[0].text


@check("litellm responses stream")
def _() -> None:
    events: Any = litellm.responses(
        model="openai/gpt-5", input=QUESTION, max_output_tokens=8, stream=True
    )
    kinds = [str(getattr(each.type, "value", each.type)) for each in events]
    assert kinds[-1] in ("response.completed", "response.incomplete"), kinds[-1]


@check("litellm anthropic bridge")
async def _() -> None:
    for model in ("openai/gpt-5", "gpt-4o"):
        answer: Any = await litellm.anthropic.messages.acreate(
            model=model, messages=SAID, max_tokens=8, system="Be brief."
        )
        assert answer["content"][0]["text"]
        assert answer["usage"]["output_tokens"]


@check("litellm anthropic bridge, thinking and cache_control")
async def _() -> None:
    marked = {"type": "text", "text": QUESTION, "cache_control": {"type": "ephemeral"}}
    answer: Any = await litellm.anthropic.messages.acreate(
        model="openai/gpt-5", messages=[{"role": "user", "content": [marked]}], max_tokens=8,
        system=[{**marked, "text": "Be brief."}],
        thinking={"type": "enabled", "budget_tokens": 1024}, metadata={"user_id": "ada"},
    )  # fmt: skip
    assert answer["content"][0]["text"]


@check("litellm anthropic bridge, tools and their result")
async def _() -> None:
    choice = {"type": "any"}
    answer: Any = await litellm.anthropic.messages.acreate(
        model="openai/gpt-5", messages=SAID, max_tokens=60, tools=[BRIDGED], tool_choice=choice
    )
    call = next(each for each in answer["content"] if each["type"] == "tool_use")
    assert call["input"]["town"] in ("Oslo", "Rome")
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "It rains."}
    history = [
        *SAID,
        {"role": "assistant", "content": answer["content"]},
        {"role": "user", "content": [result]},
    ]
    more: Any = await litellm.anthropic.messages.acreate(
        model="openai/gpt-5", messages=history, max_tokens=8, tools=[BRIDGED]
    )
    assert more["stop_reason"] in ("end_turn", "max_tokens", "tool_use")


@check("litellm anthropic bridge stream")
async def _() -> None:
    stream: Any = await litellm.anthropic.messages.acreate(
        model="openai/gpt-5", messages=SAID, max_tokens=8, stream=True
    )
    text = "".join(
        [each.decode() if isinstance(each, bytes) else str(each) async for each in stream]
    )
    assert "text_delta" in text
    assert "message_stop" in text


@check("litellm embeddings")
def _() -> None:
    answer: Any = litellm.embedding(model="text-embedding-3-small", input=["a", "b"])
    assert len(answer.data) == 2


@check("litellm text completion")
def _() -> None:
    answer: Any = litellm.text_completion(
        model="gpt-3.5-turbo-instruct", prompt=QUESTION, max_tokens=8
    )
    assert answer.choices[0].text


run_all()
