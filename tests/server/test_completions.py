"""The completions endpoint as OpenAI's own client sees it."""

from __future__ import annotations

import httpx
import openai
import pytest

from fireside.server.logprobs import Columns

from .fakes import FakeModel, FakeTokenInfo

ASK = {"model": "fake:1b", "prompt": "Say"}


def test_a_completion(client: openai.OpenAI) -> None:
    answer = client.completions.create(**ASK)
    assert answer.choices[0].text == "Hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.object == "text_completion"
    assert answer.usage.prompt_tokens_details.cached_tokens == 1


def test_the_default_length_is_openais(client: openai.OpenAI, model: FakeModel) -> None:
    model.answer = "x" * 50
    answer = client.completions.create(**ASK)
    assert (len(answer.choices[0].text), answer.choices[0].finish_reason) == (16, "length")


@pytest.mark.parametrize("prompt", ["Say", ["Say"], [83, 97, 121], [[83, 97, 121]]])
def test_every_form_of_prompt(client: openai.OpenAI, model: FakeModel, prompt: object) -> None:
    client.completions.create(model="fake:1b", prompt=prompt)
    assert [list(each.prompt) for each in model.submitted] == [[83, 97, 121]]


def test_many_prompts_keep_their_order(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="fake:1b", prompt=["a", "b"], n=2, echo=True)
    assert [c.index for c in answer.choices] == [0, 1, 2, 3]
    assert [c.text[0] for c in answer.choices] == ["a", "a", "b", "b"]
    assert answer.usage.completion_tokens == 44


def test_streamed_is_whole(client: openai.OpenAI) -> None:
    texts = {0: "", 1: ""}
    chunks = list(
        client.completions.create(
            model="fake:1b",
            prompt=["a", "b"],
            echo=True,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    for chunk in chunks[:-1]:
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == {0: "aHello there", 1: "bHello there"}
    assert chunks[-1].usage.completion_tokens == 22


@pytest.mark.parametrize("stream", [True, False])
def test_log_probabilities_with_echo(client: openai.OpenAI, stream: bool) -> None:
    made = client.completions.create(**ASK, echo=True, logprobs=1, stream=stream)
    tokens: list[str] = []
    offsets: list[int] = []
    logprobs: list[float | None] = []
    for each in made if stream else [made]:
        for choice in each.choices:
            if choice.logprobs:
                tokens += choice.logprobs.tokens
                offsets += choice.logprobs.text_offset
                logprobs += choice.logprobs.token_logprobs
    assert "".join(tokens) == "SayHello there"
    assert offsets == list(range(14))
    assert logprobs == [None, -0.5, -0.5] + [-0.25] * 11


def test_scoring_a_prompt_alone(client: openai.OpenAI) -> None:
    answer = client.completions.create(**ASK, echo=True, logprobs=0, max_tokens=0)
    assert answer.choices[0].text == "Say"
    assert answer.choices[0].logprobs.tokens == ["S", "a", "y"]
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 0


def test_more_prompts_than_the_queue_holds(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="fake:1b", prompt=["a"] * 9)
    assert caught.value.param == "prompt"


def test_prompts_are_submitted_all_or_none(client: openai.OpenAI, model: FakeModel) -> None:
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model="fake:1b", prompt=["a", "b" * 2000])
    assert model.submitted == []


def test_one_failure_ends_the_others(client: openai.OpenAI, model: FakeModel) -> None:
    model.fails_at = 1
    with pytest.raises(openai.InternalServerError):
        client.completions.create(model="fake:1b", prompt=["a", "b"])
    assert all(each.cancelled.is_set() for each in model.submitted)


def test_a_byte_order_of_events(http: httpx.Client) -> None:
    answer = http.post("/v1/completions", json=ASK | {"stream": True})
    assert answer.text.startswith('data: {"id":"cmpl-')
    assert answer.text.endswith("data: [DONE]\n\n")


def test_top_logprobs_hold_the_token_that_was_drawn() -> None:
    """As OpenAI has it: up to one more than was asked for; the drawn one wins where two read
    alike."""
    likely = ((1, "a", b"a", -0.1), (2, "b", b"b", -0.2))
    drawn = FakeTokenInfo(9, "c", b"c", -3.0, likely)
    among = FakeTokenInfo(2, "b", b"b", -0.2, likely)
    alike = FakeTokenInfo(8, "a", b"a", -4.0, likely)
    first = FakeTokenInfo(9, "c", b"c", None)
    none = FakeTokenInfo(9, "c", b"c", -3.0)
    columns = Columns().of([drawn, among, alike, first, none])  # type: ignore[list-item]
    assert columns["top_logprobs"] == [
        {"a": -0.1, "b": -0.2, "c": -3.0},
        {"a": -0.1, "b": -0.2},
        {"a": -4.0, "b": -0.2},
        None,
        {"c": -3.0},
    ]
