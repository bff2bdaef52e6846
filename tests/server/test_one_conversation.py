"""One conversation for the SDK, the page and the terminal."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import httpx
import openai

from fireside.assistant import Chat
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import wait_until
from .test_responses import asked, create


def texts(client: openai.OpenAI, conversation_id: str) -> list[str]:
    items = client.conversations.items.list(conversation_id, order="asc")
    return [item.content[0].text for item in items]


def shown(http: httpx.Client, conversation_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get(f"/api/conversations/{conversation_id}").json()[
        "messages"
    ]
    return found


def test_begun_in_the_sdk_continued_in_the_terminal_branched_in_the_page_and_exported(
    client: openai.OpenAI,
    http: httpx.Client,
    store: Store,
    models: FakeModels,
    model: FakeModel,
) -> None:
    talk = client.conversations.create(
        metadata={"topic": "tea"}, items=[{"role": "system", "content": "Be kind."}]
    ).id
    create(client, conversation=talk, input="How hot is green tea?")

    terminal = Chat(models, store)  # type: ignore[arg-type]
    for _ in terminal.turn(talk, "And black tea?"):
        pass
    assert asked(model) == (
        "<system>Be kind.<user>How hot is green tea?<assistant>Hello there<user>And black tea?"
    )

    page = shown(http, talk)
    assert [(each["role"], each["content"]) for each in page] == [
        ("user", "How hot is green tea?"),
        ("assistant", "Hello there"),
        ("user", "And black tea?"),
        ("assistant", "Hello there"),
    ]
    assert http.get(f"/api/conversations/{talk}").json()["earlier"] == 0
    listed = http.get("/api/conversations").json()["data"]
    assert {"id": talk, "title": "How hot is green tea?", "model": "fake:1b"}.items() <= next(
        each for each in listed if each["id"] == talk
    ).items()
    edited = http.post(f"/api/messages/{page[2]['id']}/edit", json={"content": "And white tea?"})
    assert edited.status_code == 200
    assert len(shown(http, talk)[2]["siblings"]) == 2
    regenerated = http.post(f"/api/messages/{page[1]['id']}/regenerate", json={})
    assert regenerated.status_code == 200
    assert texts(client, talk) == ["Be kind.", "How hot is green tea?", "Hello there"]
    selected = http.post(f"/api/messages/{page[2]['id']}/select", json={})
    assert selected.status_code == 200

    create(client, conversation=talk, input="Thanks")
    assert asked(model).endswith("<user>And black tea?<assistant>Hello there<user>Thanks")
    assert texts(client, talk)[-4:] == ["And black tea?", "Hello there", "Thanks", "Hello there"]
    assert client.conversations.retrieve(talk).metadata == {"topic": "tea"}

    archive = zipfile.ZipFile(io.BytesIO(http.get("/v1/fireside/export").content))
    rows = [json.loads(line) for line in archive.read("messages.jsonl").splitlines()]
    said = [row["content"] for row in rows if row["conversation_id"] == talk]
    for text in ("Be kind.", "How hot is green tea?", "And white tea?", "And black tea?", "Thanks"):
        assert text in said
    client.conversations.delete(talk)
    assert http.get(f"/api/conversations/{talk}").status_code == 404


def test_begun_in_the_page_and_continued_in_the_sdk(
    client: openai.OpenAI, http: httpx.Client, model: FakeModel
) -> None:
    talk = http.post("/api/conversations", json={"system": "Rhyme."}).json()["id"]
    http.post(f"/api/conversations/{talk}/turns", json={"content": "Hi"})
    answer = create(client, conversation=talk, input="And?")
    assert asked(model) == "<system>Rhyme.<user>Hi<assistant>Hello there<user>And?"
    assert answer.instructions == "Rhyme."
    create(client, conversation=talk, input="Or?", instructions="Be brief.")
    assert asked(model).startswith("<system>Be brief.<user>Hi")
    first = client.conversations.items.list(talk, order="asc").data[0]
    assert client.conversations.items.retrieve(first.id, conversation_id=talk) == first
    create(client, input=[{"type": "item_reference", "id": first.id}])
    assert asked(model) == "<user>Hi"
    client.conversations.items.delete(first.id, conversation_id=talk)
    assert shown(http, talk)[0]["role"] == "assistant"
    assert client.conversations.update(talk, metadata={"a": "b"}).metadata == {"a": "b"}


def test_calls_of_a_client_are_not_shown_in_the_page_and_are_read_there(
    client: openai.OpenAI, http: httpx.Client, model: FakeModel
) -> None:
    items: Any = [
        {"role": "user", "content": "How far is it?"},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "9 km"},
        {"role": "assistant", "content": "9 km."},
    ]
    talk = client.conversations.create(items=items).id
    http.post(f"/api/conversations/{talk}/turns", json={"content": "And back?"})
    assert [each["content"] for each in shown(http, talk)] == [
        "How far is it?", "9 km.", "And back?", "Hello there",
    ]  # fmt: skip
    assert asked(model) == (
        '<user>How far is it?<assistant><tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'
        "<user><tool_response>\n9 km\n</tool_response><assistant>9 km.<user>And back?"
    )


def test_the_page_and_the_sdk_wait_for_one_lock(
    client: openai.OpenAI, http: httpx.Client, model: FakeModel
) -> None:
    talk = client.conversations.create().id
    model.holds("Hel", "lo")
    running = create(client, conversation=talk, background=True)
    refused = http.post(f"/api/conversations/{talk}/turns", json={"content": "Hi"})
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "conversation_locked"
    client.responses.cancel(running.id)
    model.go_on.set()
    assert wait_until(lambda: client.responses.retrieve(running.id).status == "cancelled")
    model.go_on.clear()
    model.holds("Hel", "lo")
    path = f"/api/conversations/{talk}/turns"
    with http.stream("POST", path, json={"content": "Hi"}) as answer:
        lines = answer.iter_lines()
        assert "start" in next(lines)
        again = {"model": "fake:1b", "input": "?", "conversation": talk}
        for refused in (
            http.post("/v1/responses", json=again),
            http.delete(f"/v1/conversations/{talk}"),
        ):
            assert refused.status_code == 400
            assert refused.json()["error"]["code"] == "conversation_locked"
        model.go_on.set()
        assert "done" in "".join(lines)


def test_a_conversation_that_is_deleted_in_the_page_is_written_no_more(
    client: openai.OpenAI, http: httpx.Client, model: FakeModel
) -> None:
    talk = client.conversations.create().id
    model.holds("Hel", "lo")
    running = create(client, conversation=talk, background=True)
    assert wait_until(lambda: bool(model.submitted))
    assert http.delete(f"/api/conversations/{talk}").status_code == 200
    model.go_on.set()
    assert wait_until(lambda: client.responses.retrieve(running.id).status == "completed")
    assert http.get(f"/v1/conversations/{talk}").status_code == 404
