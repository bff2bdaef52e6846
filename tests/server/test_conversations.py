"""The page's few extras: conversations, their turns, the notice and the pull."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fireside.errors import ContextOverflow, Unavailable
from fireside.server import pulls
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import running


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(part.removeprefix("data: ")) for part in answer.text.split("\n\n") if part]


@pytest.fixture
def chat(http: httpx.Client) -> str:
    return str(http.post("/api/conversations", json={}).json()["id"])


def test_a_turn(http: httpx.Client, chat: str) -> None:
    told = events(http.post(f"/api/conversations/{chat}/turns", json={"content": "Hi"}))
    assert [told[0]["type"], told[-1]["type"]] == ["start", "done"]
    assert "".join(each["text"] for each in told[1:-1]) == "Hello there"
    assert told[-1]["message"]["status"] == "complete"
    assert told[-1]["message"]["id"] == told[0]["answer_id"]
    whole = http.get(f"/api/conversations/{chat}").json()
    assert [m["content"] for m in whole["messages"]] == ["Hi", "Hello there"]
    assert [m["running"] for m in whole["messages"]] == [False, False]
    assert whole["title"] == "Hi"
    assert http.get("/api/conversations").json()["data"][0]["id"] == chat


def test_versions_of_an_answer(http: httpx.Client, chat: str, model: FakeModel) -> None:
    events(http.post(f"/api/conversations/{chat}/turns", json={"content": "Hi"}))
    first = http.get(f"/api/conversations/{chat}").json()["messages"][1]
    model.answer = "Other"
    second = events(http.post(f"/api/messages/{first['id']}/regenerate", json={}))[-1]["message"]
    now = http.get(f"/api/conversations/{chat}").json()["messages"]
    assert now[1]["content"] == "Other"
    assert now[1]["siblings"] == [first["id"], second["id"]]
    back = http.post(f"/api/messages/{first['id']}/select", json={}).json()
    assert back["messages"][1]["content"] == "Hello there"
    edited = events(http.post(f"/api/messages/{now[0]['id']}/edit", json={"content": "Ho"}))
    assert edited[0]["question"]["content"] == "Ho"
    back = http.post(f"/api/messages/{now[0]['id']}/select", json={}).json()
    assert [m["content"] for m in back["messages"]] == ["Hi", "Other"]


def test_an_answer_at_its_limit_is_written_on(http: httpx.Client, model: FakeModel) -> None:
    told = http.post("/api/conversations", json={"model": "persona:storyteller"})
    chat = told.json()["id"]
    model.answer = "".join(f"{n} " for n in range(120))  # one token a letter, 300 at most
    told = events(
        http.post(f"/api/conversations/{chat}/turns", json={"content": "What do you see?"})
    )
    first = told[-1]["message"]
    assert first["can_go_on"]
    assert first["receipt"]["notices"] == ["This answer reached its limit of 300 tokens."]
    model.answer = "and the rest."
    told = events(http.post(f"/api/messages/{first['id']}/continue", json={}))
    assert told[0]["begun"] == first["content"]
    assert "".join(each["text"] for each in told if each["type"] == "delta") == "and the rest."
    last = told[-1]["message"]
    assert last["content"] == first["content"] + "and the rest."
    assert not last["can_go_on"]
    refused = http.post(f"/api/messages/{last['id']}/continue", json={})
    assert refused.status_code == 400


def test_stop(http: httpx.Client, address: str, chat: str, model: FakeModel) -> None:
    model.holds("xxx")
    said = {"content": "Go"}
    with http.stream("POST", f"/api/conversations/{chat}/turns", json=said) as answer:
        lines = (line for line in answer.iter_lines() if line)
        start = json.loads(next(lines).removeprefix("data: "))
        while "delta" not in next(lines):
            pass
        whole = httpx.get(f"{address}/api/conversations/{chat}", timeout=300).json()
        assert whole["messages"][1]["running"]
        stop = f"{address}/api/messages/{start['answer_id']}/stop"
        assert httpx.post(stop, json={}, timeout=300).status_code == 200
        last = [json.loads(line.removeprefix("data: ")) for line in lines][-1]
    assert last["message"]["status"] == "stopped"
    assert last["message"]["content"] == "xxx"
    assert http.post(f"/api/messages/{start['answer_id']}/stop", json={}).status_code == 404


def test_refusals_store_nothing(http: httpx.Client, chat: str, model: FakeModel) -> None:
    for content in ("", "   "):
        refused = http.post(f"/api/conversations/{chat}/turns", json={"content": content})
        assert refused.status_code == 400
    model.refuses = ContextOverflow("It is too long. Shorten it.")
    refused = http.post(f"/api/conversations/{chat}/turns", json={"content": "Hi"})
    assert refused.json()["error"]["message"] == "It is too long. Shorten it."
    assert http.get(f"/api/conversations/{chat}").json()["messages"] == []


def test_a_failure_halfway(http: httpx.Client, chat: str, model: FakeModel) -> None:
    model.fails_at = 3
    told = events(http.post(f"/api/conversations/{chat}/turns", json={"content": "Hi"}))
    assert told[-1]["type"] == "error"
    last = http.get(f"/api/conversations/{chat}").json()["messages"][-1]
    assert (last["status"], last["content"]) == ("error", "Hel")


def test_change_and_delete(http: httpx.Client, chat: str) -> None:
    path = f"/api/conversations/{chat}"
    assert http.patch(path, json={"title": "New"}).json()["title"] == "New"
    assert http.patch(path, json={"model": "fake:1b"}).json()["model"] == "fake:1b"
    assert http.patch(path, json={"model": "/etc/passwd"}).status_code == 404
    assert http.patch(path, json={"title": ""}).status_code == 400
    assert http.delete(path).json()["deleted"]
    for answer in (http.get(path), http.delete(path), http.patch(path, json={"title": "a"})):
        assert answer.status_code == 404
    assert http.post(f"{path}/turns", json={"content": "a"}).status_code == 404


def test_pages_of_the_list(http: httpx.Client) -> None:
    made = [http.post("/api/conversations", json={"title": str(i)}).json()["id"] for i in range(3)]
    first = http.get("/api/conversations", params={"limit": 2}).json()
    assert [each["id"] for each in first["data"]] == made[:0:-1]
    assert first["has_more"]
    rest = http.get("/api/conversations", params={"limit": 2, "before": made[1]}).json()
    assert rest["data"][0]["id"] == made[0]
    assert http.get("/api/conversations", params={"limit": 0}).status_code == 400


@pytest.mark.parametrize(
    "identifier", ["nope", "..%2F..", "%00", "x" * 10_000, "conv_'; drop table messages"]
)
def test_ids_that_are_not(http: httpx.Client, identifier: str) -> None:
    assert http.get(f"/api/conversations/{identifier}").status_code == 404
    assert http.post(f"/api/messages/{identifier}/regenerate", json={}).status_code == 404
    assert http.post(f"/api/messages/{identifier}/select", json={}).status_code == 404


def test_the_notice(http: httpx.Client) -> None:
    told = http.get("/api/notice").json()
    assert told["model"] == "fake:1b"
    assert told["answers"]
    listed = http.get("/api/models").json()
    names = listed["data"]
    assert "refunds" in listed["personas"]["persona:support"]["greeting"]
    assert names[0] == "fake:1b"
    assert all(name.startswith("persona:") for name in names[1:])


checked: list[str] = []
"""Models whose check began after their pull."""


@pytest.fixture
def pulling(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: Store
) -> Iterator[tuple[threading.Event, str]]:
    """A server whose downloads go on until they are told to end."""
    may_end = threading.Event()

    def pull(name: str, models_dir: Path, progress: Any) -> str:
        progress("fetching", 5, 10)
        while not may_end.wait(0.02):
            progress("fetching", 5, 10)
        if name == "qwen3:0.6b":
            raise Unavailable("There is no network; connect and pull again.")
        return name

    monkeypatch.setattr(pulls, "pull", pull)
    monkeypatch.setattr(pulls, "check_afterwards", lambda pulled, settings: checked.append(pulled))
    checked.clear()
    settings = Settings(model="fake:1b", home=tmp_path)
    with running(create_app(FakeModels(FakeModel()), store, settings)) as address:
        yield may_end, address


def test_a_pull(pulling: tuple[threading.Event, str]) -> None:
    may_end, address = pulling
    name = {"name": "llama3.2:1b"}
    with httpx.stream("POST", f"{address}/api/models/pull", json=name, timeout=300) as answer:
        lines = (line for line in answer.iter_lines() if line)
        while '"done":5' not in next(lines):
            pass
        may_end.set()
        assert '"type":"done"' in list(lines)[-1]
    failed = events(
        httpx.post(f"{address}/api/models/pull", json={"name": "qwen3:0.6b"}, timeout=300)
    )
    assert failed[-1]["error"]["message"] == "There is no network; connect and pull again."
    assert checked == ["llama3.2:1b"]


def test_a_pull_ends_with_the_server(pulling: tuple[threading.Event, str]) -> None:
    _, address = pulling
    with httpx.stream(
        "POST", f"{address}/api/models/pull", json={"name": "llama3.2:1b"}, timeout=300
    ) as answer:
        next(answer.iter_lines())
    # Nothing to assert: the fixture's end would wait for a download that did not end.


@pytest.mark.parametrize("name", ["nope", "hf:a/b", "../x", "minilm:l6", ""])
def test_only_the_catalogue_is_pulled(http: httpx.Client, name: str) -> None:
    assert http.post("/api/models/pull", json={"name": name}).status_code == 400
