"""Keys: who gets in, how far, how much, and what nobody learns."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import FiresideError
from fireside.server.app import create_app
from fireside.server.budgets import Account, Bucket, QuotaSpent, RateLimited, duration
from fireside.server.keys import is_loopback, secret_of
from fireside.server.scopes import SCOPES, is_open, scope_of
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor, Holder, Key, Limits

from .fakes import FakeModel, FakeModels
from .serving import running, wait_until

ASK = {"model": "fake:1b", "messages": [{"role": "user", "content": "a secret question"}]}
MakeKey = Callable[..., str]


@pytest.fixture(scope="module")
def closed_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("closed") / "fireside.db") as store:
        yield store


@pytest.fixture(scope="module")
def admin(closed_store: Store) -> str:
    user = closed_store.people.add_user("Ada", email="ada@example.org", role="admin", by=Actor())
    return closed_store.keys.add("admin's", user_id=user.id, by=Actor())[1]


@pytest.fixture(scope="module")
def closed(
    closed_store: Store, admin: str, model: FakeModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server that has keys."""
    settings = Settings(model="fake:1b", max_queue=8, home=tmp_path_factory.mktemp("home"))
    with running(create_app(FakeModels(model), closed_store, settings)) as url:
        yield url


@pytest.fixture
def make_key(closed_store: Store, admin: str) -> MakeKey:
    """A new key of a member's, in a project of its own unless one is named."""

    def made(project_id: str | None = None, **how: object) -> str:
        user = closed_store.people.add_user("Mo", by=Actor())
        if project_id is None:
            project_id = closed_store.people.add_project("its own", by=Actor()).id
        how = {"by": Actor(), "user_id": user.id, "project_id": project_id} | how
        return closed_store.keys.add("key", **how)[1]

    return made


@pytest.fixture
def get(closed: str) -> Iterator[Callable[..., httpx.Response]]:
    with httpx.Client(base_url=closed, timeout=300) as client:

        def ask(url: str, key: str | None = None, method: str = "GET", **how) -> httpx.Response:
            headers = {} if key is None else {"authorization": f"Bearer {key}"}
            return client.request(method, url, headers=headers | how.pop("headers", {}), **how)

        yield ask


def code_of(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error["code"]


# An open server


@pytest.mark.parametrize("header", [None, "Bearer none", "Bearer sk-anything", "Basic eA==", "x"])
def test_without_a_key_made_any_will_do(http: httpx.Client, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    assert http.get("/v1/models", headers=headers).status_code == 200


def test_the_first_key_closes_the_server_and_its_end_does_not_open_it(
    tmp_path: object, model: FakeModel
) -> None:
    settings = Settings(model="fake:1b", home=tmp_path)
    with (
        Store.open(settings.database_path) as store,
        running(create_app(FakeModels(model), store, settings)) as url,
    ):
        assert httpx.get(f"{url}/v1/models", timeout=300).status_code == 200
        user = store.people.add_user("Ada", role="admin", by=Actor())
        key, secret = store.keys.add("first", user_id=user.id, by=Actor())
        assert httpx.get(f"{url}/v1/models", timeout=300).status_code == 401
        shown = {"authorization": f"Bearer {secret}"}
        assert httpx.get(f"{url}/v1/models", headers=shown, timeout=300).status_code == 200
        store.keys.revoke(key.id, by=Actor())
        assert httpx.get(f"{url}/v1/models", timeout=300).status_code == 401
        assert httpx.get(f"{url}/v1/models", headers=shown, timeout=300).status_code == 401


def test_another_address_is_never_open(tmp_path: object, model: FakeModel) -> None:
    settings = Settings(model="fake:1b", home=tmp_path, host="0.0.0.0")
    with (
        Store.open(settings.database_path) as store,
        running(create_app(FakeModels(model), store, settings)) as url,
    ):
        assert httpx.get(f"{url}/v1/models", timeout=300).status_code == 401
        assert (
            httpx.get(f"{url}/health", headers={"host": "a.name"}, timeout=300).status_code == 200
        )


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True),
        ("localhost", True), ("0.0.0.0", False), ("::", False), ("", False),
        ("192.168.1.4", False), ("my-machine", False), ("localhost.evil.example", False),
    ],
)  # fmt: skip
def test_loopback(host: str, is_it: bool) -> None:
    assert is_loopback(host) is is_it


