"""`/v1/organization`, driven by OpenAI's own admin client."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import openai
import pytest

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor

from .fakes import FakeModel, FakeModels
from .serving import running

MEMBER = {"role": "reader"}
ROOT = "/v1/organization"


@pytest.fixture(scope="module")
def organised(tmp_path_factory: pytest.TempPathFactory, model: FakeModel) -> Iterator[tuple]:
    """The address of a server with one admin, the admin's key, and the store."""
    settings = Settings(model="fake:1b", home=tmp_path_factory.mktemp("organisation"))
    with Store.open(settings.database_path) as store:
        user = store.people.add_user("Ada", email="ada@example.org", role="admin", by=Actor())
        _, key = store.keys.add("first", user_id=user.id, by=Actor())
        with running(create_app(FakeModels(model), store, settings)) as url:
            yield url, key, store


@pytest.fixture
def admin(organised: tuple) -> Iterator[httpx.Client]:
    url, key, _ = organised
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=300) as client:
        yield client


@pytest.fixture
def sdk(organised: tuple) -> Iterator[openai.OpenAI]:
    url, key, _ = organised
    with openai.OpenAI(
        base_url=f"{url}/v1", api_key="none", admin_api_key=key, max_retries=0
    ) as client:
        yield client


def status(client: httpx.Client, key: str, url: str = "/v1/models") -> int:
    return client.get(url, headers={"authorization": f"Bearer {key}"}).status_code


def test_admin_keys_with_the_sdk(sdk: openai.OpenAI, admin: httpx.Client) -> None:
    keys = sdk.admin.organization.admin_api_keys
    made = keys.create(name="robot", expires_in_seconds=3600)
    assert made.value.startswith("fs-")
    assert made.redacted_value.startswith(made.value[:11])
    assert made.value not in made.redacted_value
    assert made.expires_at is not None
    assert 3590 < made.expires_at - time.time() <= 3600
    assert made.owner.role == "owner"
    assert [each.id for each in keys.list()] == [made.id]
    assert "value" not in admin.get(f"{ROOT}/admin_api_keys/{made.id}").json()
    assert status(admin, made.value, f"{ROOT}/users") == 200
    assert status(admin, made.value) == 403  # for administration alone
    assert keys.delete(made.id).deleted
    assert status(admin, made.value, f"{ROOT}/users") == 401
    with pytest.raises(openai.NotFoundError):
        keys.retrieve(made.id)


def test_projects_with_the_sdk(sdk: openai.OpenAI, admin: httpx.Client) -> None:
    projects = sdk.admin.organization.projects
    made = projects.create(name="Support")
    assert (made.object, made.status, made.archived_at) == ("organization.project", "active", None)
    assert projects.update(made.id, name="Support desk").name == "Support desk"
    assert {"proj_default", made.id} <= {each.id for each in projects.list()}
    account = projects.service_accounts.create(made.id, name="bot")
    assert account.api_key is not None
    assert status(admin, account.api_key.value) == 200
    [key] = projects.api_keys.list(made.id)
    assert key.id == account.api_key.id
    assert key.owner.service_account is not None
    assert key.owner.service_account.id == account.id
    assert [each.id for each in projects.service_accounts.list(made.id)] == [account.id]
    assert projects.archive(made.id).status == "archived"
    assert status(admin, account.api_key.value) == 401
    assert made.id not in {each.id for each in projects.list()}
    assert made.id in {each.id for each in projects.list(include_archived=True)}
    assert admin.post(f"{ROOT}/projects/proj_default/archive").status_code == 409


