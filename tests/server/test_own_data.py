"""Export and deletion of one's own data over HTTP, the scope that they need, and retention."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor

from .fakes import FakeModel, FakeModels
from .serving import running, wait_until

MARK = "Zqxwvy"


@dataclass(frozen=True, kw_only=True)
class Served:
    http: httpx.Client
    home: Path
    store: Store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model="fake:1b", embedding_model="fake-embedding", home=tmp_path / "home")


@pytest.fixture
def served(settings: Settings) -> Iterator[Served]:
    with Store.open(settings.database_path) as store:
        models: Any = FakeModels(FakeModel())
        with (
            running(create_app(models, store, settings)) as url,
            httpx.Client(base_url=url, timeout=120) as http,
        ):
            yield Served(http=http, home=settings.home, store=store)


def key(store: Store, project: str, scopes: list[str] | None = None) -> dict[str, str]:
    user = store.people.add_user(project, role="member", by=Actor()).id
    made = store.people.add_project(project, by=Actor()).id
    _, secret = store.keys.add(project, user_id=user, project_id=made, scopes=scopes, by=Actor())
    return {"authorization": f"Bearer {secret}"}


def fill(served: Served, headers: dict[str, str], mark: str) -> None:
    file = {"file": ("a.txt", f"{mark} file".encode(), "text/plain")}
    done = served.http.post("/v1/files", files=file, data={"purpose": "user_data"}, headers=headers)
    assert done.status_code == 200
    said = {"model": "fake:1b", "input": f"{mark} asked", "store": True}
    again = headers | {"idempotency-key": mark}
    assert served.http.post("/v1/responses", json=said, headers=again).status_code == 200
    new = {"title": f"{mark} title"}
    assert served.http.post("/api/conversations", json=new, headers=headers).status_code == 200


def exported(served: Served, headers: dict[str, str]) -> dict[str, bytes]:
    found = served.http.get("/v1/fireside/export", headers=headers)
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_ones_own_data_comes_out_and_goes(served: Served) -> None:
    mine, theirs = key(served.store, "mine"), key(served.store, "theirs")
    fill(served, mine, MARK)
    fill(served, theirs, "Kjhgtr")
    everything = b"".join(exported(served, mine).values())
    for part in ("file", "asked", "title"):
        assert f"{MARK} {part}".encode() in everything
    assert b"Kjhgtr" not in everything
    left_over = served.home / "files"
    assert wait_until(lambda: not list(left_over.glob(".incoming-*")))
    refused = served.http.delete("/v1/fireside/data", headers=mine)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "confirm"
    before = exported(served, theirs)
    done = served.http.delete("/v1/fireside/data?confirm=everything", headers=mine)
    assert done.status_code == 200
    assert done.json()["deleted"] is True
    assert done.json()["rows"]["file"] == 1
    left = json.loads(exported(served, mine)["about.json"])
    assert left["rows"] == {}
    assert set(exported(served, theirs)) == set(before)
    served.store.erasure.scrub()
    for path in served.home.rglob("*"):
        if path.is_file():
            assert MARK.encode() not in path.read_bytes(), path


def test_a_narrow_key_needs_the_scope(served: Served) -> None:
    narrow = key(served.store, "narrow", ["inference"])
    right = key(served.store, "right", ["data"])
    for method, url in (("GET", "/v1/fireside/export"), ("DELETE", "/v1/fireside/data")):
        answer = served.http.request(method, url, headers=narrow)
        assert answer.status_code == 403
        assert "data" in answer.json()["error"]["message"]
    assert served.http.get("/v1/fireside/export", headers=right).status_code == 200


def test_what_runs_is_named(served: Served) -> None:
    job = served.store.objects.add("ft_job", "ftjob", {}, owner="", status="running")
    answer = served.http.delete("/v1/fireside/data?confirm=everything")
    assert answer.status_code == 409
    assert job.id in answer.json()["error"]["message"]


def test_the_server_sweeps_what_is_too_old(settings: Settings) -> None:
    from sqlalchemy import update

    from fireside.storage.schema import conversations

    old = settings.model_copy(update={"retention_days": 30})
    with Store.open(settings.database_path) as store:
        made, kept = (store.create_conversation(title=MARK) for _ in range(2))
        with store._writer.begin() as connection:
            c = conversations.c
            connection.execute(update(conversations).where(c.id == made.id).values(updated_at=1.0))
        models: Any = FakeModels(FakeModel())
        with running(create_app(models, store, old)):
            assert wait_until(lambda: [c.id for c in store.conversations()] == [kept.id])
