"""What no endpoint may do, whatever it is for: a 5xx, an answer without OpenAI's envelope, or a
difference between another owner's object and none at all.

The endpoints come from `/openapi.json`, so a new one is tried without a line here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor, Role

from .fakes import FakeModel, FakeModels
from .serving import running
from .test_bad_input import refused

PARAMETER = re.compile(r"\{([^}]+)\}")
IDS = ("nope", "../../etc/passwd", "a\0b", "x" * 10_000, "' OR 1=1 --", "é" * 100, "%s%n")
BODIES = {
    "none": b"",
    "a list": b"[]",
    "a string": b'"a"',
    "a number": b"5",
    "null": b"null",
    "truncated": b'{"model": ',
    "an unknown field": b'{"wings": 2}',
    "wrong types": b'{"model": [1], "input": 5, "name": {}, "messages": "a", "file_ids": 7}',
    "deep": b'{"a":' * 60_000 + b"1" + b"}" * 60_000,
    "no text": b"\xff\xfe\x00",
    "a lone surrogate": b'{"name": "\\ud800"}',
    "huge numbers": b'{"limit": 1e999, "n": 9223372036854775808, "expires_at": 1e308}',
}


@dataclass(frozen=True, kw_only=True)
class Keyed:
    """A server with two people's keys."""

    http: httpx.Client
    mine: dict[str, str]
    theirs: dict[str, str]
    store: Store
    paths: dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    home = tmp_path_factory.mktemp("keyed")
    settings = Settings(model="fake:1b", embedding_model="fake-embedding", home=home)
    with Store.open(home / "fireside.db") as store:
        headers = []
        people: dict[str, Role] = {"Ada": "admin", "Bob": "member"}
        for name, role in people.items():
            user = store.people.add_user(name, role=role, by=Actor()).id
            project = store.people.add_project(name, by=Actor()).id
            _, key = store.keys.add(name, user_id=user, project_id=project, by=Actor())
            headers.append({"authorization": f"Bearer {key}"})
        models: Any = FakeModels(FakeModel())
        app = create_app(models, store, settings)
        with running(app) as url, httpx.Client(base_url=url, timeout=120) as http:
            paths = http.get("/openapi.json", headers=headers[0]).json()["paths"]
            yield Keyed(
                http=http, mine=headers[0], theirs=headers[1], store=store, paths=paths
            )  # fmt: skip


def operations(keyed: Keyed) -> Iterator[tuple[str, str]]:
    for path, methods in keyed.paths.items():
        for method in methods:
            if method in ("get", "post", "delete", "put", "patch"):
                yield method, path


def filled(path: str, value: str) -> str:
    return PARAMETER.sub(lambda _: quote(value, safe=""), path)


@pytest.mark.parametrize("kind", BODIES)
def test_bodies(keyed: Keyed, kind: str) -> None:
    for method, path in operations(keyed):
        if method != "post":
            continue
        answer = keyed.http.post(
            filled(path, "nope"),
            content=BODIES[kind],
            headers=keyed.mine | {"content-type": "application/json"},
        )
        if "{" not in path and kind in ("none", "an unknown field") and answer.status_code == 200:
            continue  # all its fields may be left out
        assert 400 <= answer.status_code < 500, (method, path, answer.status_code, answer.text)
        refused(answer, answer.status_code)


def test_an_unknown_field_is_named(keyed: Keyed) -> None:
    for method, path in operations(keyed):
        body = keyed.paths[path][method].get("requestBody")  # type: ignore[attr-defined]
        if method != "post" or "{" in path or body is None:
            continue
        if "application/json" not in body["content"]:
            continue
        answer = keyed.http.post(path, json={"wings": 2}, headers=keyed.mine)
        assert answer.status_code == 400, (path, answer.text)
        assert "wings" in answer.text or "required" in answer.text, (path, answer.text)


def test_wrong_content_types(keyed: Keyed) -> None:
    for method, path in operations(keyed):
        if method != "post":
            continue
        for kind in ("text/plain", "application/xml", "multipart/form-data", ""):
            answer = keyed.http.post(
                filled(path, "nope"),
                content=b"a=b",
                headers=keyed.mine | {"content-type": kind},
            )
            assert 400 <= answer.status_code < 500, (path, kind, answer.status_code, answer.text)
            refused(answer, answer.status_code)


