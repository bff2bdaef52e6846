"""`POST /v1/responses/compact`: shorter, honest about it, and readable by this server alone."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.packed_summary import FOREWORD, MARK, opened, sealed
from fireside.errors import BadRequest

from .fakes import FakeModel
from .test_responses import asked, create


@given(st.text())
def test_what_is_sealed_can_be_opened(summary: str) -> None:
    assert opened(sealed(summary)) == FOREWORD + summary


@given(st.text() | st.text().map(MARK.__add__))
def test_anything_else_is_refused(content: str) -> None:
    with pytest.raises(BadRequest):
        opened(content)


def test_a_bomb_is_refused() -> None:
    with pytest.raises(BadRequest):
        opened(sealed("x" * (8 * 2**20)))


def items(count: int, size: int = 100) -> list[Any]:
    return [{"role": "user", "content": f"{n:03}" + "x" * size} for n in range(count)]


def test_the_old_is_summed_up_and_the_new_stays(
    client: openai.OpenAI, http: httpx.Client, model: FakeModel
) -> None:
    model.answer = "They counted."
    made = client.responses.compact(model="fake:1b", input=items(6))
    assert made.object == "response.compaction"
    told: Any = made.model_extra
    assert told["fireside"] == {"kept_items": 2, "summarised_items": 4}
    assert [item.type for item in made.output] == ["compaction", "message", "message"]
    assert made.usage.output_tokens == len("They counted.") * len(model.submitted)
    read = "".join(bytes(each.prompt).decode() for each in model.submitted)
    assert all(f"{n:03}" in read for n in range(4))  # nothing is left out unread
    asked_for = {"model": "fake:1b", "input": items(6)}
    back: Any = http.post("/v1/responses/compact", json=asked_for).json()["output"]
    create(client, input=[*back, {"role": "user", "content": "Go on."}])
    assert asked(model).startswith(f"<system>{FOREWORD}They counted.<user>004")
    assert asked(model).endswith("<user>Go on.")


def test_what_is_short_stays_as_it_is(
    client: openai.OpenAI, http: httpx.Client, model: FakeModel
) -> None:
    first = create(client)
    model.submitted.clear()
    asking = {"model": "fake:1b", "previous_response_id": first.id}
    output = http.post("/v1/responses/compact", json=asking).json()["output"]
    made = client.responses.compact(model="fake:1b", previous_response_id=first.id)
    assert [item.type for item in made.output] == ["compaction", "message", "message"]
    assert made.usage.total_tokens == 0
    assert model.submitted == []
    again = client.responses.compact(model="fake:1b", input=output)
    assert [item.type for item in again.output] == ["compaction", "message", "message"]
    create(client, input=[*output, {"role": "user", "content": "Go on."}])
    assert asked(model) == "<user>Hi<assistant>Hello there<user>Go on."


@pytest.mark.parametrize(
    ("more", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": "x" * 20_000}, 400, "input"),
        ({"input": "Hi", "instructions": "x" * 2_000}, 200, None),  # nothing to sum up
        ({"input": items(6), "instructions": "x" * 2_000}, 400, "instructions"),
        ({"input": "Hi", "previous_response_id": "resp_none"}, 404, "previous_response_id"),
        ({"input": "Hi", "service_tier": "flex"}, 200, None),
        ({"input": "Hi", "nothing": 1}, 400, "nothing"),
    ],
)
def test_refusals(http: httpx.Client, more: dict[str, Any], status: int, param: str | None) -> None:
    answer = http.post("/v1/responses/compact", json={"model": "fake:1b", **more})
    assert answer.status_code == status, answer.text
    if param is not None:
        assert answer.json()["error"]["param"] == param
