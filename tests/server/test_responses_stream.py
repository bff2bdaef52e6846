"""The events of a response: OpenAI's order, numbers without a gap, and their sum is the answer."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from fireside.errors import Unavailable
from fireside.server.responses.state import State

from .fakes import FakeModel
from .serving import wait_until
from .test_responses import CALLS, TOOL

TEXT = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


def streamed(client: openai.OpenAI, **more: Any) -> list[Any]:
    return list(client.responses.create(**{"model": "fake:1b", "input": "Hi", **more}, stream=True))


def order(events: list[Any]) -> list[str]:
    """Kinds of events, neighbours of one kind once."""
    kinds = [event.type for event in events]
    return [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]


def summed(events: list[Any]) -> list[dict[str, Any]]:
    """The output that adding up the deltas gives, in whichever order the kinds come."""
    output: list[dict[str, Any]] = []
    for event in events:
        match event.type:
            case "response.output_item.added":
                assert event.output_index == len(output)
                output.append(event.item.to_dict())
            case "response.content_part.added":
                output[event.output_index]["content"].append(event.part.to_dict())
            case "response.output_text.delta":
                part = output[event.output_index]["content"][event.content_index]
                part["text"] += event.delta
                part["logprobs"] += [each.to_dict() for each in event.logprobs]
            case "response.function_call_arguments.delta":
                output[event.output_index]["arguments"] += event.delta
            case "response.output_item.done":
                output[event.output_index]["status"] = event.item.status
    return output


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 1},
        {"max_output_tokens": 3},
        {"tools": [TOOL], "answer": CALLS},
        {"tools": [TOOL], "answer": f"I look.{CALLS}"},
        {"tools": [TOOL], "answer": CALLS, "max_output_tokens": len(CALLS) - 30},
        {"answer": ""},
    ],
)
def test_the_sum_of_the_events_is_the_response(
    client: openai.OpenAI, model: FakeModel, more: dict[str, Any]
) -> None:
    model.answer = more.get("answer", model.answer)
    events = streamed(client, **{k: v for k, v in more.items() if k != "answer"})
    assert [event.sequence_number for event in events] == list(range(len(events)))
    final = events[-1].response
    assert final.status in ("completed", "incomplete")
    assert summed(events) == [item.to_dict() for item in final.output]
    kept = client.responses.retrieve(final.id, include=["message.output_text.logprobs"])
    assert kept.to_dict() == final.to_dict()


def test_order(client: openai.OpenAI, model: FakeModel) -> None:
    assert order(streamed(client)) == TEXT
    assert order(streamed(client, max_output_tokens=3))[-1] == "response.incomplete"
    model.answer = CALLS
    assert order(streamed(client, tools=[TOOL])) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]


def test_frames(http: httpx.Client) -> None:
    asked = {"model": "fake:1b", "input": "Hi", "stream": True}
    answer = http.post("/v1/responses", json=asked)
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = answer.text.strip().split("\n\n")
    assert frames[0].startswith("event: response.created\ndata: {")
    assert "[DONE]" not in answer.text


def test_the_sdk_helper(client: openai.OpenAI, model: FakeModel) -> None:
    class Place(BaseModel):
        name: str

    model.answer = '{"name": "Oslo"}'
    with client.responses.stream(model="fake:1b", input="Where?", text_format=Place) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_parsed == Place(name="Oslo")
    model.answer = CALLS
    with client.responses.stream(model="fake:1b", input="?", tools=[TOOL]) as stream:
        deltas = [e.delta for e in stream if e.type == "response.function_call_arguments.delta"]
        assert "".join(deltas) == '{"city": "Oslo"}'


def test_a_failure_halfway(client: openai.OpenAI, model: FakeModel) -> None:
    model.fails_at = 3
    events = streamed(client)
    assert [event.type for event in events[-2:]] == ["error", "response.failed"]
    assert "secret" not in str(events)
    failed = events[-1].response
    assert (failed.status, failed.error.code) == ("failed", "server_error")
    assert failed.output[0].status == "incomplete"
    assert client.responses.retrieve(failed.id).status == "failed"


def test_a_failure_of_a_plain_answer_is_a_status(client: openai.OpenAI, model: FakeModel) -> None:
    model.fails_at = 3
    with pytest.raises(openai.InternalServerError):
        client.responses.create(model="fake:1b", input="Hi")


def test_what_is_refused_before_the_first_event_is_a_status(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        streamed(client, previous_response_id="resp_none")


def test_leaving_ends_the_work(http: httpx.Client, model: FakeModel) -> None:
    model.holds("Hel")
    asked = {"model": "fake:1b", "input": "Hi", "stream": True}
    with http.stream("POST", "/v1/responses", json=asked) as answer:
        next(answer.iter_lines())
        assert wait_until(lambda: bool(model.submitted))
    assert wait_until(lambda: model.last.cancelled.is_set())


def test_a_disk_that_fails_is_told(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called done that is not kept; and the next one works again."""

    def fails(*_: object, **__: object) -> None:
        raise Unavailable("The database cannot be written: the disk is full.")

    talk = client.conversations.create()
    with monkeypatch.context() as patch:
        patch.setattr(State, "keep", fails)
        events = streamed(client, conversation=talk.id)
        assert [event.type for event in events[-2:]] == ["error", "response.failed"]
        assert "disk is full" in events[-1].response.error.message
        with pytest.raises(openai.InternalServerError):
            client.responses.create(model="fake:1b", input="Hi", conversation=talk.id)
    assert client.conversations.items.list(talk.id).data == []
    assert streamed(client, conversation=talk.id)[-1].type == "response.completed"