def test_a_service_account_ends_with_its_keys(sdk: openai.OpenAI, admin: httpx.Client) -> None:
    projects = sdk.admin.organization.projects
    made = projects.create(name="Short")
    account = projects.service_accounts.create(made.id, name="bot")
    assert projects.service_accounts.retrieve(account.id, project_id=made.id).name == "bot"
    with pytest.raises(openai.NotFoundError):
        projects.service_accounts.retrieve(account.id, project_id="proj_default")
    assert projects.service_accounts.delete(account.id, project_id=made.id).deleted
    assert status(admin, account.api_key.value) == 401
    alone = projects.service_accounts.create(
        made.id, name="alone", create_service_account_only=True
    )
    assert (alone.api_key, alone.role) == (None, "none")


def test_a_members_key(admin: httpx.Client, sdk: openai.OpenAI, organised: tuple) -> None:
    user = admin.post(f"{ROOT}/users", json={"name": "Mo", "email": "mo@example.org"}).json()
    assert user["role"] == "reader"
    made = admin.post(
        f"{ROOT}/projects/proj_default/api_keys",
        json={
            "name": "Mo's", "user_id": user["id"], "scopes": ["models.read"],
            "requests_per_minute": 3, "expires_in_seconds": 60,
        },
    ).json()  # fmt: skip
    assert made["scopes"] == ["models.read"]
    assert status(admin, made["value"]) == 200
    assert status(admin, made["value"], f"{ROOT}/users") == 403
    key = sdk.admin.organization.projects.api_keys.retrieve(made["id"], project_id="proj_default")
    assert key.owner.user is not None
    assert (key.owner.user.email, key.owner.user.role) == ("mo@example.org", "member")
    assert sdk.admin.organization.users.update(user["id"], role="owner").role == "owner"
    assert sdk.admin.organization.users.delete(user["id"]).deleted
    assert status(admin, made["value"]) == 401
    with pytest.raises(openai.NotFoundError):
        sdk.admin.organization.users.retrieve(user["id"])


def test_a_key_is_found_in_its_own_project_alone(admin: httpx.Client) -> None:
    other = admin.post(f"{ROOT}/projects", json={"name": "Other"}).json()["id"]
    made = admin.post(f"{ROOT}/projects/{other}/api_keys", json={"name": "a"}).json()
    assert admin.get(f"{ROOT}/projects/{other}/api_keys/{made['id']}").status_code == 200
    for method in ("GET", "DELETE"):
        url = f"{ROOT}/projects/proj_default/api_keys/{made['id']}"
        assert admin.request(method, url).status_code == 404
    assert admin.get(f"{ROOT}/admin_api_keys/{made['id']}").status_code == 404


def test_every_deed_is_in_the_audit_log(sdk: openai.OpenAI, organised: tuple) -> None:
    _, _, store = organised
    organization = sdk.admin.organization
    project = organization.projects.create(name="Watched")
    account = organization.projects.service_accounts.create(project.id, name="bot")
    organization.projects.api_keys.delete(account.api_key.id, project_id=project.id)
    organization.projects.archive(project.id)
    logs = list(organization.audit_logs.list(project_ids=[project.id]))
    assert [each.type for each in logs] == [
        "project.archived", "api_key.deleted", "api_key.created", "service_account.created",
        "project.created",
    ]  # fmt: skip
    for each in logs:
        assert each.actor is not None
        assert each.actor.type == "api_key"
        assert each.actor.api_key is not None
        assert store.keys.holder_of(each.actor.api_key.id).user.name == "Ada"
    assert logs[1].api_key_deleted is not None
    assert logs[1].api_key_deleted.id == account.api_key.id
    only = organization.audit_logs.list(event_types=["project.created"], resource_ids=[project.id])
    assert [each.id for each in only] == [logs[-1].id]
    at = logs[-1].effective_at
    within = {"project_ids": [project.id], "event_types": ["project.created"]}
    for moment, found in (
        ({"gte": at}, 1), ({"gt": at}, 0), ({"lte": at}, 1), ({"lt": at}, 0),
    ):  # fmt: skip
        listed = organization.audit_logs.list(effective_at=moment, **within)
        assert len(listed.data) == found


