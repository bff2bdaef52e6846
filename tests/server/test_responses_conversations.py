"""`/v1/conversations`, and responses that are part of one."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import openai
import pytest

from fireside.assistant import Assistant
from fireside.assistant.locks import Locks
from fireside.assistant.persona import DEFAULT
from fireside.errors import Conflict, NotFound
from fireside.server.answerers import Answerer
from fireside.server.responses.conversations import Conversations
from fireside.server.responses.remote import Remote
from fireside.server.responses.search import Search
from fireside.server.responses.start import Services, started
from fireside.server.responses.state import State
from fireside.server.responses.wire import CreateResponse, NewConversation, NewItems
from fireside.storage import Store

from .fakes import FakeModel
from .serving import wait_until
from .test_responses import asked, create
from .test_responses_state import STRANGE_IDS

HI: Any = {"role": "user", "content": "Hi"}


def test_its_life(client: openai.OpenAI, http: httpx.Client) -> None:
    made = client.conversations.create(metadata={"topic": "x"}, items=[HI])
    assert made.object == "conversation"
    assert client.conversations.retrieve(made.id).to_dict() == made.to_dict()
    changed = client.conversations.update(made.id, metadata={"topic": "y"})
    assert changed.metadata == {"topic": "y"}
    gone = client.conversations.delete(made.id)
    assert gone.to_dict() == {"id": made.id, "object": "conversation.deleted", "deleted": True}
    assert http.get(f"/v1/conversations/{made.id}").status_code == 404
    assert http.get(f"/v1/conversations/{made.id}/items").status_code == 404


def test_items(client: openai.OpenAI, http: httpx.Client) -> None:
    made = client.conversations.create()
    added = client.conversations.items.create(
        made.id, items=[{"role": "user", "content": str(n)} for n in range(3)]
    )
    texts = [item.content[0].text for item in added.data]
    assert texts == ["0", "1", "2"]
    listed = [item.content[0].text for item in client.conversations.items.list(made.id, limit=2)]
    assert listed == ["2", "1", "0"]
    second = added.data[1]
    kept = client.conversations.items.retrieve(second.id, conversation_id=made.id)
    assert kept.to_dict() == second.to_dict()
    left = client.conversations.items.delete(second.id, conversation_id=made.id)
    assert left.id == made.id
    assert len(client.conversations.items.list(made.id, order="asc").data) == 2
    other = client.conversations.create()
    path = f"/v1/conversations/{other.id}/items/{added.data[0].id}"
    assert http.get(path).status_code == 404
    assert http.delete(path).status_code == 404


def test_a_response_adds_to_it(client: openai.OpenAI, model: FakeModel) -> None:
    talk = client.conversations.create(items=[{"role": "system", "content": "Be kind."}])
    first = create(client, conversation=talk.id)
    assert first.conversation is not None
    assert first.conversation.id == talk.id
    create(client, conversation={"id": talk.id}, input="And?")
    assert asked(model) == "<system>Be kind.<user>Hi<assistant>Hello there<user>And?"
    items = client.conversations.items.list(talk.id, order="asc").data
    assert [item.role for item in items] == ["system", "user", "assistant", "user", "assistant"]
    assert items[2].id == first.output[0].id
    # Either can go without the other.
    client.conversations.items.delete(items[2].id, conversation_id=talk.id)
    client.conversations.delete(talk.id)
    assert client.responses.retrieve(first.id).to_dict() == first.to_dict()


def test_without_new_input(client: openai.OpenAI, model: FakeModel) -> None:
    talk = client.conversations.create(items=[HI])
    client.responses.create(model="fake:1b", conversation=talk.id)
    assert asked(model) == "<user>Hi"


def test_one_at_a_time(client: openai.OpenAI, http: httpx.Client, model: FakeModel) -> None:
    talk = client.conversations.create()
    model.holds("Hel", "lo")
    running = create(client, conversation=talk.id, background=True)
    path = f"/v1/conversations/{talk.id}"
    again = {"model": "fake:1b", "input": "?", "conversation": talk.id}
    for refused in (
        http.post("/v1/responses", json=again),
        http.post(f"{path}/items", json={"items": [HI]}),
        http.delete(path),
    ):
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "conversation_locked"
    client.responses.cancel(running.id)
    model.go_on.set()
    assert http.post("/v1/responses", json=again).status_code == 200
    # A request that is refused, or whose client leaves, holds nothing either.
    assert http.post("/v1/responses", json=again | {"input": "x" * 2000}).status_code == 400
    assert http.post("/v1/responses", json=again).status_code == 200


def test_a_client_that_leaves_holds_nothing(http: httpx.Client, model: FakeModel) -> None:
    talk = http.post("/v1/conversations", json={}).json()["id"]
    create = {"model": "fake:1b", "input": "?", "conversation": talk}
    model.holds("Hel", "lo")
    with http.stream("POST", "/v1/responses", json=create | {"stream": True}) as answer:
        next(answer.iter_lines())
        assert wait_until(lambda: bool(model.submitted))
    assert wait_until(model.last.cancelled.is_set)
    model.go_on.set()
    assert wait_until(lambda: http.post("/v1/responses", json=create).status_code == 200)
    items = http.get(f"/v1/conversations/{talk}/items").json()["data"]
    assert len(items) == 2  # nothing of what was broken off


def test_refused(client: openai.OpenAI, http: httpx.Client) -> None:
    talk = client.conversations.create()
    first = create(client, conversation=talk.id)
    asked_for = {"model": "fake:1b", "input": "?"}
    for more, status, param in (
        ({"conversation": "conv_none"}, 404, "conversation"),
        ({"conversation": talk.id, "store": False}, 400, "store"),
        ({"conversation": talk.id, "previous_response_id": first.id}, 400, "previous_response_id"),
        ({"previous_response_id": first.id}, 400, "previous_response_id"),
    ):
        answer = http.post("/v1/responses", json=asked_for | more)
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("", {"items": [HI] * 21}),
        ("", {"items": ["x"]}),
        ("", {"items": [{"type": "item_reference", "id": "msg_none"}]}),
        ("", {"metadata": {"a": 1}}),
        ("", {"nothing": 1}),
        ("/{id}", {}),
        ("/{id}/items", {"items": []}),
        ("/{id}/items", {"items": [HI] * 21}),
        ("/{id}/items", {}),
        ("/{id}/items?include=nothing", {"items": [HI]}),
    ],
)
def test_bad_requests(
    client: openai.OpenAI, http: httpx.Client, path: str, sent: dict[str, Any]
) -> None:
    talk = client.conversations.create()
    answer = http.post("/v1/conversations" + path.format(id=talk.id), json=sent)
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"a": NaN}', b'{"input":' + b"[" * 60_000]
)
@pytest.mark.parametrize("path", ["/v1/responses", "/v1/conversations", "/v1/responses/compact"])
def test_bad_bodies(http: httpx.Client, path: str, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = http.post(path, content=body, headers=headers)
    assert answer.status_code == 400
    assert http.post(path, content=b"x", headers={"content-type": "text/plain"}).status_code == 415


@pytest.mark.parametrize("strange", STRANGE_IDS)
def test_unknown_ids(client: openai.OpenAI, http: httpx.Client, strange: str) -> None:
    talk = client.conversations.create()
    for method, path, sent in (
        ("GET", f"/{strange}", None),
        ("POST", f"/{strange}", {"metadata": {}}),
        ("DELETE", f"/{strange}", None),
        ("GET", f"/{strange}/items", None),
        ("POST", f"/{strange}/items", {"items": [HI]}),
        ("GET", f"/{talk.id}/items/{strange}", None),
        ("DELETE", f"/{talk.id}/items/{strange}", None),
    ):
        answer = http.request(method, f"/v1/conversations{path}", json=sent)
        assert answer.status_code in (404, 405), (method, path, answer.text)


def test_another_owners_is_unknown(store: Store) -> None:
    state = State(store)
    kept = Conversations(state, Locks())
    anns = kept.create(NewConversation(items=[HI]), "ann")
    item = state.conversation_items(anns.id, "ann")[0]
    told = []
    for found in (anns.id, "conv_none"):
        for ask in (
            lambda found=found: state.conversation(found, "bob"),
            lambda found=found: kept.change(found, {}, "bob"),
            lambda found=found: kept.remove(found, "bob"),
            lambda found=found: kept.add(found, NewItems(items=[HI]), "bob"),
            lambda found=found: kept.item(found, item["id"], "bob"),
            lambda found=found: kept.remove_item(found, item["id"], "bob"),
        ):
            with pytest.raises(NotFound) as error:
                ask()
            told.append(error.value.message.replace(found, "?"))
    assert told[: len(told) // 2] == told[len(told) // 2 :]
    reference = {"type": "item_reference", "id": item["id"]}
    with pytest.raises(NotFound):
        kept.create(NewConversation(items=[reference]), "bob")


def test_a_task_that_is_cancelled_leaves_nothing_locked(
    store: Store, model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, locks = State(store), Locks()
    talk = store.create_conversation()
    entered, go_on = threading.Event(), threading.Event()
    listed = state.conversation_items

    def slow(*what: Any) -> Any:
        entered.set()
        go_on.wait(300)
        return listed(*what)

    monkeypatch.setattr(state, "conversation_items", slow)
    call = CreateResponse(model="fake:1b", input="Hi", conversation=talk.id)

    services = Services(
        state=state,
        locks=locks,
        search=Search(None),
        assistant=Assistant(),
        remote=Remote((), store),
    )
    answering: Any = model
    who = Answerer(name="fake:1b", persona=DEFAULT, model=answering, own=False)

    async def cancelled() -> None:
        work = asyncio.create_task(started(services, answerer=who, call=call, owner="", memory={}))
        await asyncio.to_thread(entered.wait, 300)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        go_on.set()

        def free() -> bool:
            try:
                locks.take(talk.id)()
            except Conflict:
                return False
            return True

        assert await asyncio.to_thread(wait_until, free)

    asyncio.run(cancelled())
