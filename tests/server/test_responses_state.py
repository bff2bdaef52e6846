"""What is kept of responses: chains, owners, deletion, and what is not kept."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import openai
import pytest
from sqlalchemy import event, insert

from fireside.errors import NotFound
from fireside.server.responses.state import State
from fireside.storage import Store
from fireside.storage.objects import New
from fireside.storage.schema import objects

from .fakes import FakeModel
from .test_responses import asked, create

STRANGE_IDS = ["resp_none", "..%2F..%2Fetc", "a%00b", "x" * 10_000, "%F0%9F%94%A5"]


def test_a_chain(client: openai.OpenAI, model: FakeModel) -> None:
    first = create(client, instructions="Be kind.")
    second = create(client, input="And?", previous_response_id=first.id, instructions="Be brief.")
    assert asked(model) == "<system>Be brief.<user>Hi<assistant>Hello there<user>And?"
    assert second.previous_response_id == first.id
    third = create(client, input="So?", previous_response_id=second.id)
    assert asked(model).startswith("<user>Hi<assistant>Hello there<user>And?")
    other = create(client, input="Or?", previous_response_id=first.id)  # a branch
    assert asked(model) == "<user>Hi<assistant>Hello there<user>Or?"
    assert client.responses.retrieve(third.id).to_dict() == third.to_dict()
    assert client.responses.retrieve(other.id).to_dict() == other.to_dict()


def test_input_items(client: openai.OpenAI) -> None:
    said = [{"role": "user", "content": f"{n}"} for n in range(5)]
    made = create(client, input=said)
    newest = client.responses.input_items.list(made.id, limit=2)
    assert [item.content[0].text for item in newest] == ["4", "3", "2", "1", "0"]  # pages through
    page = client.responses.input_items.list(made.id, limit=2, order="asc")
    assert [item.content[0].text for item in page.data] == ["0", "1"]
    assert page.has_more
    after = client.responses.input_items.list(made.id, order="asc", after=page.data[1].id)
    assert [item.content[0].text for item in after.data] == ["2", "3", "4"]
    assert not after.has_more


def test_references(client: openai.OpenAI, model: FakeModel) -> None:
    first = create(client)
    create(
        client,
        input=[
            {"type": "item_reference", "id": first.output[0].id},
            {"role": "user", "content": "?"},
        ],
    )
    assert asked(model) == "<assistant>Hello there<user>?"
    said = client.responses.input_items.list(first.id).data[0]
    create(client, input=[{"id": said.id}])
    assert asked(model) == "<user>Hi"


def test_nothing_is_kept_of_store_false(
    client: openai.OpenAI, http: httpx.Client, store: Store
) -> None:
    def rows() -> int:
        return sum(store.objects.count(k, owner=None) for k in ("response", "item"))

    before = rows()
    made = create(client, store=False)
    assert rows() == before
    assert http.get(f"/v1/responses/{made.id}").status_code == 404
    with pytest.raises(openai.NotFoundError):
        create(client, previous_response_id=made.id)


def test_deletion(client: openai.OpenAI, http: httpx.Client, store: Store) -> None:
    first = create(client)
    second = create(client, previous_response_id=first.id)
    client.responses.delete(first.id)
    assert http.get(f"/v1/responses/{first.id}").status_code == 404
    assert store.objects.count("item", owner=None, parent_id=first.id) == 0
    assert client.responses.retrieve(second.id).id == second.id
    # What came before is gone, so going on is refused rather than half remembered.
    refused = http.post(
        "/v1/responses",
        json={"model": "fake:1b", "input": "x", "previous_response_id": second.id},
    )
    assert refused.status_code == 404
    assert first.id in refused.json()["error"]["message"]


def test_include_of_a_fetch(client: openai.OpenAI) -> None:
    wanted: Any = ["message.output_text.logprobs"]
    made = create(client, include=wanted)
    assert client.responses.retrieve(made.id).output[0].content[0].logprobs == []
    kept = client.responses.retrieve(made.id, include=wanted)
    assert kept.to_dict() == made.to_dict()


@pytest.mark.parametrize("strange", STRANGE_IDS)
def test_unknown_ids(http: httpx.Client, strange: str) -> None:
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("GET", "/input_items"),
        ("GET", "?stream=true"),
    ):
        answer = http.request(method, f"/v1/responses/{strange}{path}")
        assert answer.status_code in (404, 405), (method, path, answer.text)
        assert "error" in answer.json()


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "order=up", "after=nothing", "include=nothing", "include[]=nothing"],
)
def test_bad_queries(client: openai.OpenAI, http: httpx.Client, query: str) -> None:
    made = create(client)
    answer = http.get(f"/v1/responses/{made.id}/input_items?{query}")
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["error"]["message"]


def test_another_owners_is_unknown(store: Store) -> None:
    state = State(store)
    body = {"conversation": None, "background": False}
    row = New(id="resp_anns", body=body, status="completed")
    store.objects.add_all("response", [row], owner="ann")
    store.objects.add_all(
        "item", [New(id="msg_anns", body={"side": "input", "item": {}})], owner="ann",
        parent_id="resp_anns",
    )  # fmt: skip
    assert len(state.history("resp_anns", "ann")) == 1
    told = []
    for response_id in ("resp_anns", "resp_none"):
        for question in (state.history, state.response, state.input_items, state.delete_response):
            with pytest.raises(NotFound) as error:
                question(response_id, "bob")
            told.append(error.value.message.replace(response_id, "?"))
    assert told[: len(told) // 2] == told[len(told) // 2 :]


def link(n: int) -> list[dict[str, Any]]:
    """The rows of one response and of its one item."""
    common = {"owner": "deep", "status": "completed", "created_at": 0.0, "version": 1}
    return [
        {
            "id": f"resp_deep{n}",
            "kind": "response",
            "parent_id": f"resp_deep{n - 1}" if n else None,
            "body": {"conversation": None},
            **common,
        },
        {
            "id": f"msg_deep{n}",
            "kind": "item",
            "parent_id": f"resp_deep{n}",
            "body": {"side": "input", "item": {"n": n}},
            **common,
        },
    ]


def test_a_thousand_links_are_a_handful_of_queries(store: Store) -> None:
    """However long a chat is, its history takes the same few questions."""
    with store._writer.begin() as connection:
        connection.execute(insert(objects), [row for n in range(1000) for row in link(n)])
    statements: list[str] = []

    here = threading.get_ident()  # the server of this store asks its own questions meanwhile

    def count(*said: Any) -> None:
        if said[2].startswith(("WITH", "SELECT")) and threading.get_ident() == here:
            statements.append(said[2])

    engine = store._engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        history = State(store).history("resp_deep999", "deep")
    finally:
        event.remove(engine, "before_cursor_execute", count)
    assert [item["n"] for item in history] == list(range(1000))
    # The chain, its first response, and the items of 500 links each.
    assert len(statements) == 4, "\n".join(statements)
