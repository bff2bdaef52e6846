"""The page on a server that has keys: sign in, see one's own, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from fireside.server.app import create_app
from fireside.server.keys import COOKIE
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor

from .fakes import FakeModel, FakeModels
from .serving import running


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, model: FakeModel
) -> Iterator[tuple[str, str, str, Store]]:
    """The address, the keys of two projects, and the store."""
    settings = Settings(model="fake:1b", home=tmp_path_factory.mktemp("two"))
    with Store.open(settings.database_path) as store:
        user = store.people.add_user("Ada", role="admin", by=Actor())
        other = store.people.add_project("other", by=Actor())
        _, first = store.keys.add("a", user_id=user.id, by=Actor())
        _, second = store.keys.add("b", user_id=user.id, project_id=other.id, by=Actor())
        with running(create_app(FakeModels(model), store, settings)) as url:
            yield url, first, second, store


@contextmanager
def signed_in(url: str, key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=300) as client:
        assert client.post("/api/session", json={"key": f" {key}\n"}).status_code == 200
        yield client


def test_the_page_is_there_and_asks_for_a_key(two: tuple) -> None:
    url, key, _, _ = two
    with httpx.Client(base_url=url, timeout=300) as client:
        assert client.get("/").status_code == 200
        assert client.get("/page/sign-in.js").status_code == 200
        assert client.get("/api/conversations").status_code == 401
        wrong = client.post("/api/session", json={"key": "fs-wrong"})
        assert wrong.status_code == 401
        assert not client.cookies
        right = client.post("/api/session", json={"key": key})
        cookie = right.headers["set-cookie"].lower()
        for part in ("httponly", "samesite=strict", "path=/api"):
            assert part in cookie
        assert "max-age" not in cookie
        assert key not in right.text
        assert client.get("/api/conversations").status_code == 200
        assert client.get("/v1/models").status_code == 401  # the cookie is the page's alone
        client.delete("/api/session")
        assert client.get("/api/conversations").status_code == 401


def test_a_cookie_is_no_way_in_from_elsewhere(two: tuple) -> None:
    url, key, _, _ = two
    answer = httpx.post(
        f"{url}/api/conversations",
        json={},
        headers={"cookie": f"{COOKIE}={key}", "origin": "https://evil.example"},
        timeout=300,
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("sent", [{}, {"key": ""}, {"key": "a;b"}, {"key": "x" * 300}, {"key": 5}])
def test_what_is_no_key(two: tuple, sent: dict[str, object]) -> None:
    answer = httpx.post(f"{two[0]}/api/session", json=sent, timeout=300)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "key"


def test_anothers_conversation_is_as_unknown_as_none(two: tuple) -> None:
    url, first, second, _ = two
    with signed_in(url, first) as mine, signed_in(url, second) as theirs:
        made = mine.post("/api/conversations", json={}).json()["id"]
        said = mine.post(f"/api/conversations/{made}/turns", json={"content": "mine"})
        assert said.status_code == 200
        message = mine.get(f"/api/conversations/{made}").json()["messages"][0]["id"]
        assert [c["id"] for c in mine.get("/api/conversations").json()["data"]] == [made]
        assert theirs.get("/api/conversations").json()["data"] == []
        for method, path, body in (
            ("GET", "/api/conversations/{c}", None),
            ("PATCH", "/api/conversations/{c}", {"title": "theirs"}),
            ("DELETE", "/api/conversations/{c}", None),
            ("POST", "/api/conversations/{c}/turns", {"content": "a"}),
            ("GET", "/api/conversations?before={c}", None),
            ("POST", "/api/messages/{m}/regenerate", {}),
            ("POST", "/api/messages/{m}/edit", {"content": "a"}),
            ("POST", "/api/messages/{m}/stop", {}),
            ("POST", "/api/messages/{m}/select", {}),
        ):
            got = theirs.request(method, path.format(c=made, m=message), json=body)
            none = theirs.request(method, path.format(c="conv_0", m="msg_0"), json=body)
            assert got.status_code == none.status_code == 404, path
            assert got.text.replace(made, "_").replace(message, "_") == none.text.replace(
                "conv_0", "_"
            ).replace("msg_0", "_")
        assert mine.get(f"/api/conversations/{made}").json()["title"] == "mine"


def test_the_default_project_has_what_was_there_before_any_key(two: tuple) -> None:
    url, first, second, store = two
    old = store.create_conversation(title="of before").id
    with signed_in(url, first) as mine, signed_in(url, second) as theirs:
        assert mine.get(f"/api/conversations/{old}").status_code == 200
        assert theirs.get(f"/api/conversations/{old}").status_code == 404
