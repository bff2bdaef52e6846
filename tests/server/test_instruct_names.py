"""A bare question under OpenAI's instruct names goes through the chat template; others stay raw."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from fireside.hub.aliases import COMPLETION, INSTRUCT, Aliases
from fireside.server.completions import PROMPT

from .fakes import FakeModel

ASK: dict[str, Any] = {"model": "text-davinci-002", "prompt": "Say", "max_tokens": 40}
NAMES = [*INSTRUCT.split(), "gpt-3.5-turbo-instruct-0914"]


def read(model: FakeModel) -> list[str]:
    return [bytes(each.prompt).decode() for each in model.submitted]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("url", ["/v1/completions", "/v1/engines/{name}/completions"])
def test_a_question_is_asked(http: httpx.Client, model: FakeModel, name: str, url: str) -> None:
    answer = http.post(url.format(name=name), json=ASK | {"model": name})
    assert answer.headers[PROMPT] == "chat-template"
    assert read(model) == ["<user>Say"]
    made = answer.json()
    assert made["choices"][0]["text"] == "Hello there"
    assert made["usage"]["prompt_tokens"] == len("<user>Say")


@pytest.mark.parametrize("name", ["fake:1b", "mine", "gpt-4o", "davinci", "davinci-002", "ada"])
def test_other_names_stay_raw(http: httpx.Client, model: FakeModel, name: str) -> None:
    answer = http.post("/v1/completions", json=ASK | {"model": name})
    assert PROMPT not in answer.headers
    assert read(model) == ["Say"]


@pytest.mark.parametrize(
    "more",
    [
        {"prompt": [83, 97, 121]},
        {"prompt": [[83, 97, 121]]},
        {"echo": True, "logprobs": 1},
        {"echo": True, "logprobs": 0, "max_tokens": 0},
    ],
    ids=str,
)
def test_ids_and_scored_texts_stay_raw(
    http: httpx.Client, model: FakeModel, more: dict[str, Any]
) -> None:
    answer = http.post("/v1/completions", json=ASK | more)
    assert answer.status_code == 200, answer.text
    assert PROMPT not in answer.headers
    assert read(model) == ["Say"]


def test_each_prompt_is_a_question_of_its_own(http: httpx.Client, model: FakeModel) -> None:
    made = http.post("/v1/completions", json=ASK | {"prompt": ["One", "Two"], "n": 2}).json()
    assert read(model) == ["<user>One", "<user>Two"]
    assert [each["index"] for each in made["choices"]] == [0, 1, 2, 3]


@pytest.mark.parametrize("stream", [False, True])
def test_echo_is_of_what_was_sent(client: openai.OpenAI, model: FakeModel, stream: bool) -> None:
    made: Any = client.completions.create(**ASK, echo=True, stop=["!"], stream=stream)
    choices = [each.choices[0] for each in made] if stream else made.choices
    assert "".join(each.text for each in choices) == "SayHello there"
    assert read(model) == ["<user>Say"]


def test_logprobs_are_of_the_answer(client: openai.OpenAI) -> None:
    made = client.completions.create(**ASK, logprobs=1, best_of=2)
    logprobs = made.choices[0].logprobs
    assert logprobs is not None
    assert "".join(logprobs.tokens or []) == "Hello there"
    assert (logprobs.text_offset or [])[0] == 0


def test_a_suffix_is_refused(http: httpx.Client) -> None:
    answer = http.post("/v1/completions", json=ASK | {"suffix": "x"})
    assert answer.json()["error"]["param"] == "suffix"


def test_a_model_without_a_template_stays_raw(
    http: httpx.Client, model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.tokenizer, "chat_template", None, raising=False)
    answer = http.post("/v1/completions", json=ASK)
    assert answer.status_code == 200
    assert PROMPT not in answer.headers
    assert read(model) == ["Say"]


def test_names() -> None:
    aliases = Aliases("default", {"text-davinci-003": "mine"})
    assert all(map(aliases.follows_instructions, NAMES))
    others = {*COMPLETION.split(), "gpt-4", "default", "nobody"} - set(INSTRUCT.split())
    assert not any(map(aliases.follows_instructions, others))
    assert not Aliases(None, {}).follows_instructions("text-davinci-002")