@pytest.mark.parametrize("value", IDS)
def test_ids(keyed: Keyed, value: str) -> None:
    for method, path in operations(keyed):
        if "{" not in path:
            continue
        answer = keyed.http.request(
            method, filled(path, value), headers=keyed.mine, json={} if method == "post" else None
        )
        assert 400 <= answer.status_code < 500, (method, path, answer.status_code, answer.text)
        refused(answer, answer.status_code)


def test_nobody_can_tell_anothers_from_none(keyed: Keyed) -> None:
    """Whatever Ada has, Bob is told of it what he is told of nothing."""
    ids = made(keyed)
    tried = 0
    for method, path in operations(keyed):
        names = PARAMETER.findall(path)
        if not names or not all(name in ids for name in names):
            continue
        tried += 1
        other = {name: ids[name][:-3] + "zzz" for name in names}

        def told(values: dict[str, str], method: str = method, path: str = path) -> tuple[int, str]:
            url = PARAMETER.sub(lambda found: quote(values[found.group(1)], safe=""), path)
            body: dict[str, str] | None = {} if method == "post" else None
            answer = keyed.http.request(method, url, headers=keyed.theirs, json=body)
            text = answer.text
            for value in values.values():
                text = text.replace(value, "ID")
            return answer.status_code, text

        assert told(ids) == told(other), (method, path)
    assert tried > 44
    for name in ("files", "vector_stores", "batches", "evals", "chat/completions"):
        seen = keyed.http.get(f"/v1/{name}", headers=keyed.theirs).json()["data"]
        assert seen == [], name


def made(keyed: Keyed) -> dict[str, str]:
    """One of each of Ada's, by the name that paths have for it."""

    def post(path: str, body: dict[str, object]) -> dict[str, object]:
        answer = keyed.http.post(path, json=body, headers=keyed.mine)
        assert answer.is_success, (path, answer.text)
        found: dict[str, object] = answer.json()
        return found

    def ident(found: dict[str, object]) -> str:
        return str(found["id"])

    line = {"custom_id": "a", "method": "POST", "url": "/v1/completions",
            "body": {"model": "fake:1b", "prompt": "a"}}  # fmt: skip
    uploaded = keyed.http.post(
        "/v1/files",
        files={"file": ("a.jsonl", json.dumps(line).encode())},
        data={"purpose": "batch"},
        headers=keyed.mine,
    ).json()
    said = [{"role": "user", "content": "Hi"}]
    conversation = post("/v1/conversations", {"items": [{"type": "message"} | said[0]]})
    items = keyed.http.get(
        f"/v1/conversations/{conversation['id']}/items", headers=keyed.mine
    ).json()["data"]
    store = post("/v1/vector_stores", {"name": "a"})
    attached = post(f"/v1/vector_stores/{store['id']}/files", {"file_id": uploaded["id"]})
    several = post(f"/v1/vector_stores/{store['id']}/file_batches", {"file_ids": [uploaded["id"]]})
    batch = post("/v1/batches", {"input_file_id": uploaded["id"], "endpoint": "/v1/completions",
                                 "completion_window": "24h"})  # fmt: skip
    upload = post("/v1/uploads", {"bytes": 3, "filename": "a", "mime_type": "text/plain",
                                  "purpose": "user_data"})  # fmt: skip
    response = post("/v1/responses", {"model": "fake:1b", "input": "Hi"})
    chat = post("/v1/chat/completions", {"model": "fake:1b", "messages": said, "store": True})
    evaluation = post("/v1/evals", {
        "data_source_config": {"type": "custom", "item_schema": {"type": "object"}},
        "testing_criteria": [{"type": "string_check", "name": "a", "operation": "eq",
                              "input": "{{item.a}}", "reference": "b"}],
    })  # fmt: skip
    owner = keyed.store.objects.get("response", ident(response), owner=None).owner
    job = keyed.store.objects.add("fine_tuning.job", "ftjob", {}, owner=owner, status="failed")
    return {
        "file_id": ident(uploaded),
        "conversation_id": ident(conversation),
        "item_id": str(items[0]["id"]),
        "vector_store_id": ident(store),
        "batch_id": ident(batch) if "file_batches" not in ident(several) else ident(several),
        "upload_id": ident(upload),
        "response_id": ident(response),
        "completion_id": ident(chat),
        "job_id": job.id,
        "eval_id": ident(evaluation),
        "attached": ident(attached),
    }
