"""Function calling with the real default model: calls that end parse and validate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import openai
import pytest
from pydantic import BaseModel

from fireside.server.app import create_app
from fireside.settings import load_settings
from fireside.storage import Store

from .serving import running

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
    },
    "required": ["city", "unit"],
}
NESTED = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2,
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"},
                    "count": {"type": ["integer", "null"], "minimum": 0, "maximum": 99},
                },
                "required": ["id", "count"],
                "additionalProperties": False,
            },
        },
        "when": {"type": "string", "format": "date"},
    },
    "required": ["items", "when"],
}
SCHEMAS = {"weather": WEATHER, "order": NESTED, "now": {"type": "object", "properties": {}}}


def tool(name: str) -> dict[str, Any]:
    described = {"name": name, "description": f"About the {name}", "parameters": SCHEMAS[name]}
    return {"type": "function", "function": described}


ASK: dict[str, Any] = {
    "model": "smollm2:135m",
    "messages": [{"role": "user", "content": "What is the weather in Berlin?"}],
    "tools": [tool(name) for name in SCHEMAS],
    "max_tokens": 64,
}


@pytest.fixture(scope="module")
def client(smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    from fireside.engine.models import Models

    # One thread: on a busy machine two wait for each other more than they compute.
    settings = load_settings().model_copy(update={"threads": 1})
    with (
        Store.open(tmp_path_factory.mktemp("home") / "fireside.db") as store,
        running(create_app(Models(settings), store, settings)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made,
    ):
        yield made


def check(choice: Any) -> int:
    """Every call that is said to be whole is; returns how many there are."""
    calls = choice.message.tool_calls or []
    if choice.finish_reason == "tool_calls":
        assert calls
    elif choice.finish_reason == "length":
        calls = calls[:-1]
    for call in calls:
        jsonschema_rs.validate(SCHEMAS[call.function.name], json.loads(call.function.arguments))
    return len(calls)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_named_function_is_called(client: openai.OpenAI, name: str) -> None:
    chosen = {"type": "function", "function": {"name": name}}
    answer = client.chat.completions.create(
        **ASK | {"max_tokens": 160},
        tool_choice=chosen,
        parallel_tool_calls=False,
        n=2,
        seed=1,
    )
    for choice in answer.choices:
        check(choice)
        (call,) = choice.message.tool_calls
        assert call.function.name == name
        assert choice.message.content is None
    assert "tool_calls" in {choice.finish_reason for choice in answer.choices}


def test_required_and_streamed(client: openai.OpenAI) -> None:
    asked = ASK | {"tool_choice": "required", "seed": 1, "temperature": 1.2}
    whole = client.chat.completions.create(**asked).choices[0]
    check(whole)
    assert whole.message.tool_calls
    with client.chat.completions.stream(**asked) as stream:
        for _ in stream:
            pass
        final = stream.current_completion_snapshot.choices[0]
    assert final.finish_reason == whole.finish_reason
    assert [call.function.arguments for call in final.message.tool_calls] == [
        call.function.arguments for call in whole.message.tool_calls
    ]


def test_auto_is_text_or_calls(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**ASK | {"n": 2, "seed": 3, "max_tokens": 24})
    for choice in answer.choices:
        check(choice)
        assert choice.message.content or choice.message.tool_calls


def test_a_call_cut_short(client: openai.OpenAI) -> None:
    asked = ASK | {"tool_choice": "required", "seed": 1, "temperature": 0}
    for limit in (1, 8, 16):
        choice = client.chat.completions.create(**asked | {"max_tokens": limit}).choices[0]
        assert choice.finish_reason == "length"


class Verdict(BaseModel):
    mood: Literal["good", "bad"]
    score: int
    reason: Literal["price", "taste", "service"]


def test_the_clients_own_parsing(client: openai.OpenAI) -> None:
    ask = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Nice soup!"}]}
    with suppress(openai.LengthFinishReasonError):
        parsed = client.chat.completions.parse(
            **ask, response_format=Verdict, seed=1, max_tokens=64, temperature=0.5
        )
        assert isinstance(parsed.choices[0].message.parsed, Verdict)
    tools = [openai.pydantic_function_tool(Verdict)]
    with suppress(openai.LengthFinishReasonError):
        call = client.chat.completions.parse(
            **ask, tools=tools, tool_choice="required", parallel_tool_calls=False, temperature=0,
            max_tokens=64,
        ).choices[0]  # fmt: skip
        assert isinstance(call.message.tool_calls[0].function.parsed_arguments, Verdict)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {
            "type": "object", "properties": {"a": {"not": {}}}}}}]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {
            "type": "object", "properties": {"a": {"type": "integer", "multipleOf": 9999991}}}}}]},
         "tools"),
        ({"tools": [], "response_format": {"type": "json_schema", "json_schema": {
            "name": "x", "schema": {"type": "array", "uniqueItems": True}}}}, "response_format"),
        ({"tools": [], "response_format": {"type": "json_schema", "json_schema": {
            "name": "x", "schema": {"$ref": "#"}}}}, "response_format"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_compiled_is_a_400(
    client: openai.OpenAI, change: dict[str, Any], param: str, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**ASK | change, stream=stream)
    assert (refused.value.code, refused.value.param) == ("invalid_schema", param)


def test_a_conversation_with_a_result(client: openai.OpenAI) -> None:
    asked = client.chat.completions.create(
        **ASK, tool_choice="required", parallel_tool_calls=False, temperature=0
    ).choices[0]
    call = asked.message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": "17 degrees and rain"}
    messages = [*ASK["messages"], asked.message, result]
    answer = client.chat.completions.create(**ASK | {"messages": messages, "tool_choice": "none"})
    assert answer.choices[0].message.content
    assert answer.choices[0].message.tool_calls is None


def test_langchain(client: openai.OpenAI) -> None:
    langchain = pytest.importorskip("langchain_openai")
    model = langchain.ChatOpenAI(
        model="gpt-4o-mini", base_url=str(client.base_url), api_key="none", temperature=0,
        max_tokens=48, seed=1,
    )  # fmt: skip

    class Weather(BaseModel):
        """The weather of a city."""

        city: str

    called = model.bind_tools([Weather], tool_choice="Weather").invoke("Weather in Oslo?")
    if called.response_metadata["finish_reason"] == "tool_calls":
        assert called.tool_calls[0]["name"] == "Weather"
        assert isinstance(called.tool_calls[0]["args"]["city"], str)
    assert called.response_metadata["model_name"] == "smollm2:135m"
    for method in ("function_calling", "json_schema"):
        shaped = model.with_structured_output(Weather, method=method, include_raw=True)
        with suppress(openai.LengthFinishReasonError):
            found = shaped.invoke("Weather in Oslo?")
            finish = found["raw"].response_metadata["finish_reason"]
            assert isinstance(found["parsed"], Weather) or finish == "length"
