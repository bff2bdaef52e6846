"""Stored chat completions: kept whole, listed, changed, deleted; another's are not there."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from fireside.messages import ToolCall
from fireside.storage import Store
from fireside.storage.objects import New
from fireside.tokenizer.call_section import calls_text
from fireside.tokenizer.call_syntax import OURS

from .fakes import FakeModel
from .test_bad_input import refused

ASK: dict[str, Any] = {"model": "fake:1b", "messages": [{"role": "user", "content": "Hi"}]}


def test_the_whole_circle(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        **ASK, store=True, metadata={"a": "circle", "b": "x"}, seed=5
    )
    kept = client.chat.completions.retrieve(made.id)
    assert kept.choices == made.choices
    assert kept.metadata == {"a": "circle", "b": "x"}
    assert kept.usage == made.usage
    messages = client.chat.completions.messages.list(made.id).data
    assert [(m.role, m.content) for m in messages] == [("user", "Hi")]
    changed = client.chat.completions.update(made.id, metadata={"a": "other"})
    assert changed.metadata == {"a": "other"}
    assert client.chat.completions.retrieve(made.id).metadata == {"a": "other"}
    gone = client.chat.completions.delete(made.id)
    assert (gone.deleted, gone.id, gone.object) == (True, made.id, "chat.completion.deleted")
    for again in (
        client.chat.completions.retrieve,
        client.chat.completions.delete,
        client.chat.completions.messages.list,
    ):
        with pytest.raises(openai.NotFoundError):
            again(made.id)


def test_what_is_not_stored_is_not_there(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(**ASK, metadata={"a": "b"})
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(made.id)


def test_lists_and_their_filters(client: openai.OpenAI) -> None:
    tag = {"test": "lists"}
    ids = [
        client.chat.completions.create(**ASK, store=True, metadata={**tag, "n": str(n)}).id
        for n in range(5)
    ]
    listed = client.chat.completions.list(metadata=tag, limit=2)
    assert [each.id for each in listed.data] == ids[:2]
    assert [each.id for each in listed] == ids  # pages by itself
    newest = client.chat.completions.list(metadata=tag, order="desc", limit=1).data
    assert [each.id for each in newest] == ids[-1:]
    one = client.chat.completions.list(metadata={**tag, "n": "3"}, model="fake:1b").data
    assert [each.id for each in one] == [ids[3]]
    assert not client.chat.completions.list(metadata=tag, model="other").data
    assert not client.chat.completions.list(metadata={"test": "list' OR 1=1 --"}).data
    assert not client.chat.completions.list(metadata={'a"b.c[0]': "x"}).data


@pytest.mark.parametrize("tools", [False, True])
def test_a_stream_is_kept_as_the_whole_would_be(
    client: openai.OpenAI, model: FakeModel, tools: bool
) -> None:
    ask = dict(ASK)
    if tools:
        ask["tools"] = [{"type": "function", "function": {"name": "now"}}]
        model.answer = "Hm. " + calls_text([ToolCall(id="", name="now", arguments="{}")] * 2, OURS)
    options = {"logprobs": True, "n": 2, "store": True}
    whole = client.chat.completions.create(**ask, **options)
    chunks = list(client.chat.completions.create(**ask, **options, stream=True))
    kept = client.chat.completions.retrieve(chunks[0].id)
    for ours, theirs in zip(kept.choices, whole.choices, strict=True):
        for choice in (ours, theirs):
            for call in choice.message.tool_calls or []:
                call.id = ""
        assert ours == theirs
    assert kept.object == "chat.completion"


def test_an_answer_that_failed_is_not_kept(http: httpx.Client, model: FakeModel) -> None:
    before = http.get("/v1/chat/completions?order=desc&limit=1").json()["first_id"]
    model.fails_at = 3
    http.post("/v1/chat/completions", json=ASK | {"store": True, "stream": True})
    http.post("/v1/chat/completions", json=ASK | {"store": True})
    assert http.get("/v1/chat/completions?order=desc&limit=1").json()["first_id"] == before


def test_messages_of_every_kind_come_back(client: openai.OpenAI) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "t"}]},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "r", "tool_call_id": "a"},
    ]
    made = client.chat.completions.create(model="fake:1b", messages=messages, store=True)
    page = client.chat.completions.messages.list(made.id, limit=3)
    assert [message.role for message in page.data] == ["system", "user", "assistant"]
    kept = list(page)
    assert [message.role for message in kept][-1] == "tool"
    assert len({message.id for message in kept}) == 4
    assert kept[2].tool_calls[0].function.name == "f"
    newest = client.chat.completions.messages.list(made.id, limit=1, order="desc")
    assert newest.data[0].role == "tool"


def test_anothers_are_not_there(http: httpx.Client, store: Store) -> None:
    store.objects.add_all(
        "chat_completion", [New(id="chatcmpl-of-another", body={"model": "x"})], owner="proj_x"
    )
    unknown = http.get("/v1/chat/completions/chatcmpl-none")
    other = http.get("/v1/chat/completions/chatcmpl-of-another")
    assert other.status_code == unknown.status_code == 404
    assert other.json()["error"]["code"] == unknown.json()["error"]["code"]
    message = unknown.json()["error"]["message"].replace("none", "of-another")
    assert other.json()["error"]["message"] == message
    ids = [each["id"] for each in http.get("/v1/chat/completions?limit=100").json()["data"]]
    assert "chatcmpl-of-another" not in ids
    for method in ("DELETE", "POST"):
        answer = http.request(
            method, "/v1/chat/completions/chatcmpl-of-another", json={"metadata": {}}
        )
        assert answer.status_code == 404
    assert http.get("/v1/chat/completions?after=chatcmpl-of-another").status_code == 404


@pytest.mark.parametrize(
    "name", ["../x", "%2e%2e%2fx", "a%00b", "x" * 10_000, "%F0%9F%94%A5", "'; DROP TABLE objects"]
)
def test_ids_of_every_kind_are_unknown(http: httpx.Client, name: str) -> None:
    for url in (f"/v1/chat/completions/{name}", f"/v1/chat/completions/{name}/messages"):
        assert http.get(url).status_code == 404


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=a", "limit"),
        ("order=up", "order"),
        ("metadata=a", "metadata"),
        ("metadata[]=a", "metadata"),
    ],
)
def test_bad_queries(http: httpx.Client, query: str, param: str) -> None:
    assert refused(http.get(f"/v1/chat/completions?{query}"))["param"] == param


@pytest.mark.parametrize(
    ("update", "param"),
    [
        ({}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"a" * 65: "x"}}, "metadata." + "a" * 65),
        ({"metadata": {str(i): "x" for i in range(17)}}, "metadata"),
        ({"metadata": {}, "model": "x"}, "model"),
    ],
)
def test_bad_updates(http: httpx.Client, update: dict[str, Any], param: str) -> None:
    answer = http.post("/v1/chat/completions/chatcmpl-x", json=update)
    assert refused(answer)["param"].startswith(param)
