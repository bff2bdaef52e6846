"""Function calling on the wire, as OpenAI's own client sees it; the model says what it is told."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from fireside.messages import ToolCall
from fireside.tokenizer.call_section import calls_text
from fireside.tokenizer.call_syntax import OURS

from .fakes import FakeModel
from .test_bad_input import refused

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "How it is outside",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
NOW = {"type": "function", "function": {"name": "now"}}
ASK: dict[str, Any] = {
    "model": "fake:1b",
    "messages": [{"role": "user", "content": "Hi"}],
    "tools": [WEATHER, NOW],
}
ONE = ("weather", '{"city": "Bonn"}')
TWO = ("now", "{}")


def says(model: FakeModel, *calls: tuple[str, str], before: str = "") -> str:
    made = [ToolCall(id="", name=name, arguments=arguments) for name, arguments in calls]
    model.answer = before + calls_text(made, OURS)
    return model.answer


def test_a_call(client: openai.OpenAI, model: FakeModel) -> None:
    says(model, ONE, TWO)
    choice = client.chat.completions.create(**ASK).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    first, second = choice.message.tool_calls
    assert (first.type, first.function.name, first.function.arguments) == ("function", *ONE)
    assert (second.function.name, second.function.arguments) == TWO
    assert first.id.startswith("call_")
    assert first.id != second.id
    prompt = bytes(model.last.prompt).decode()
    assert '"name": "weather", "description": "How it is outside"' in prompt
    constraint = model.last.params.constraint
    assert constraint.kind == "lark"


def test_text_before_a_call_and_text_alone(client: openai.OpenAI, model: FakeModel) -> None:
    says(model, ONE, before="Let me look.\n")
    choice = client.chat.completions.create(**ASK).choices[0]
    assert choice.message.content == "Let me look."
    assert len(choice.message.tool_calls) == 1
    model.answer = "It is < 5 degrees. "
    choice = client.chat.completions.create(**ASK).choices[0]
    assert choice.message.content == "It is < 5 degrees. "
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"


@pytest.mark.parametrize("before", ["", "Let me look. "])
def test_streamed_is_whole(client: openai.OpenAI, model: FakeModel, before: str) -> None:
    says(model, ONE, TWO, before=before)
    with client.chat.completions.stream(**ASK, n=2) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.delta" in kinds
    assert "tool_calls.function.arguments.done" in kinds
    for choice in final.choices:
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content == (before.strip() or None)
        calls = choice.message.tool_calls
        assert [(c.function.name, c.function.arguments) for c in calls] == [ONE, TWO]
        assert all(c.id.startswith("call_") for c in calls)


def test_the_deltas_are_openais(client: openai.OpenAI, model: FakeModel) -> None:
    says(model, ONE)
    chunks = list(client.chat.completions.create(**ASK, stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert (deltas[0].role, deltas[0].content, deltas[0].tool_calls) == ("assistant", None, None)
    begun = deltas[1].tool_calls[0]
    assert (begun.index, begun.type, begun.function.name) == (0, "function", "weather")
    assert begun.function.arguments == ""
    later = [delta.tool_calls[0] for delta in deltas[2:-1]]
    assert all(call.id is None and call.function.name is None for call in later)
    assert "".join(call.function.arguments for call in later) == ONE[1]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_a_call_cut_short_is_said_to_be(client: openai.OpenAI, model: FakeModel) -> None:
    whole = says(model, ONE)
    limit = whole.index("Bonn") + 2
    choice = client.chat.completions.create(**ASK, max_tokens=limit).choices[0]
    assert choice.finish_reason == "length"
    assert choice.message.tool_calls[0].function.arguments == '{"city": "Bo'
    chunks = list(client.chat.completions.create(**ASK, max_tokens=limit, stream=True))
    assert chunks[-1].choices[0].finish_reason == "length"


def test_history(client: openai.OpenAI, model: FakeModel) -> None:
    says(model, ONE, TWO)
    message = client.chat.completions.create(**ASK).choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result {i}"}
        for i, call in enumerate(message.tool_calls)
    ]
    model.answer = "Fine."
    client.chat.completions.create(**ASK | {"messages": [*ASK["messages"], message, *results]})
    prompt = bytes(model.last.prompt).decode()
    assert calls_text([ToolCall(id="", name=ONE[0], arguments=ONE[1])], OURS) in prompt
    assert "<user><tool_response>\nresult 1\n</tool_response>" in prompt


@pytest.mark.parametrize(
    ("choice", "shown", "allowed"),
    [
        ("none", False, []),
        ("auto", True, ["weather", "now"]),
        ("required", True, ["weather", "now"]),
        ({"type": "function", "function": {"name": "now"}}, True, ["now"]),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "weather"}}],
                },
            },
            True,
            ["weather"],
        ),
    ],
)
def test_choices(
    client: openai.OpenAI, model: FakeModel, choice: Any, shown: bool, allowed: list[str]
) -> None:
    model.answer = "<tool_call> is text"
    answer = client.chat.completions.create(**ASK, tool_choice=choice)
    assert ("<tools>" in bytes(model.last.prompt).decode()) == shown
    constraint = model.last.params.constraint
    if not allowed:
        assert constraint is None
        assert answer.choices[0].message.content == "<tool_call> is text"
        return
    assert isinstance(constraint.value, str)
    assert [n for n in ("weather", "now") if f'name\\": \\"{n}' in constraint.value] == allowed
    free = (isinstance(choice, dict) and choice["type"] == "allowed_tools") or choice == "auto"
    assert ("TEXT" in constraint.value) == free


def test_one_call_alone(client: openai.OpenAI, model: FakeModel) -> None:
    client.chat.completions.create(**ASK, parallel_tool_calls=False)
    assert "{0,31}" not in model.last.params.constraint.value


def test_the_old_functions(client: openai.OpenAI, model: FakeModel) -> None:
    says(model, ONE)
    ask = {name: value for name, value in ASK.items() if name != "tools"}
    ask["functions"] = [WEATHER["function"]]
    answer = client.chat.completions.create(**ask, function_call={"name": "weather"})
    choice = answer.choices[0]
    assert choice.finish_reason == "function_call"
    assert (choice.message.function_call.name, choice.message.function_call.arguments) == ONE
    assert choice.message.tool_calls is None
    chunks = list(client.chat.completions.create(**ask, stream=True))
    calls = [c.choices[0].delta.function_call for c in chunks if c.choices[0].delta.function_call]
    assert calls[0].name == "weather"
    assert "".join(call.arguments or "" for call in calls) == ONE[1]
    assert chunks[-1].choices[0].finish_reason == "function_call"
    result = {"role": "function", "name": "weather", "content": "rain"}
    client.chat.completions.create(**ask | {"messages": [*ask["messages"], choice.message, result]})
    assert "<tool_response>\nrain" in bytes(model.last.prompt).decode()


class Weather(BaseModel):
    city: str


def test_the_clients_own_helpers(client: openai.OpenAI, model: FakeModel) -> None:
    says(model, ONE)
    tool = openai.pydantic_function_tool(Weather, name="weather")
    ask = ASK | {"tools": [tool]}
    parsed = client.chat.completions.parse(**ask).choices[0].message.tool_calls[0]
    assert parsed.function.parsed_arguments == Weather(city="Bonn")
    with client.beta.chat.completions.stream(**ask) as stream:
        final = stream.get_final_completion()
    parsed = final.choices[0].message.tool_calls[0]
    assert parsed.function.parsed_arguments == Weather(city="Bonn")
    model.answer = '{"city": "Kiel"}'
    ask = {name: value for name, value in ASK.items() if name != "tools"}
    message = client.chat.completions.parse(**ask, response_format=Weather).choices[0].message
    assert message.parsed == Weather(city="Kiel")


def test_log_probabilities_of_a_call(client: openai.OpenAI, model: FakeModel) -> None:
    whole = says(model, ONE)
    chunks = client.chat.completions.create(**ASK, logprobs=True, stream=True)
    told = [c.choices[0].logprobs for c in chunks if c.choices[0].logprobs]
    assert "".join(token.token for each in told for token in each.content) == whole


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"tools": {"a": 1}}, "tools"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tools": [{"type": "custom", "custom": {"name": "a"}}]}, "tools[0].type"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [named("")]}, "tools[0].function.name"),
        ({"tools": [named("a b")]}, "tools[0].function.name"),
        ({"tools": [named("../etc")]}, "tools[0].function.name"),
        ({"tools": [named("a\0")]}, "tools[0].function.name"),
        ({"tools": [named("a" * 65)]}, "tools[0].function.name"),
        ({"tools": [named("a\n")]}, "tools[0].function.name"),
        ({"tools": [NOW, NOW]}, "tools"),
        ({"tools": [named(f"f{i}") for i in range(129)]}, "tools"),
        ({"tools": [{**NOW, "x": 1}]}, "tools[0].x"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": [1]}}]},
            "tools[0].function.parameters",
        ),
        (
            {
                "tools": [
                    {"type": "function", "function": {"name": "a", "parameters": {"type": "array"}}}
                ]
            },
            "tools",
        ),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": named("nosuch")}, "tool_choice"),
        ({"tool_choice": {"type": "custom", "custom": {"name": "x"}}}, "tool_choice.type"),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "auto", "tools": [named("nosuch")]},
                }
            },
            "tool_choice",
        ),
        ({"tools": [], "tool_choice": named("now")}, "tool_choice"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"functions": [NOW["function"]]}, "functions"),
        ({"tools": [], "function_call": {"name": "now"}}, "function_call"),
        ({"structured_outputs": {"regex": "a"}}, "structured_outputs"),
        ({"messages": [CALLED, {"role": "tool", "content": "x"}]}, "messages[1]"),
        (
            {"messages": [CALLED, {"role": "tool", "content": "x", "tool_call_id": "b"}]},
            "messages[1].tool_call_id",
        ),
        ({"messages": [{"role": "function", "content": "x", "name": "f"}]}, "messages[0]"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages[0]"),
        ({"messages": [{**CALLED, "role": "user", "content": "a"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": "a", "tool_call_id": "x"}]}, "messages[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content[0]",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "refusal": "a"}]}]},
            "messages[0].content[0]",
        ),
    ],
)
def test_bad_input(http: httpx.Client, change: dict[str, Any], param: str) -> None:
    assert refused(http.post("/v1/chat/completions", json=ASK | change))["param"] == param


def test_refusals_and_empty_extras_of_an_answer(client: openai.OpenAI, model: FakeModel) -> None:
    client.chat.completions.create(
        model="fake:1b",
        messages=[
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"role": "assistant", "content": None, "refusal": "Never.", "tool_calls": []},
            {"role": "user", "content": "b"},
        ],
    )
    sent = bytes(model.last.prompt).decode()
    assert sent == "<user>a<assistant>No.<assistant>Never.<user>b"
    assert json.dumps(sent)


def test_parameters_without_a_finite_value_are_refused(http: httpx.Client) -> None:
    endless = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}
    parameters = endless | {"$defs": {"a": endless}}
    function = {"name": "f", "parameters": parameters}
    chat = {"messages": [{"role": "user", "content": "Hi"}],
            "tools": [{"type": "function", "function": function}]}  # fmt: skip
    answer = {"input": "Hi", "tools": [{"type": "function", **function}]}
    for url, body in (("/v1/chat/completions", chat), ("/v1/responses", answer)):
        error = refused(http.post(url, json={"model": "fake:1b", **body}))
        assert error["param"] == "tools"
        assert "no finite text matches it" in error["message"]
