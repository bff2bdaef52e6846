"""OpenAI's names lead to the default model, the answer says which one that is; others are 404s."""

from __future__ import annotations

import typing
from pathlib import Path

import httpx
import openai
import pytest
from openai.types.shared import ChatModel

from fireside.hub.aliases import COMPLETION, Aliases, is_openais
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import running
from .test_bad_input import refused

HI = [{"role": "user", "content": "Hi"}]
NOT_TEXT = ("audio", "search")


@pytest.mark.parametrize(
    "name",
    ["gpt-4o", "gpt-3.5-turbo", "gpt-4-0613", "gpt-4-1106-preview", "o3", "gpt-5", "mine", "a/b"],
)
def test_chats_by_other_names(client: openai.OpenAI, name: str) -> None:
    assert client.chat.completions.create(model=name, messages=HI).model == "fake:1b"
    chunks = client.chat.completions.create(model=name, messages=HI, stream=True)
    assert {chunk.model for chunk in chunks} == {"fake:1b"}
    assert client.models.retrieve(name).id == "fake:1b"


@pytest.mark.parametrize("name", ["text-davinci-002", "davinci", "gpt-3.5-turbo-instruct"])
def test_completions_by_other_names(client: openai.OpenAI, name: str) -> None:
    assert client.completions.create(model=name, prompt="Hi").model == "fake:1b"


def test_the_list_holds_what_really_answers(client: openai.OpenAI) -> None:
    ids = [each.id for each in client.models.list()]
    assert "fake:1b" in ids
    assert not {"gpt-4o", "mine"} & set(ids)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gpt-4oo", "gpt-4o"),
        ("fake:1", "fake:1b"),
        ("smollm2:135", "smollm2:135m"),
        ("minee", "mine"),
        ("text-davinci-00", "text-davinci-002"),
    ],
)
def test_another_name_is_a_404_with_those_that_come_near(
    http: httpx.Client, name: str, near: str
) -> None:
    ask = {"model": name, "messages": HI}
    for answer in (
        http.post("/v1/chat/completions", json=ask),
        http.post("/v1/completions", json={"model": name, "prompt": "Hi"}),
        http.get(f"/v1/models/{name}"),
        http.get(f"/v1/engines/{name}"),
        http.post(f"/v1/engines/{name}/completions", json={"prompt": "Hi"}),
    ):
        error = refused(answer, 404)
        assert (error["code"], error["param"]) == ("model_not_found", "model")
        assert near in error["message"]


@pytest.mark.parametrize(
    "name", ["gpt-4o-audio-preview", "gpt-4o-search-preview", "dall-e-3", "whisper-1", "../x", "\0"]
)
def test_names_of_what_we_cannot_do_lead_nowhere(http: httpx.Client, name: str) -> None:
    refused(http.post("/v1/chat/completions", json={"model": name, "messages": HI}), 404)


def test_every_text_model_of_the_sdk_is_known() -> None:
    names = [
        name for name in typing.get_args(ChatModel) if not any(word in name for word in NOT_TEXT)
    ]
    assert [name for name in names if not is_openais(name)] == []
    assert all(map(is_openais, COMPLETION.split()))
    assert not is_openais("gpt-4o-")
    assert not is_openais("gpt-4o-mini-tts-2025-03-20")


def test_an_alias_of_the_settings_counts_for_more() -> None:
    aliases = Aliases("default", {"gpt-4": "mine", "default": "x"})
    assert aliases.meant("gpt-4") == "mine"
    assert aliases.meant("gpt-4o") == "default"  # and no further
    assert aliases.meant("other") == "other"
    assert Aliases(None, {}).meant("gpt-4o") == "gpt-4o"
    assert Aliases(None, {"a": "b"}).names == ["a"]


def test_switched_off(store: Store, tmp_path: Path) -> None:
    models = FakeModels(FakeModel())
    models.aliases = Aliases(None, {})
    settings = Settings(model="fake:1b", home=tmp_path, openai_names=False)
    with (
        running(create_app(models, store, settings)) as url,
        httpx.Client(base_url=url, timeout=300) as http,
    ):
        for name in ("gpt-4o", "mine"):
            refused(http.post("/v1/chat/completions", json={"model": name, "messages": HI}), 404)
        embeddings = {"model": "text-embedding-3-small", "input": "a"}
        refused(http.post("/v1/embeddings", json=embeddings), 404)


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESIDE_ALIASES", '{"mine": "qwen3:1.7b"}')
    monkeypatch.setenv("FIRESIDE_OPENAI_NAMES", "false")
    settings = Settings()
    assert settings.aliases == {"mine": "qwen3:1.7b"}
    assert settings.openai_names is False