def test_pages(admin: httpx.Client) -> None:
    for n in range(5):
        admin.post(f"{ROOT}/projects", json={"name": f"p{n}"})
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = admin.get(f"{ROOT}/projects", params={"limit": 2, "order": "asc"} | after).json()
        seen += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        after = {"after": page["last_id"]}
    everything = admin.get(f"{ROOT}/projects?limit=100&order=asc").json()["data"]
    assert seen == [each["id"] for each in everything]
    last = admin.get(f"{ROOT}/projects", params={"order": "asc", "before": seen[3], "limit": 2})
    assert [each["id"] for each in last.json()["data"]] == seen[1:3]


@pytest.mark.parametrize(
    ("url", "body", "param"),
    [
        ("/users", {}, "name"),
        ("/users", {"name": ""}, "name"),
        ("/users", {"name": "a" * 10_000}, "name"),
        ("/users", {"name": "a", "email": "nobody"}, "email"),
        ("/users", {"name": "a", "role": "king"}, "role"),
        ("/users", {"name": "a", "wings": 2}, "wings"),
        ("/projects", {"name": 5}, "name"),
        ("/projects", {"name": "a", "geography": "EU"}, "geography"),
        ("/admin_api_keys", {"name": "a", "expires_in_seconds": 0}, "expires_in_seconds"),
        ("/admin_api_keys", {"name": "a", "expires_in_seconds": 2**63}, "expires_in_seconds"),
        ("/admin_api_keys", {"name": "a", "expires_in_seconds": 1e308}, "expires_in_seconds"),
        ("/projects/proj_default/api_keys", {"name": "a", "scopes": ["all"]}, "scopes[0]"),
        ("/projects/proj_default/api_keys", {"name": "a", "tokens_total": -1}, "tokens_total"),
        (
            "/projects/proj_default/api_keys",
            {"name": "a", "requests_per_minute": 2**63},
            "requests_per_minute",
        ),
    ],
)
def test_bad_bodies(admin: httpx.Client, url: str, body: dict[str, object], param: str) -> None:
    answer = admin.post(ROOT + url, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null", b"\xff", b'{"name": NaN}'])
def test_bodies_that_are_none(admin: httpx.Client, raw: bytes) -> None:
    headers = {"content-type": "application/json"}
    for url in ("/users", "/projects", "/admin_api_keys", "/projects/proj_default/api_keys"):
        assert admin.post(ROOT + url, content=raw, headers=headers).status_code == 400


@pytest.mark.parametrize(
    "wrong", ["proj_x", "..%2F..%2Fetc", "a%00b", "x" * 10_000, "%F0%9F%94%A5"]
)
def test_bad_ids(admin: httpx.Client, wrong: str) -> None:
    for url in (f"/users/{wrong}", f"/projects/{wrong}", f"/projects/{wrong}/api_keys",
                f"/admin_api_keys/{wrong}"):  # fmt: skip
        answer = admin.get(ROOT + url)
        assert answer.status_code == 404, answer.text
        assert len(answer.json()["error"]["message"]) < 600
    assert admin.get(f"{ROOT}/users?after={wrong}").status_code in (400, 404)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=NaN", "limit=9223372036854775808", "order=up"]
)
def test_bad_pages(admin: httpx.Client, query: str) -> None:
    for url in ("/users", "/projects", "/admin_api_keys", "/audit_logs"):
        assert admin.get(f"{ROOT}{url}?{query}").status_code == 400
    assert admin.get(f"{ROOT}/audit_logs?effective_at[gte]=1e308").status_code == 400


def test_an_open_server_has_one_admin_and_no_first_key(http: httpx.Client) -> None:
    assert http.get(f"{ROOT}/users").status_code == 200
    answer = http.post(f"{ROOT}/admin_api_keys", json={"name": "a"})
    assert answer.status_code == 400
    assert "fireside keys create" in answer.json()["error"]["message"]