# Getting in


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"authorization": "Bearer none"},
        {"authorization": "Bearer fs-" + "A" * 43},
        {"authorization": "Bearer " + "fs-" * 3000},
        {"authorization": "Bearer"},
        {"authorization": "Basic ZnM6"},
        {"cookie": "fireside_key=fs-nothing"},
        {"cookie": "=;;[fireside_key"},
    ],
)
def test_who_shows_no_key_or_a_wrong_one_is_turned_away(
    get: Callable[..., httpx.Response], header: dict[str, str]
) -> None:
    for method, url in (("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("GET", "/no")):
        answer = get(url, method=method, headers=header)
        assert answer.status_code == 401
        assert code_of(answer) == "invalid_api_key"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["x-request-id"]


def test_a_wrong_ending_is_a_wrong_key(get: Callable[..., httpx.Response], admin: str) -> None:
    assert get("/v1/models", admin).status_code == 200
    other = "A" if admin[-1] != "A" else "B"
    for wrong in (admin[:-1], admin + "A", admin[:-1] + other, admin.upper(), admin[3:]):
        assert get("/v1/models", wrong).status_code == 401


def test_the_sdk_says_so(closed: str, admin: str) -> None:
    with pytest.raises(openai.AuthenticationError, match="wrong"):
        openai.OpenAI(base_url=f"{closed}/v1", api_key="none", max_retries=0).models.list()
    with openai.OpenAI(base_url=f"{closed}/v1", api_key=admin, max_retries=0) as client:
        assert client.models.list().data


def test_an_expired_key(get: Callable[..., httpx.Response], make_key: MakeKey) -> None:
    assert get("/v1/models", make_key(expires_at=time.time() + 3600)).status_code == 200
    answer = get("/v1/models", make_key(expires_at=time.time() - 1))
    assert answer.status_code == 401
    assert "expired" in answer.json()["error"]["message"]


def test_a_removed_users_and_an_archived_projects_keys(
    get: Callable[..., httpx.Response], closed_store: Store, make_key: MakeKey
) -> None:
    project = closed_store.people.add_project("short-lived", by=Actor())
    in_project = make_key(project.id)
    closed_store.people.archive_project(project.id, by=Actor())
    assert get("/v1/models", in_project).status_code == 401
    users = make_key()
    holder = closed_store.keys.holder(users)
    assert holder is not None
    closed_store.people.remove_user(holder.user.id, by=Actor())
    assert get("/v1/models", users).status_code == 401


@pytest.mark.parametrize("url", ["/health", "/ready", "/", "/page/main.js", "/openapi.json"])
def test_what_anybody_may_see(get: Callable[..., httpx.Response], url: str) -> None:
    assert get(url).status_code == 200


# How far


def test_every_url_belongs_to_a_scope(model: FakeModel, store: Store, settings: Settings) -> None:
    """A new endpoint is closed to narrow keys until `scopes.py` says whose it is."""
    paths = create_app(FakeModels(model), store, settings).openapi()["paths"]
    assert len(paths) > 10
    for path, methods in paths.items():
        for method in methods:
            scope = scope_of(method.upper(), path)
            assert is_open(path) or scope in SCOPES, f"{method} {path}"


def test_a_scoped_key_does_what_it_is_for(
    get: Callable[..., httpx.Response], make_key: MakeKey
) -> None:
    key = make_key(scopes=["models.read"])
    assert get("/v1/models", key).status_code == 200
    answer = get("/v1/chat/completions", key, "POST", json=ASK)
    assert answer.status_code == 403
    assert code_of(answer) == "missing_scope"
    assert "inference" in answer.json()["error"]["message"]
    assert get("/v1/no/such", key).status_code == 403
    assert get("/v1/models", make_key(scopes=[])).status_code == 403


def test_a_member_is_no_admin(get: Callable[..., httpx.Response], make_key: MakeKey) -> None:
    for key in (make_key(), make_key(scopes=["admin"])):
        assert get("/v1/organization/users", key).status_code == 403
        assert get("/api/models/pull", key, "POST", json={"name": "a"}).status_code == 403


def test_a_demoted_admins_key_is_a_members(
    get: Callable[..., httpx.Response], closed_store: Store
) -> None:
    user = closed_store.people.add_user("Eve", role="admin", by=Actor())
    _, key = closed_store.keys.add("key", user_id=user.id, by=Actor())
    assert get("/v1/organization/users", key).status_code == 200
    closed_store.people.set_role(user.id, "member", by=Actor())
    assert get("/v1/organization/users", key).status_code == 403


# How much


def test_requests_per_minute(get: Callable[..., httpx.Response], make_key: MakeKey) -> None:
    key = make_key(limits=Limits(requests_per_minute=2))
    first, second, third = (get("/v1/models", key) for _ in range(3))
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert first.headers["x-ratelimit-reset-requests"].endswith("s")
    assert second.headers["x-ratelimit-remaining-requests"] == "0"
    assert third.status_code == 429
    assert code_of(third) == "rate_limit_exceeded"
    assert third.json()["error"]["type"] == "requests"
    assert 1 <= int(third.headers["retry-after"]) <= 30
    assert get("/v1/models", make_key()).status_code == 200


def test_tokens_of_the_whole_life(
    get: Callable[..., httpx.Response], make_key: MakeKey, closed_store: Store
) -> None:
    key = make_key(limits=Limits(tokens_total=30, tokens_per_minute=1000))
    began = time.monotonic()
    answer = get("/v1/chat/completions", key, "POST", json=ASK)
    assert answer.status_code == 200
    used = answer.json()["usage"]["total_tokens"]
    assert used > 30
    left = 1000 - int(answer.headers["x-ratelimit-remaining-tokens"])
    refilled = (time.monotonic() - began) * 1000 / 60
    assert used - 1 - refilled <= left <= used
    answer = get("/v1/chat/completions", key, "POST", json=ASK)
    assert answer.status_code == 429
    assert code_of(answer) == "insufficient_quota"
    assert answer.headers["x-should-retry"] == "false"

    def written() -> bool:
        holder = closed_store.keys.holder(key)
        return holder is not None and holder.key.tokens_used == used

    assert wait_until(written)


def test_a_stream_is_charged_too(
    get: Callable[..., httpx.Response], make_key: MakeKey, closed_store: Store
) -> None:
    key = make_key(limits=Limits(tokens_per_minute=1))
    answer = get("/v1/chat/completions", key, "POST", json=ASK | {"stream": True})
    assert "[DONE]" in answer.text
    answer = get("/v1/chat/completions", key, "POST", json=ASK)
    assert (answer.status_code, answer.json()["error"]["type"]) == (429, "tokens")


def talking(address: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)


def said(connection: Any) -> Any:
    """The event that ends the answer to one message."""
    connection.send({"type": "response.create", "model": "fake:1b", "input": "Hi"})
    while (event := connection.recv()).type not in ("response.completed", "error"):
        pass
    return event


def test_every_message_of_a_websocket_is_a_request(closed: str, make_key: MakeKey) -> None:
    key = make_key(limits=Limits(requests_per_minute=2))
    with talking(closed, key) as client, client.responses.connect() as connection:
        kinds = [said(connection).type for _ in range(3)]
    assert kinds == ["response.completed", "response.completed", "error"]


def test_a_key_that_is_revoked_ends_what_a_websocket_may_ask(
    closed: str, closed_store: Store, make_key: MakeKey
) -> None:
    key = make_key()
    with talking(closed, key) as client, client.responses.connect() as connection:
        assert said(connection).type == "response.completed"
        holder = closed_store.keys.holder(key)
        assert holder is not None
        closed_store.keys.revoke(holder.key.id, by=Actor())
        refusal = said(connection)
    assert (refusal.type, refusal.status) == ("error", 401)


def make_key_of(store: Store, holder: Holder) -> str:
    """Another key of the same project, without limits."""
    how: Any = {"user_id": holder.user.id, "project_id": holder.project.id}
    return store.keys.add("other", by=Actor(), **how)[1]


def test_a_batch_ends_with_its_keys_budget(
    closed: str, closed_store: Store, make_key: MakeKey
) -> None:
    """Its further lines are refused at once, instead of asked again for a day."""
    key = make_key(limits=Limits(tokens_total=1))
    lines = [
        {"custom_id": str(n), "method": "POST", "url": "/v1/completions",
         "body": {"model": "fake:1b", "prompt": "Hi"}}
        for n in range(20)
    ]  # fmt: skip
    raw = "\n".join(map(json.dumps, lines)).encode()
    with talking(closed, key) as client:
        file = client.files.create(file=("a.jsonl", raw), purpose="batch")
        made = client.batches.create(
            input_file_id=file.id, endpoint="/v1/completions", completion_window="24h"
        )
    holder = closed_store.keys.holder(key)
    assert holder is not None

    def over() -> bool:
        row = closed_store.objects.get("batch", made.id, owner=None)
        return row.status == "completed"

    assert wait_until(over)
    with talking(closed, make_key_of(closed_store, holder)) as client:
        counts = client.batches.retrieve(made.id).request_counts
    assert counts is not None
    assert counts.completed >= 1
    assert counts.failed >= 1
    assert counts.completed + counts.failed == len(lines)


def key_with(**limits: int) -> Key:
    return Key(
        id="key_1", kind="project", name="", prefix="", user_id="", project_id="", scopes=None,
        limits=Limits(**limits), tokens_used=0, created_at=0, expires_at=None, last_used_at=None,
        revoked_at=None,
    )  # fmt: skip


@given(st.integers(1, 1000), st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_no_more_than_the_limit_in_any_minute(limit: int, gaps: list[float]) -> None:
    """Law: of requests at any times, at most twice the limit fall into one minute (a full bucket,
    and what fills meanwhile), and whoever waits as told is let in."""
    account = Account(key_with(requests_per_minute=limit), now=0.0)
    now, admitted = 0.0, []
    for gap in gaps:
        now += gap
        try:
            account.admit(0, now)
            admitted.append(now)
        except RateLimited as error:
            account.admit(0, now + error.retry_after + 1e-6)
            now += error.retry_after + 1e-6
            admitted.append(now)
    for begin in admitted:
        assert sum(begin <= at < begin + 60 for at in admitted) <= 2 * limit


def test_a_debt_is_paid_before_the_next() -> None:
    bucket = Bucket(60, now=0.0)
    bucket.take(120, now=0.0)
    assert bucket.seconds_until(1) == 61
    bucket.fill(61.0)
    assert bucket.seconds_until(1) == 0


def test_a_spent_total_never_comes_back() -> None:
    account = Account(key_with(tokens_total=5), now=0.0)
    account.admit(4, 0.0)
    with pytest.raises(QuotaSpent):
        account.admit(5, 1e9)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.0071, "8ms"), (1, "1s"), (1.5, "1.5s"), (60, "1m0s"), (359.999, "5m59.999s")],
)
def test_durations_as_openai_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# What nobody learns


