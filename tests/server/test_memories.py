"""`/v1/fireside/memories`, from a fact to its end, and summaries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fireside.assistant.compaction import KIND as SUMMARY
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.objects import New
from fireside.storage.persons import Actor

from .fakes import FakeModel, FakeModels
from .serving import running
from .test_bad_input import refused

URL = "/v1/fireside/memories"


@pytest.fixture
def clean(http: httpx.Client) -> Iterator[httpx.Client]:
    yield http
    for each in http.get(URL, params={"status": "all", "limit": 100}).json()["data"]:
        http.delete(f"{URL}/{each['id']}", params={"purge": True})


def add(http: httpx.Client, text: str, **given: Any) -> dict[str, Any]:
    answer = http.post(URL, json={"text": text, **given})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_the_whole_way(clean: httpx.Client) -> None:
    http = clean
    made = add(http, "I live in Lisbon.")
    assert (made["object"], made["status"], made["kind"]) == ("memory", "kept", "home")
    assert made["source"] == {
        "by": "person",
        "conversation_id": None,
        "message_id": None,
        "words": "",
    }
    assert http.get(f"{URL}/{made['id']}").json() == made
    moved = add(http, "I live in Porto.")
    assert moved["supersedes"] == made["id"]
    assert [each["id"] for each in http.get(URL).json()["data"]] == [moved["id"]]
    found = http.post(f"{URL}/search", json={"query": "porto"}).json()
    assert [each["id"] for each in found["data"]] == [moved["id"]]
    assert 0 < found["data"][0]["match"] <= 1
    edited = http.post(f"{URL}/{moved['id']}", json={"persona": "tutor", "expires_after_days": 3})
    assert edited.json()["persona"] == "tutor"
    assert edited.json()["expires_at"] > edited.json()["created_at"]
    edited = http.post(f"{URL}/{moved['id']}", json={"persona": None, "expires_after_days": None})
    assert (edited.json()["persona"], edited.json()["expires_at"]) == (None, None)
    gone = http.delete(f"{URL}/{moved['id']}").json()
    assert gone == {"id": moved["id"], "object": "memory.deleted", "deleted": True, "purged": False}
    changes = http.get(f"{URL}/changes").json()["data"]
    assert [each["operation"] for each in changes] == ["forget", "expire", "expire", "add", "add"]
    undone = http.post(f"{URL}/undo", json={}).json()
    assert (undone["id"], undone["undone"]) == (changes[0]["id"], True)
    assert http.get(f"{URL}/{moved['id']}").json()["status"] == "kept"
    assert http.delete(f"{URL}/{moved['id']}", params={"purge": True}).json()["purged"] is True
    assert http.get(f"{URL}/{moved['id']}").status_code == 404


def test_a_proposed_one_is_accepted(clean: httpx.Client) -> None:
    made = add(clean, "I like jazz.", proposed=True)
    assert made["status"] == "proposed"
    assert clean.get(URL).json()["data"] == []
    assert clean.get(URL, params={"status": "proposed"}).json()["data"][0]["id"] == made["id"]
    assert clean.post(f"{URL}/{made['id']}/accept", json={}).json()["status"] == "kept"
    error = refused(clean.post(f"{URL}/{made['id']}/accept", json={}), 409)
    assert "not proposed" in error["message"]


def test_personal_data_is_kept_only_on_purpose(clean: httpx.Client) -> None:
    error = refused(clean.post(URL, json={"text": "My password is hunter2."}))
    assert (error["code"], error["param"]) == ("personal_data", "text")
    assert "hunter2" not in error["message"]
    assert add(clean, "My password is hunter2.", personal=True)["status"] == "kept"


def test_a_list_in_pages(clean: httpx.Client) -> None:
    ids = [add(clean, f"Fact of kind {word}.")["id"] for word in "abcde"]
    for order, expected in (("desc", ids[::-1]), ("asc", ids)):
        seen: list[str] = []
        page: dict[str, Any] = {"last_id": None, "has_more": True}
        while page["has_more"]:
            after = {"after": page["last_id"]} if page["last_id"] else {}
            page = clean.get(URL, params={"order": order, "limit": 2, **after}).json()
            seen += [each["id"] for each in page["data"]]
        assert seen == expected
        before = {"order": order, "limit": 2, "before": expected[-1]}
        page = clean.get(URL, params=before).json()
        assert [each["id"] for each in page["data"]] == expected[-3:-1]
    refused(clean.get(URL, params={"after": "mem_none"}), 404)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("", {}, "text"),
        ("", {"text": "   "}, "text"),
        ("", {"text": "a" * 1_000_000}, "text"),
        ("", {"text": 3}, "text"),
        ("", {"text": "I like tea.", "persona": "No Such/Name"}, "persona"),
        ("", {"text": "I like tea.", "expires_after_days": 0}, "expires_after_days"),
        ("", {"text": "I like tea.", "colour": "red"}, "colour"),
        ("/search", {"query": ""}, "query"),
        ("/search", {"query": "x", "limit": 0}, "limit"),
        ("/undo", {"change_id": 5}, "change_id"),
    ],
)
def test_bad_bodies(http: httpx.Client, path: str, body: dict[str, Any], param: str) -> None:
    assert refused(http.post(URL + path, json=body))["param"] == param


def test_nothing_to_change(clean: httpx.Client) -> None:
    made = add(clean, "I like tea.")
    assert "Nothing to change" in refused(clean.post(f"{URL}/{made['id']}", json={}))["message"]


def test_anothers_memory_is_as_unknown_as_none(tmp_path: Path) -> None:
    settings = Settings(model="fake:1b", embedding_model="fake-embedding", home=tmp_path)
    with Store.open(tmp_path / "fireside.db") as store:
        user = store.people.add_user("ana", role="admin", by=Actor())
        project = store.people.add_project("other", by=Actor())
        secrets = [
            store.keys.add("k", by=Actor(), user_id=user.id, project_id=owner_id, scopes=scopes)[1]
            for owner_id, scopes in (
                (store.people.default_project().id, None),
                (project.id, None),
                (project.id, ["files"]),
            )
        ]  # fmt: skip
        row = New(id="sum_1", body={"text": "So it was.", "by": "model", "message_ids": [],
                                    "previous_id": None, "messages": 2})  # fmt: skip
        store.objects.add_all(SUMMARY, [row], owner="")
        with running(create_app(FakeModels(FakeModel()), store, settings)) as url:
            ours, theirs, narrow = (
                httpx.Client(base_url=url, headers={"Authorization": f"Bearer {each}"}, timeout=300)
                for each in secrets
            )
            made = add(ours, "I live in Lisbon.")
            calls: list[tuple[str, str, Any]] = [
                ("GET", f"{URL}/ID", None),
                ("POST", f"{URL}/ID", {"text": "I live in Porto."}),
                ("POST", f"{URL}/ID/accept", {}),
                ("DELETE", f"{URL}/ID", None),
                ("DELETE", f"{URL}/ID?purge=true", None),
                ("GET", f"{URL}?after=ID", None),
            ]
            for method, path, body in calls:
                said = []
                for memory_id in (made["id"], "mem_none"):
                    answer = theirs.request(method, path.replace("ID", memory_id), json=body)
                    said.append(refused(answer, 404)["message"].replace(memory_id, "ID"))
                assert said[0] == said[1]
            assert theirs.get(URL).json()["data"] == []
            assert theirs.get(f"{URL}/changes").json()["data"] == []
            refused(theirs.post(f"{URL}/undo", json={}), 404)
            assert theirs.post(f"{URL}/search", json={"query": "Lisbon"}).json()["searched"] == 0
            assert ours.get("/v1/fireside/summaries/sum_1").json()["text"] == "So it was."
            refused(theirs.get("/v1/fireside/summaries/sum_1"), 404)
            assert narrow.get(URL).status_code == 403
            assert ours.get(f"{URL}/{made['id']}").json() == made
            for each in (ours, theirs, narrow):
                each.close()
