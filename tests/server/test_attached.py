"""The page's files: given to one conversation, shown with what became of them, taken out again."""

from __future__ import annotations

import httpx
import pytest

from .serving import wait_until


@pytest.fixture
def chat(http: httpx.Client) -> str:
    return str(http.post("/api/conversations", json={}).json()["id"])


def test_a_file_is_given_read_and_taken_out(http: httpx.Client, chat: str) -> None:
    path = f"/api/conversations/{chat}/files"
    others = http.get("/v1/files").json()["data"]
    assert http.get(path).json() == {"data": []}
    made = http.post(path, files={"file": ("tea.txt", b"Tea stands in the kitchen.")}).json()
    assert made["filename"] == "tea.txt"
    assert made["status"] in ("in_progress", "completed")
    wait_until(lambda: http.get(path).json()["data"][0]["status"] == "completed")
    bad = http.post(path, files={"file": ("tea.pdf", b"no PDF")}).json()
    wait_until(lambda: http.get(path).json()["data"][1]["status"] == "failed")
    assert http.get(path).json()["data"][1]["problem"]
    for each in (made, bad):
        assert http.delete(f"{path}/{each['id']}").json() == {"id": each["id"], "deleted": True}
    assert http.get(path).json() == {"data": []}
    assert http.get("/v1/files").json()["data"] == others


def test_what_is_refused(http: httpx.Client, chat: str) -> None:
    path = f"/api/conversations/{chat}/files"
    assert http.post(path, json={}).status_code in (400, 415)
    assert http.post(path, files={"other": ("a.txt", b"a")}).status_code == 400
    assert http.delete(f"{path}/file-nope").status_code == 404
    assert http.get("/api/conversations/nope/files").status_code == 404
    nobodys = http.post("/api/conversations/nope/files", files={"file": ("a.txt", b"a")})
    assert nobodys.status_code == 404


def test_a_deleted_conversation_takes_its_files_along(http: httpx.Client, chat: str) -> None:
    path = f"/api/conversations/{chat}/files"
    others = http.get("/v1/files").json()["data"]
    http.post(path, files={"file": ("tea.txt", b"Tea stands in the kitchen.")})
    wait_until(lambda: http.get(path).json()["data"][0]["status"] == "completed")
    http.delete(f"/api/conversations/{chat}")
    assert http.get("/v1/files").json()["data"] == others
    stores = http.get("/v1/vector_stores").json()["data"]
    assert not [each for each in stores if chat in each["name"]]
