"""The chat endpoint as OpenAI's own client sees it."""

from __future__ import annotations

import asyncio

import httpx
import openai
import pytest

from fireside.errors import Overloaded

from .fakes import FakeModel
from .serving import wait_until

ASK = {"model": "fake:1b", "messages": [{"role": "user", "content": "Hi"}]}


def test_an_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**ASK)
    assert answer.choices[0].message.content == "Hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "fake:1b"
    assert answer.object == "chat.completion"
    usage = answer.usage
    assert usage.prompt_tokens == len("<user>Hi")
    assert usage.completion_tokens == 11
    assert usage.total_tokens == usage.prompt_tokens + 11
    assert usage.prompt_tokens_details.cached_tokens == 4


def test_streamed_is_whole(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks[:-1]) == "Hello there"
    assert [c.choices[0].finish_reason for c in chunks[:-1]][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 11
    assert all(c.usage is None for c in chunks[:-1])
    assert len({c.id for c in chunks}) == 1


def test_a_stream_ends_with_done(http: httpx.Client) -> None:
    answer = http.post("/v1/chat/completions", json=ASK | {"stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("data: [DONE]\n\n")
    assert '"usage"' not in answer.text


def test_choices_and_log_probabilities(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**ASK, n=2, logprobs=True, top_logprobs=2)
    assert [c.index for c in answer.choices] == [0, 1]
    first = answer.choices[1].logprobs.content[0]
    assert (first.token, first.bytes, first.logprob) == ("H", [72], -0.25)
    assert first.top_logprobs[1].logprob == -9999.0
    assert len(answer.choices[0].logprobs.content) == 11


def test_streamed_log_probabilities(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(**ASK, n=2, logprobs=True, stream=True)
    tokens: dict[int, str] = {0: "", 1: ""}
    for chunk in chunks:
        for choice in chunk.choices:
            if choice.logprobs:
                tokens[choice.index] += "".join(t.token for t in choice.logprobs.content)
    assert tokens == {0: "Hello there", 1: "Hello there"}


def test_parameters_reach_the_engine(client: openai.OpenAI, model: FakeModel) -> None:
    client.chat.completions.create(
        **ASK,
        max_completion_tokens=3,
        temperature=0.5,
        top_p=0,
        stop=["x", "y"],
        seed=-7,
        presence_penalty=1,
        frequency_penalty=-1,
        logit_bias={"65": 5},
        extra_body={
            "top_k": 4,
            "min_p": 0.1,
            "typical_p": 0.9,
            "repetition_penalty": 1.1,
            "repeat_last_n": 64,
            "dry_multiplier": 0.8,
            "dry_base": 2,
            "dry_allowed_length": 3,
            "dry_penalty_last_n": 512,
            "dry_sequence_breakers": ["\n"],
            "min_tokens": 2,
            "ignore_eos": True,
            "stop_token_ids": [9],
        },
    )
    params = model.last.params
    assert (params.max_tokens, params.temperature, params.stop) == (3, 0.5, ("x", "y"))
    assert 0 < params.top_p < 1e-3
    assert (params.seed, params.presence_penalty, params.frequency_penalty) == (-7, 1, -1)
    assert params.logit_bias == {65: 5}
    assert (params.top_k, params.min_p, params.typical_p) == (4, 0.1, 0.9)
    assert (params.repetition_penalty, params.min_tokens, params.ignore_eos) == (1.1, 2, True)
    assert params.stop_ids == {9}
    assert (params.repeat_last_n, params.dry_penalty_last_n) == (64, 512)
    assert (params.dry_multiplier, params.dry_base, params.dry_allowed_length) == (0.8, 2, 3)
    assert params.dry_sequence_breakers == ("\n",)


def test_the_defaults_are_openais(client: openai.OpenAI, model: FakeModel) -> None:
    client.chat.completions.create(**ASK)
    params = model.last.params
    assert (params.temperature, params.top_p, params.max_tokens) == (1.0, 1.0, None)


@pytest.mark.parametrize(
    ("shape", "kind", "value"),
    [
        ({"response_format": {"type": "json_object"}}, "json_schema", {"type": "object"}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": {"type": "array"}, "strict": True},
                }
            },
            "json_schema",
            {"type": "array"},
        ),
        ({"structured_outputs": {"regex": "a+"}}, "regex", "a+"),
        ({"structured_outputs": {"choice": ["a", "b"]}}, "choice", ("a", "b")),
        ({"structured_outputs": {"grammar": "start: /a/"}}, "lark", "start: /a/"),
        ({"structured_outputs": {"json": {"type": "null"}}}, "json_schema", {"type": "null"}),
    ],
)
def test_structured_output(
    http: httpx.Client, model: FakeModel, shape: dict[str, object], kind: str, value: object
) -> None:
    assert http.post("/v1/chat/completions", json=ASK | shape).status_code == 200
    constraint = model.last.params.constraint
    assert (constraint.kind, constraint.value) == (kind, value)


def test_messages_of_every_kind(client: openai.OpenAI, model: FakeModel) -> None:
    answer = client.chat.completions.create(**ASK).choices[0].message
    client.chat.completions.create(
        model="fake:1b",
        messages=[
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "a"}]},
            answer.model_dump(),
            {
                "role": "user",
                "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}],
            },
        ],
    )
    sent = bytes(model.last.prompt).decode()
    assert sent == "<system>Be kind.<user>a<assistant>Hello there<user>b\nc"


@pytest.mark.parametrize("stream", [True, False])
def test_leaving_cancels(address: str, model: FakeModel, stream: bool) -> None:
    model.holds("xxx")

    async def ask_and_leave() -> None:
        async with httpx.AsyncClient(base_url=address, timeout=300) as leaving:
            ask = leaving.post("/v1/chat/completions", json=ASK | {"stream": stream})
            asked = asyncio.create_task(ask)
            assert await asyncio.to_thread(wait_until, lambda: bool(model.submitted))
            asked.cancel()

    asyncio.run(ask_and_leave())
    assert wait_until(model.last.cancelled.is_set)


def test_a_full_queue_is_a_429(client: openai.OpenAI, model: FakeModel) -> None:
    model.refuses = Overloaded("The queue is full; ask again in 3 s.", retry_after=2.5)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**ASK)
    assert caught.value.response.headers["retry-after"] == "3"


def test_a_failure_halfway_is_an_error_event(client: openai.OpenAI, model: FakeModel) -> None:
    model.fails_at = 3
    stream = client.chat.completions.create(**ASK, stream=True)
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert "secret" not in str(caught.value)


def test_a_failure_is_a_500_without_its_secret(client: openai.OpenAI, model: FakeModel) -> None:
    model.fails_at = 3
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(**ASK)
    assert "secret" not in str(caught.value)
    assert caught.value.type == "server_error"
    assert caught.value.request_id.startswith("req_")


@pytest.mark.parametrize("stream", [True, False])
def test_a_bad_pattern_is_a_400(client: openai.OpenAI, stream: bool) -> None:
    pattern = {"structured_outputs": {"regex": "("}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**ASK, stream=stream, extra_body=pattern)
    assert (caught.value.code, caught.value.param) == ("invalid_schema", "structured_outputs")