def test_nothing_of_a_key_or_a_question_reaches_a_log(
    get: Callable[..., httpx.Response],
    make_key: MakeKey,
    model: FakeModel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    key = make_key()
    question = "the-very-private-question"
    ask = ASK | {"messages": [{"role": "user", "content": question}]}
    get("/v1/chat/completions", key, "POST", json=ask)
    get("/v1/chat/completions", key, "POST", json=ask | {"wings": question})
    get("/v1/chat/completions", "fs-wrong-" + key, "POST", json=ask)
    model.refuses = RuntimeError(f"a bug that quotes {question}")
    assert get("/v1/chat/completions", key, "POST", json=ask).status_code == 500
    model.refuses = None
    model.fails_at = 2
    get("/v1/chat/completions", key, "POST", json=ask | {"stream": True})
    mine = [record for record in caplog.records if not record.name.startswith("http")]
    written = "\n".join(logging.Formatter().format(record) for record in mine)
    assert "RuntimeError" in written  # the bug itself is told
    assert key not in written
    assert question not in written


def test_the_database_holds_no_key(closed_store: Store, admin: str, make_key: MakeKey) -> None:
    made = make_key()
    with closed_store.keys._reader.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM keys").all()
        lines = connection.exec_driver_sql("SELECT * FROM audit").all()
    for secret in (admin, made):
        assert secret not in repr(rows) + repr(lines)
        assert secret[12:] not in repr(rows) + repr(lines)


def test_a_key_is_256_random_bits(make_key: MakeKey) -> None:
    made = {make_key() for _ in range(3)}
    assert len(made) == 3
    assert all(each.startswith("fs-") and len(each) == 3 + 43 for each in made)


def test_a_websocket_may_name_its_key_as_a_protocol() -> None:
    scope = {"type": "websocket", "path": "/v1/responses", "headers": []}
    assert secret_of(scope | {"subprotocols": ["realtime"]}) is None
    assert secret_of(scope | {"subprotocols": ["openai-insecure-api-key.fs-a"]}) == "fs-a"


def test_errors_are_of_our_tree() -> None:
    assert issubclass(QuotaSpent, FiresideError)
