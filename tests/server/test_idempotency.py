"""A POST that is sent again runs once."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import httpx
import openai
import pytest
from cryptography.exceptions import InvalidTag

from fireside.server import idempotency
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor

from .fakes import FakeModel, FakeModels
from .serving import running, wait_until

ASK = {"model": "fake:1b", "messages": [{"role": "user", "content": "Hi"}]}
URL = "/v1/chat/completions"


def post(http: httpx.Client, key: str, **change: object) -> httpx.Response:
    return http.post(URL, json=ASK | change, headers={"idempotency-key": key})


def test_the_second_gets_the_firsts_answer(http: httpx.Client, model: FakeModel) -> None:
    first, second = post(http, "once"), post(http, "once")
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert len(model.submitted) == 1
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["content-type"] == first.headers["content-type"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_a_stream_too(http: httpx.Client, model: FakeModel) -> None:
    first, second = (post(http, "stream", stream=True) for _ in range(2))
    assert first.text == second.text
    assert second.text.endswith("data: [DONE]\n\n")
    assert len(model.submitted) == 1


def test_the_sdk(client: openai.OpenAI, model: FakeModel) -> None:
    headers = {"Idempotency-Key": "sdk"}
    answers = {client.chat.completions.create(**ASK, extra_headers=headers).id for _ in range(3)}
    assert len(answers) == len(model.submitted) == 1


def test_another_request_under_the_same_key(http: httpx.Client, model: FakeModel) -> None:
    assert post(http, "taken").status_code == 200
    for answer in (
        post(http, "taken", n=2),
        http.post("/v1/completions", json=ASK, headers={"idempotency-key": "taken"}),
    ):
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "idempotency_key_reused"
    assert len(model.submitted) == 1


def test_what_failed_may_be_tried_again(http: httpx.Client, model: FakeModel) -> None:
    assert post(http, "failing", wings=2).status_code == 400
    model.refuses = RuntimeError("a bug")
    assert post(http, "failing").status_code == 500
    model.refuses = None
    assert post(http, "failing").status_code == 200
    assert len(model.submitted) == 1


def test_a_stream_that_failed_may_be_tried_again(http: httpx.Client, model: FakeModel) -> None:
    model.fails_at = 3
    assert "error" in post(http, "halfway", stream=True).text
    model.fails_at = None
    assert "[DONE]" in post(http, "halfway", stream=True).text
    assert len(model.submitted) == 2


def test_while_the_first_runs_the_second_is_a_409(http: httpx.Client, model: FakeModel) -> None:
    model.holds("Hel", "lo")
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(post(http, "both")))
    thread.start()
    assert wait_until(lambda: len(model.submitted) == 1)
    second = post(http, "both")
    assert second.status_code == 409
    assert second.json()["error"]["code"] == "idempotency_key_in_use"
    assert second.headers["retry-after"]  # OpenAI's SDKs try a 409 again
    model.go_on.set()
    thread.join()
    assert post(http, "both").content == answers[0].content
    assert len(model.submitted) == 1


def test_a_client_that_left_may_come_again(
    http: httpx.Client, model: FakeModel, address: str
) -> None:
    model.holds("Hel", "lo")
    headers = {"idempotency-key": "gone"}
    with httpx.stream(
        "POST", f"{address}{URL}", json=ASK | {"stream": True}, headers=headers, timeout=300
    ) as answer:
        next(answer.iter_raw())
    assert wait_until(lambda: model.last.cancelled.is_set())
    model.go_on.set()
    assert wait_until(lambda: post(http, "gone", stream=True).status_code == 200)


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é".encode(), b"\xff"])
def test_keys_that_are_none(http: httpx.Client, key: str | bytes) -> None:
    raw = key if isinstance(key, bytes) else key.encode()
    answer = http.post(URL, json=ASK, headers=[(b"idempotency-key", raw)])
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "Idempotency-Key"


def test_too_large_an_answer_is_not_run_again(
    http: httpx.Client, model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LARGEST", 10)
    assert post(http, "large").status_code == 200
    again = post(http, "large")
    assert again.status_code == 409
    assert "too large" in again.json()["error"]["message"]
    assert len(model.submitted) == 1


def test_forms_differ_by_a_random_line(http: httpx.Client) -> None:
    ids = set()
    for _ in range(2):
        answer = http.post(
            "/v1/files",
            files={"file": ("a.txt", b"words")},
            data={"purpose": "assistants"},
            headers={"idempotency-key": "form"},
        )
        assert answer.status_code == 200, answer.text
        ids.add(answer.json()["id"])
    assert len(ids) == 1


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(model="fake:1b", home=tmp_path)


def test_it_survives_a_restart(home: Settings, model: FakeModel) -> None:
    answers = []
    for _ in range(2):
        with (
            Store.open(home.database_path) as store,
            running(create_app(FakeModels(model), store, home)) as url,
            httpx.Client(base_url=url, timeout=300) as http,
        ):
            answers.append(post(http, "night").content)
    assert answers[0] == answers[1]
    assert len(model.submitted) == 1


def test_what_a_killed_process_began_is_run_again(home: Settings, model: FakeModel) -> None:
    with (
        Store.open(home.database_path) as store,
        running(create_app(FakeModels(model), store, home)) as url,
        httpx.Client(base_url=url, timeout=300) as http,
    ):
        assert post(http, "killed").status_code == 200
        [row] = store.objects.listed(idempotency.KIND, owner="").items
        store.objects.change(
            row.kind, row.id, owner="",
            change=lambda old: idempotency.replace(
                old, status="running", body=old.body | {"process": "another", "sealed": None}
            ),
        )  # fmt: skip
        assert post(http, "killed").status_code == 200
        assert len(model.submitted) == 2


def test_only_who_has_the_key_reads_what_is_kept(home: Settings, model: FakeModel) -> None:
    """Neither the answer nor a hash that guesses at the request could be held against."""
    with (
        Store.open(home.database_path) as store,
        running(create_app(FakeModels(model), store, home)) as url,
        httpx.Client(base_url=url, timeout=300) as http,
    ):
        said = post(http, "3f1c-secret").content
        [row] = store.objects.listed(idempotency.KIND, owner="").items
        post(http, "3f1c-other")
        prints = {
            each.body["fingerprint"] for each in store.objects.listed(row.kind, owner="").items
        }
    assert len(prints) == 2  # of one and the same request
    kept = b"".join(path.read_bytes() for path in home.home.rglob("*") if path.is_file())
    assert row.body["sealed"].encode() in kept
    for secret in (b"3f1c", said, base64.b64encode(said)):
        assert secret not in kept
    assert said not in base64.b64decode(row.body["sealed"])
    found = idempotency.opened(row.body["sealed"], idempotency.secret_of("", "3f1c-secret"))
    assert base64.b64decode(found["body"]) == said
    for owner, key in (("", "3f1c-other"), ("somebody", "3f1c-secret")):
        with pytest.raises(InvalidTag):
            idempotency.opened(row.body["sealed"], idempotency.secret_of(owner, key))


def test_after_a_day_the_key_is_new(home: Settings, model: FakeModel) -> None:
    with (
        Store.open(home.database_path) as store,
        running(create_app(FakeModels(model), store, home)) as url,
        httpx.Client(base_url=url, timeout=300) as http,
    ):
        post(http, "old")
        [row] = store.objects.listed(idempotency.KIND, owner="").items
        assert row.expires_at is not None
        assert row.expires_at - row.created_at == pytest.approx(86_400, abs=5)
        store.objects.change(
            row.kind, row.id, owner="", change=lambda old: idempotency.replace(old, expires_at=1.0)
        )
        assert post(http, "old", n=2).status_code == 200
        assert len(model.submitted) == 2


def test_each_owner_has_their_own(home: Settings, model: FakeModel) -> None:
    with (
        Store.open(home.database_path) as store,
        running(create_app(FakeModels(model), store, home)) as url,
    ):
        user = store.people.add_user("Ada", by=Actor())
        ids = set()
        for name in ("a", "b"):
            project = store.people.add_project(name, by=Actor())
            _, key = store.keys.add("k", user_id=user.id, project_id=project.id, by=Actor())
            with httpx.Client(
                base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=300
            ) as http:
                ids.add(post(http, "same").json()["id"])
                ids.add(post(http, "same").json()["id"])
        assert len(ids) == len(model.submitted) == 2
