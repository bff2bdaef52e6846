"""An answer goes on without its reader: closed pages, more readers, deletes, a stopping server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor

from .fakes import FakeModel, FakeModels
from .serving import running, wait_until


@pytest.fixture
def chat(http: httpx.Client) -> str:
    return str(http.post("/api/conversations", json={}).json()["id"])


def parsed(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    return (json.loads(line.removeprefix("data: ")) for line in lines if line)


def left_alone(address: str, chat: str, text: str = "xxx") -> str:
    """Ask, read until so much was said, and leave; returns the answer's id."""
    with (
        httpx.Client(base_url=address, timeout=300) as leaving,
        leaving.stream("POST", f"/api/conversations/{chat}/turns", json={"content": "Go"}) as reply,
    ):
        events = parsed(reply.iter_lines())
        answer_id = str(next(events)["answer_id"])
        said = ""
        while said != text:
            said += next(events)["text"]
    return answer_id


def test_an_answer_goes_on_without_its_reader(
    http: httpx.Client, address: str, chat: str, model: FakeModel, store: Store
) -> None:
    model.holds("xxx", " and yyy")
    answer_id = left_alone(address, chat)
    assert http.get(f"/api/conversations/{chat}").json()["messages"][1]["running"]
    assert not model.last.cancelled.is_set()
    assert http.post(f"/api/conversations/{chat}/turns", json={"content": "x"}).status_code == 409
    model.go_on.set()
    assert wait_until(lambda: store.message(answer_id).status == "complete")
    assert store.message(answer_id).content == "xxx and yyy"
    assert http.get(f"/api/messages/{answer_id}/stream").status_code == 404


def test_any_number_of_readers_read_the_same(
    http: httpx.Client, address: str, chat: str, model: FakeModel
) -> None:
    model.holds("xxx", " and yyy")
    answer_id = left_alone(address, chat)
    told: list[list[dict[str, Any]]] = []
    begun = threading.Barrier(4)

    def read() -> None:
        with httpx.stream(
            "GET", f"{address}/api/messages/{answer_id}/stream", timeout=300
        ) as reply:
            events = parsed(reply.iter_lines())
            first = [next(events), next(events)]
            begun.wait(300)
            told.append([*first, *events])

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    begun.wait(300)
    model.go_on.set()
    for reader in readers:
        reader.join(300)
    assert len(told) == 3
    for start, *deltas, done in told:
        assert (start["type"], start["answer_id"]) == ("start", answer_id)
        assert deltas[0]["text"] == "xxx"
        assert "".join(each["text"] for each in deltas) == "xxx and yyy"
        assert (done["type"], done["message"]["status"]) == ("done", "complete")


def test_stop_is_for_all_readers(
    http: httpx.Client, address: str, chat: str, model: FakeModel, store: Store
) -> None:
    model.holds("xxx", " and yyy")
    answer_id = left_alone(address, chat)
    with http.stream("GET", f"/api/messages/{answer_id}/stream") as reply:
        events = parsed(reply.iter_lines())
        assert next(events)["type"] == "start"
        stopped = httpx.post(f"{address}/api/messages/{answer_id}/stop", json={}, timeout=300)
        assert stopped.status_code == 200
        *_, last = events
    assert last["message"]["status"] == "stopped"
    assert last["message"]["receipt"]["finish_reason"] == "cancelled"
    assert store.message(answer_id).content == "xxx"


def test_what_nobody_stopped_is_not_called_stopped_by_somebody(
    http: httpx.Client, address: str, chat: str, model: FakeModel, store: Store
) -> None:
    """A server that stops cancels an answer that was begun after it had told the others."""
    model.holds("xxx", " and yyy")
    answer_id = left_alone(address, chat)
    model.last.cancel()  # the engine's own, as `cancel_all` does it
    assert wait_until(lambda: store.message(answer_id).status == "stopped")
    assert store.message(answer_id).receipt["finish_reason"] == "interrupted"


def test_a_deleted_conversation_is_written_no_more(
    http: httpx.Client, address: str, chat: str, model: FakeModel
) -> None:
    model.holds("xxx", " and yyy")
    answer_id = left_alone(address, chat)
    assert http.delete(f"/api/conversations/{chat}").json()["deleted"]
    assert model.last.cancelled.is_set()
    assert http.get(f"/api/conversations/{chat}").status_code == 404
    assert http.get(f"/api/messages/{answer_id}/stream").status_code == 404


@pytest.fixture
def own(tmp_path: Path, model: FakeModel) -> Iterator[tuple[FastAPI, Store]]:
    settings = Settings(model=model.name, home=tmp_path, max_batch=1)
    with Store.open(settings.database_path) as store:
        yield create_app(FakeModels(model), store, settings), store


def test_its_place_is_held_until_its_end(own: tuple[FastAPI, Store], model: FakeModel) -> None:
    """Readers who leave let nobody ask for more than the server takes at once."""
    app, store = own
    admission = app.state.admission
    model.holds("xxx", " and yyy")
    with running(app) as url:
        free = admission.free
        chat = store.create_conversation().id
        answer_id = left_alone(url, chat)
        assert admission.free == free - 1
        model.go_on.set()
        assert wait_until(lambda: store.message(answer_id).status == "complete")
        assert wait_until(lambda: admission.free == free)


def test_a_server_that_stops_says_so(own: tuple[FastAPI, Store], model: FakeModel) -> None:
    app, store = own
    model.holds("xxx", " and yyy")
    with running(app) as url:
        answer_id = left_alone(url, store.create_conversation().id)
    assert model.last.cancelled.is_set()
    message = store.message(answer_id)
    assert (message.status, message.content) == ("stopped", "xxx")
    assert message.receipt["finish_reason"] == "interrupted"


def test_another_person_reads_nothing(own: tuple[FastAPI, Store], model: FakeModel) -> None:
    """And who signs out reads no more, while the answer goes on."""
    app, store = own
    users = [store.people.add_user(name, role="admin", by=Actor()) for name in ("Ada", "Bob")]
    project = store.people.add_project("theirs", by=Actor())
    _, ours = store.keys.add("page", user_id=users[0].id, by=Actor())
    _, theirs = store.keys.add("page", user_id=users[1].id, project_id=project.id, by=Actor())
    model.holds("xxx", " and yyy")
    with running(app) as url, httpx.Client(base_url=url, timeout=300) as page:
        page.headers["authorization"] = f"Bearer {ours}"
        chat = str(page.post("/api/conversations", json={}).json()["id"])
        say = page.stream("POST", f"/api/conversations/{chat}/turns", json={"content": "Go"})
        with say as reply:
            answer_id = next(parsed(reply.iter_lines()))["answer_id"]
        path = f"{url}/api/messages/{answer_id}/stream"
        other = {"authorization": f"Bearer {theirs}"}
        assert httpx.get(path, headers=other, timeout=300).status_code == 404
        assert httpx.get(path, timeout=300).status_code == 401
        model.go_on.set()
        assert wait_until(lambda: store.message(answer_id).status == "complete")
