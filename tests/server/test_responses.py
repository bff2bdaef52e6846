"""`POST /v1/responses` by the stock client: what goes in, what the model reads, what comes out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import Response
from pydantic import BaseModel

from .fakes import FakeModel


def asked(model: FakeModel) -> str:
    """What the model was given to read."""
    return bytes(model.last.prompt).decode()


def create(client: openai.OpenAI, **more: Any) -> Response:
    return client.responses.create(**{"model": "fake:1b", "input": "Hi", **more})


def test_text(client: openai.OpenAI, model: FakeModel) -> None:
    made = create(client, instructions="Be kind.", metadata={"a": "b"}, user="u", temperature=0.5)
    assert asked(model) == "<system>Be kind.<user>Hi"
    assert made.output_text == "Hello there"
    assert (made.status, made.object, made.model) == ("completed", "response", "fake:1b")
    assert made.output[0].type == "message"
    assert made.output[0].status == "completed"
    assert made.metadata == {"a": "b"}
    assert made.completed_at is not None
    assert made.usage is not None
    assert made.usage.input_tokens == len(model.last.prompt)
    assert made.usage.input_tokens_details.cached_tokens == len(model.last.prompt) // 2
    assert made.usage.output_tokens == len("Hello there")
    assert made.usage.output_tokens_details.reasoning_tokens == 0
    assert model.last.params.temperature == 0.5


def test_the_object_has_every_field_that_openai_requires(http: httpx.Client) -> None:
    raw = http.post("/v1/responses", json={"model": "fake:1b", "input": "Hi"}).json()
    Response.model_validate(raw)  # strict about what is required
    assert raw["id"].startswith("resp_")
    assert raw["output"][0]["id"].startswith("msg_")
    assert raw["tools"] == []
    assert raw["tool_choice"] == "auto"
    assert raw["text"]["format"] == {"type": "text"}
    assert raw["store"] is True


def test_items_of_every_kind(client: openai.OpenAI, model: FakeModel) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x": 1}'}
    create(
        client,
        input=[
            {"role": "developer", "content": "Short."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Ho"},
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "a"},
                    {"type": "input_text", "text": "b"},
                ],
            },
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "c", "annotations": []}],
            },
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "?"}]},
            {"type": "file_search_call", "id": "fs_1", "queries": ["q"], "status": "completed"},
            call,
            {"type": "function_call_output", "call_id": "c1", "output": "42"},
        ],
    )
    assert asked(model).startswith("<system>Short.<user>Hi<assistant>Ho<user>a\nb<assistant>c")
    assert '"f"' in asked(model)
    assert "42" in asked(model).rpartition("<user>")[2]
    assert "?" not in asked(model)


def test_an_answer_of_ours_can_be_sent_back(client: openai.OpenAI, model: FakeModel) -> None:
    first = create(client)
    items = [
        {"role": "user", "content": "Hi"},
        *(item.model_dump() for item in first.output),
        {"role": "user", "content": "More"},
    ]
    create(client, input=items)
    assert asked(model) == "<user>Hi<assistant>Hello there<user>More"


def test_cut_short(client: openai.OpenAI) -> None:
    made = create(client, max_output_tokens=5)
    assert made.status == "incomplete"
    assert made.incomplete_details is not None
    assert made.incomplete_details.reason == "max_output_tokens"
    assert made.output_text == "Hello"
    assert made.output[0].status == "incomplete"
    assert made.completed_at is None


def test_logprobs_only_where_asked(client: openai.OpenAI) -> None:
    plain = create(client).output[0].content[0]
    assert plain.logprobs == []
    asked_for = create(client, include=["message.output_text.logprobs"], top_logprobs=2)
    part = asked_for.output[0].content[0]
    assert "".join(each.token for each in part.logprobs) == part.text
    assert len(part.logprobs[0].top_logprobs) == 2


def test_text_format(client: openai.OpenAI, model: FakeModel) -> None:
    class Place(BaseModel):
        name: str

    model.answer = '{"name": "Oslo"}'
    parsed = client.responses.parse(model="fake:1b", input="Where?", text_format=Place)
    assert parsed.output_parsed == Place(name="Oslo")
    constraint = model.last.params.constraint
    assert constraint is not None
    assert constraint.kind == "json_schema"
    create(client, text={"format": {"type": "json_object"}})
    assert model.last.params.constraint is not None


TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": True,
}
CALLS = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'


def test_a_function_call_and_its_output(client: openai.OpenAI, model: FakeModel) -> None:
    model.answer = CALLS
    made = create(client, tools=[TOOL], tool_choice="required")
    call = made.output[0]
    assert call.type == "function_call"
    assert (call.name, call.arguments, call.status) == ("weather", '{"city": "Oslo"}', "completed")
    assert made.tools[0].name == "weather"
    assert made.tool_choice == "required"
    model.answer = "Cold."
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "-5"}
    after = create(client, input=[output], previous_response_id=made.id, tools=[TOOL])
    assert after.output_text == "Cold."
    assert '"city": "Oslo"' in asked(model)
    assert "-5" in asked(model)


def test_a_call_cut_short_is_not_called_done(client: openai.OpenAI, model: FakeModel) -> None:
    model.answer = CALLS
    made = create(client, tools=[TOOL], max_output_tokens=len(CALLS) - 30)
    assert made.status == "incomplete"
    assert made.output[0].status == "incomplete"


def test_text_and_a_call(client: openai.OpenAI, model: FakeModel) -> None:
    model.answer = "I look." + CALLS
    made = create(client, tools=[TOOL])
    assert [item.type for item in made.output] == ["message", "function_call"]
    assert made.output_text == "I look."


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": ["x"]}, "input[0].type"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type"),
        ({"input": [{"type": "nothing"}]}, "input[0].type"),
        ({"input": [{"type": {}}]}, "input[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]},
            "input[0].content[0].type",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}]},
            "input[0].content[0].type",
        ),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input"),
        (
            {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]},
            "input",
        ),
        ({"input": [{"role": "user", "content": "x", "id": "../x"}]}, "input[0].id"),
        ({"input": [{"type": "compaction", "encrypted_content": "gAAAA"}]}, "input"),
        ({"include": ["nothing"]}, "include"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [TOOL, TOOL]}, "tools"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "other"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        ({"tools": [{"type": "file_search", "vector_store_ids": []}]}, "tools[0].vector_store_ids"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"text": {"wings": "high"}}, "text.wings"),
        ({"reasoning": {"wings": "high"}}, "reasoning.wings"),
        ({"temperature": 3}, "temperature"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": 2**63}, "max_output_tokens"),
        ({"metadata": {"a" * 65: "x"}}, None),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"background": True, "store": False}, "background"),
        ({"truncation": "middle"}, "truncation"),
        ({"service_tiers": "flex"}, "service_tiers"),
        ({"nothing": 1}, "nothing"),
    ],
)
def test_bad_requests(http: httpx.Client, more: dict[str, Any], param: str | None) -> None:
    answer = http.post("/v1/responses", json={"model": "fake:1b", "input": "Hi", **more})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    if param is not None:
        assert error["param"] == param, error
    assert error["type"] == "invalid_request_error"


def test_disabled_truncation_refuses(http: httpx.Client) -> None:
    answer = http.post("/v1/responses", json={"model": "fake:1b", "input": "x" * 1200})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "context_length_exceeded"
    assert answer.json()["error"]["param"] == "input"


def test_auto_truncation_drops_the_oldest_and_says_so(
    client: openai.OpenAI, model: FakeModel
) -> None:
    items = [{"role": "user", "content": f"{n:03}" * 30} for n in range(20)]
    made = create(client, input=items, truncation="auto", max_output_tokens=100)
    told: Any = made.model_extra
    dropped = told["fireside"]["dropped_items"]
    assert dropped > 0
    assert asked(model) == "".join(f"<user>{n:03}" + f"{n:03}" * 29 for n in range(dropped, 20))
    room = model.context - 100
    one = len(f"<user>{'000' * 30}")
    assert room * 3 / 4 - one < len(asked(model)) <= room
    kept = client.responses.input_items.list(made.id, order="asc", limit=100).data
    assert kept[dropped].id == told["fireside"]["kept_from"]
    assert "fireside" not in (create(client, truncation="auto").model_extra or {})


def test_auto_truncation_goes_in_steps(client: openai.OpenAI, model: FakeModel) -> None:
    """A client that sends all of its history finds most of each prompt in the cache."""
    items: list[Any] = []
    prompts, kept = [], []
    for n in range(40):
        items.append({"role": "user", "content": f"{n:03}" * 8})
        made: Any = create(client, input=items, truncation="auto", max_output_tokens=100)
        items.append({"role": "assistant", "content": "so"})
        prompts.append(asked(model))
        told = (made.model_extra or {}).get("fireside", {"dropped_items": 0})
        kept.append(told["dropped_items"])
    assert kept == sorted(kept)
    assert kept[-1] > 40
    assert len(set(kept)) <= 8
    grown = sum(after.startswith(before) for before, after in pairwise(prompts))
    assert grown >= 32


def test_truncation_never_parts_a_call_from_its_output(
    client: openai.OpenAI, model: FakeModel
) -> None:
    pair = [
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"role": "user", "content": "y" * 300},
        {"type": "function_call_output", "call_id": "c", "output": "z" * 300},
    ]
    items = [*pair, {"role": "user", "content": "w" * 300}]
    create(client, input=items, truncation="auto", max_output_tokens=50)
    assert asked(model) == "<user>" + "w" * 300


def test_auto_truncation_cannot_help_one_item_that_is_too_long(http: httpx.Client) -> None:
    long = {"model": "fake:1b", "input": "x" * 1200, "truncation": "auto"}
    assert http.post("/v1/responses", json=long).json()["error"]["code"] == (
        "context_length_exceeded"
    )


def test_counting(client: openai.OpenAI, model: FakeModel) -> None:
    create(client, instructions="Be kind.")
    counted = client.responses.input_tokens.count(
        model="fake:1b", input="Hi", instructions="Be kind."
    )
    assert counted.object == "response.input_tokens"
    assert counted.input_tokens == len(model.last.prompt)
    first = create(client)
    more = client.responses.input_tokens.count(input="Hi", previous_response_id=first.id)
    create(client, previous_response_id=first.id)
    assert more.input_tokens == len(model.last.prompt)


def test_penalties_reach_the_engine_and_the_object(client: openai.OpenAI, model: FakeModel) -> None:
    made = create(client, extra_body={"presence_penalty": 0.5, "frequency_penalty": -1})
    shown = made.to_dict()
    assert (shown["presence_penalty"], shown["frequency_penalty"]) == (0.5, -1)
    assert model.last.params.presence_penalty == 0.5
    assert model.last.params.frequency_penalty == -1
    plain = create(client).to_dict()
    assert (plain["presence_penalty"], plain["frequency_penalty"]) == (0, 0)


def test_a_place_deep_inside_is_said_once(http: httpx.Client) -> None:
    parts = [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "x"}]
    answer = http.post(
        "/v1/responses", json={"model": "fake:1b", "input": [{"role": "user", "content": parts}]}
    )
    message = answer.json()["error"]["message"]
    assert message.startswith("input[0].content[1].type: Content of type 'input_image' is not")
