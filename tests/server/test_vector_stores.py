"""`/v1/vector_stores` as the SDK walks it, from an upload to a passage."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from tests.knowledge import samples

from .fakes import FakeModel, FakeModels
from .serving import running, wait_until
from .test_bad_input import refused

TEA = """Tea is made with boiling water, and it is drunk from cups.

# Cakes

Cakes need butter and flour.
"""
STORES = "/v1/vector_stores"


@pytest.fixture
def upload(client: openai.OpenAI) -> Callable[..., str]:
    def do(text: str | bytes = TEA, name: str = "tea.md") -> str:
        raw = text if isinstance(text, bytes) else text.encode()
        return client.files.create(file=(name, raw), purpose="assistants").id

    return do


@pytest.fixture
def vs(client: openai.OpenAI) -> Iterator[str]:
    made = client.vector_stores.create(name="a store")
    yield made.id
    with httpx.Client(base_url=str(client.base_url), timeout=300) as http:
        http.delete(f"vector_stores/{made.id}")


def test_the_whole_way(client: openai.OpenAI, vs: str) -> None:
    done = client.vector_stores.files.upload_and_poll(
        vector_store_id=vs, file=("tea.md", TEA.encode())
    )
    assert (done.status, done.last_error) == ("completed", None)
    assert done.usage_bytes > len(TEA)
    assert done.chunking_strategy is not None
    assert done.chunking_strategy.type == "static"
    found = client.vector_stores.search(vs, query="What do cakes need?").data
    assert found[0].content[0].text.endswith("Cakes need butter and flour.")
    assert (found[0].filename, found[0].file_id) == ("tea.md", done.id)
    assert 0 < found[0].score <= 1
    extras: Any = found[0]
    assert extras.section == ["Cakes"]
    assert set(extras.scores) == {"embedding", "text"}
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    content = client.vector_stores.files.content(done.id, vector_store_id=vs).data
    assert "".join(part.text or "" for part in content).split() == TEA.split()
    store = client.vector_stores.retrieve(vs)
    assert (store.status, store.file_counts.completed, store.usage_bytes) == (
        "completed",
        1,
        done.usage_bytes,
    )


def test_batches(client: openai.OpenAI, vs: str, upload: Callable[..., str]) -> None:
    texts = [f"Document number{i} speaks of subject{i}." for i in range(5)]
    batch = client.vector_stores.file_batches.upload_and_poll(
        vector_store_id=vs,
        files=[(f"{i}.txt", io.BytesIO(text.encode())) for i, text in enumerate(texts[:3])],
        file_ids=[upload(text, f"{i}.txt") for i, text in enumerate(texts[3:], 3)],
    )
    assert (batch.status, batch.file_counts.completed, batch.file_counts.total) == (
        "completed",
        5,
        5,
    )
    assert batch.object == "vector_store.files_batch"
    listed = list(
        client.vector_stores.file_batches.list_files(batch.id, vector_store_id=vs, limit=2)
    )
    assert len({file.id for file in listed}) == 5
    for i in range(5):
        assert client.vector_stores.search(vs, query=f"subject{i}").data[0].filename == f"{i}.txt"
    both = client.vector_stores.search(vs, query=["subject1", "subject4"], max_num_results=2).data
    assert {each.filename for each in both} == {"1.txt", "4.txt"}


def test_a_file_that_is_not_there_costs_a_batch_itself_alone(
    client: openai.OpenAI, vs: str, upload: Callable[..., str]
) -> None:
    batch = client.vector_stores.file_batches.create_and_poll(
        vs, file_ids=[upload("A sound document.", "a.txt"), "file-gone", upload(b"\x00\x01" * 99)]
    )
    counts = batch.file_counts
    assert (batch.status, counts.completed, counts.failed, counts.total) == ("completed", 1, 2, 3)
    gone = client.vector_stores.files.retrieve("file-gone", vector_store_id=vs)
    assert (gone.status, gone.last_error and gone.last_error.code) == ("failed", "invalid_file")
    assert gone.last_error is not None
    assert "file-gone" in gone.last_error.message
    assert client.vector_stores.search(vs, query="sound").data[0].filename == "a.txt"


def test_files_of_a_batch_with_their_own(
    client: openai.OpenAI, vs: str, upload: Callable[..., str]
) -> None:
    ids = [upload(f"Report of year {year}.", f"{year}.txt") for year in (2020, 2021)]
    client.vector_stores.file_batches.create_and_poll(
        vs,
        files=[
            {"file_id": ids[0], "attributes": {"year": 2020, "draft": True}},
            {
                "file_id": ids[1],
                "attributes": {"year": 2021.0, "team": "b"},
                "chunking_strategy": {
                    "type": "static",
                    "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50},
                },
            },
        ],
    )

    def names(filters: Any) -> set[str]:
        found = client.vector_stores.search(vs, query="report", filters=filters)
        return {each.filename for each in found}

    assert names({"type": "gte", "key": "year", "value": 2021}) == {"2021.txt"}
    assert names({"type": "eq", "key": "draft", "value": True}) == {"2020.txt"}
    assert names({"type": "nin", "key": "team", "value": ["b", "c"]}) == {"2020.txt"}
    nested = {
        "type": "or",
        "filters": [
            {"type": "eq", "key": "year", "value": 2020},
            {"type": "and", "filters": [{"type": "eq", "key": "team", "value": "b"}]},
        ],
    }
    assert names(nested) == {"2020.txt", "2021.txt"}
    changed = client.vector_stores.files.update(
        ids[0], vector_store_id=vs, attributes={"year": 2022}
    )
    assert changed.attributes == {"year": 2022}
    assert names({"type": "gt", "key": "year", "value": 2021}) == {"2020.txt"}
    client.vector_stores.files.update(ids[0], vector_store_id=vs, attributes=None)
    assert client.vector_stores.files.retrieve(ids[0], vector_store_id=vs).attributes == {}


def test_what_cannot_be_read_says_so(
    client: openai.OpenAI, vs: str, upload: Callable[..., str], tmp_path: Path
) -> None:
    files = {
        "bomb.docx": (samples.bomb(tmp_path / "b").read_bytes(), "invalid_file", "bomb"),
        "locked.pdf": (
            samples.encrypted(tmp_path / "e", "x").read_bytes(),
            "invalid_file",
            "encrypted",
        ),
        "page.pdf": (b"<html><body>404</body></html>", "invalid_file", "says a PDF"),
        "picture.png": (b"\x89PNG\r\n\x1a\nrest", "unsupported_file", "PNG"),
        "old.txt": ("Käse" * 9).encode("latin-1"),
    }
    for name, expected in files.items():
        raw, code, says = (
            expected if isinstance(expected, tuple) else (expected, "invalid_file", "UTF-8")
        )
        done = client.vector_stores.files.create_and_poll(upload(raw, name), vector_store_id=vs)
        assert done.status == "failed", name
        assert done.last_error is not None
        assert done.last_error.code == code
        assert says in done.last_error.message
    assert client.vector_stores.retrieve(vs).file_counts.failed == len(files)
    failed = client.vector_stores.files.list(vs, filter="failed")
    assert len(list(failed)) == len(files)
    assert list(client.vector_stores.files.list(vs, filter="completed")) == []


def test_add_and_remove_is_never_there(
    client: openai.OpenAI, vs: str, upload: Callable[..., str], store: Store
) -> None:
    files = client.vector_stores.files
    ids = [upload(f"Secret{i} is here.", f"{i}.txt") for i in range(3)]
    for each in ids:
        files.create_and_poll(each, vector_store_id=vs)
    assert files.delete(ids[0], vector_store_id=vs).deleted
    client.files.delete(ids[1])
    assert client.files.retrieve(ids[0]).id == ids[0]  # only the store has lost it
    assert [file.id for file in files.list(vs)] == [ids[2]]
    for i, there in enumerate([False, False, True]):
        found = client.vector_stores.search(vs, query=f"secret{i}").data
        assert [each.filename for each in found] == ["2.txt"]
        extras: Any = found[0]
        assert (extras.scores["text"] > 0) == there
    assert client.vector_stores.delete(vs).deleted
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve(vs)
    assert list(store.passages.vectors(vs)) == []
    assert store.passages.count(vs, "secret2") == 0


def test_a_store_over_its_life(client: openai.OpenAI, upload: Callable[..., str]) -> None:
    made = client.vector_stores.create(
        name="n",
        description="d",
        metadata={"a": "b"},
        file_ids=[upload()],
        expires_after={"anchor": "last_active_at", "days": 2},
        chunking_strategy={"type": "auto"},
    )
    assert made.metadata == {"a": "b"}
    assert made.expires_at is not None
    assert made.last_active_at is not None
    assert made.expires_at - made.last_active_at == 2 * 86_400
    assert made.file_counts.total == 1
    assert made.id in {each.id for each in client.vector_stores.list(limit=2)}
    changed = client.vector_stores.update(made.id, name="m", expires_after=None)
    assert (changed.name, changed.expires_at, changed.metadata) == ("m", None, {"a": "b"})
    assert client.vector_stores.delete(made.id).object == "vector_store.deleted"


def test_an_expired_store(
    client: openai.OpenAI, vs: str, upload: Callable[..., str], store: Store
) -> None:
    from dataclasses import replace

    client.vector_stores.update(vs, expires_after={"anchor": "last_active_at", "days": 1})
    long_ago = {"last_active_at": time.time() - 2 * 86_400}
    store.objects.change(
        "vector_store", vs, lambda row: replace(row, body={**row.body, **long_ago}), owner=""
    )
    assert client.vector_stores.retrieve(vs).status == "expired"
    with pytest.raises(openai.BadRequestError, match="expired"):
        client.vector_stores.search(vs, query="tea")
    with pytest.raises(openai.BadRequestError, match="expired"):
        client.vector_stores.files.create(vs, file_id=upload())


def test_cancelled(
    client: openai.OpenAI, vs: str, upload: Callable[..., str], models: FakeModels
) -> None:
    ids = [upload(f"text{i}", f"{i}.txt") for i in range(3)]
    models.embedding.go_on.clear()
    try:
        batch = client.vector_stores.file_batches.create(vs, file_ids=ids)
        assert batch.status == "in_progress"
        batch = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=vs)
        assert (batch.status, batch.file_counts.cancelled) == ("cancelled", 3)
    finally:
        models.embedding.go_on.set()
    polled = client.vector_stores.file_batches.poll(batch.id, vector_store_id=vs)
    assert (polled.status, polled.file_counts.cancelled) == ("cancelled", 3)
    assert client.vector_stores.search(vs, query="text1").data == []


def test_a_restart_does_what_was_left(tmp_path: Path) -> None:
    """Stopped in the middle of the first of two files: both are done, each once."""
    models = FakeModels(FakeModel())
    settings = Settings(model="fake:1b", embedding_model="fake-embedding", home=tmp_path)
    models.embedding.go_on.clear()
    with Store.open(tmp_path / "fireside.db") as store:
        with (
            running(create_app(models, store, settings)) as url,
            openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client,
        ):
            ids = [
                client.files.create(file=(f"{i}.txt", b"word " * 300), purpose="assistants").id
                for i in range(2)
            ]
            made = client.vector_stores.create(file_ids=ids)
            assert wait_until(
                lambda: bool(store.objects.listed("vector_store_file", owner="",
                                                  statuses=["in_progress"]).items)
            )  # fmt: skip
        models.embedding.go_on.set()
        with (
            running(create_app(models, store, settings)) as url,
            openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client,
        ):
            for each in ids:
                done = client.vector_stores.files.poll(each, vector_store_id=made.id)
                assert done.status == "completed"
        numbers = [
            [passage.begin for passage in store.passages.of_file(f"{made.id}/{each}")]
            for each in ids
        ]
        assert numbers[0] == numbers[1]
        assert len(set(numbers[0])) == len(numbers[0]) > 1


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("", {"expires_after": {"anchor": "created_at", "days": 1}}, "expires_after.anchor"),
        ("", {"expires_after": {"anchor": "last_active_at", "days": 0}}, "expires_after.days"),
        ("", {"expires_after": {"anchor": "last_active_at", "days": 2**63}}, "expires_after.days"),
        ("", {"metadata": {"a": 1}}, "metadata.a"),
        ("", {"metadata": {str(i): "" for i in range(17)}}, "metadata"),
        ("", {"file_ids": "file-1"}, "file_ids"),
        ("", {"mood": 1}, "mood"),
        ("", {"chunking_strategy": {"type": "other"}}, "chunking_strategy"),
        (
            "",
            {"chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 99}}},
            "chunking_strategy",
        ),
        (
            "",
            {
                "chunking_strategy": {
                    "type": "static",
                    "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 51},
                }
            },
            "chunking_strategy",
        ),
        ("/{vs}", {"description": "x"}, "description"),
        ("/{vs}/search", {}, "query"),
        ("/{vs}/search", {"query": ""}, "query"),
        ("/{vs}/search", {"query": " \n"}, "query"),
        ("/{vs}/search", {"query": []}, "query"),
        ("/{vs}/search", {"query": "word " * 5000}, "query"),
        ("/{vs}/search", {"query": "a", "rewrite_query": True}, "rewrite_query"),
        ("/{vs}/search", {"query": "a", "max_num_results": 51}, "max_num_results"),
        ("/{vs}/search", {"query": "a", "ranking_options": {"ranker": "best"}}, "ranking_options"),
        (
            "/{vs}/search",
            {"query": "a", "ranking_options": {"score_threshold": 1e308}},
            "ranking_options",
        ),
        (
            "/{vs}/search",
            {"query": "a", "filters": {"type": "like", "key": "a", "value": 1}},
            "filters",
        ),
        (
            "/{vs}/search",
            {"query": "a", "filters": {"type": "eq", "key": "a", "value": [1]}},
            "filters",
        ),
        (
            "/{vs}/search",
            {"query": "a", "filters": {"type": "in", "key": "a", "value": 1}},
            "filters",
        ),
        ("/{vs}/search", {"query": "a", "filters": {"type": "and", "filters": []}}, "filters"),
        ("/{vs}/files", {}, "file_id"),
        ("/{vs}/files", {"file_id": "f", "attributes": {"a": [1]}}, "attributes"),
        ("/{vs}/files", {"file_id": "f", "attributes": {"a": 2**63}}, "attributes"),
        ("/{vs}/files", {"file_id": "f", "attributes": {"a" * 65: 1}}, "attributes"),
        ("/{vs}/file_batches", {}, "file_ids"),
        ("/{vs}/file_batches", {"file_ids": ["a"], "files": [{"file_id": "a"}]}, "file_ids"),
        ("/{vs}/file_batches", {"files": [{"file_id": "a"}], "attributes": {}}, "attributes"),
        ("/{vs}/file_batches", {"file_ids": ["a"] * 2001}, "file_ids"),
    ],
)
def test_bad_values(http: httpx.Client, vs: str, path: str, body: Any, param: str) -> None:
    error = refused(http.post(STORES + path.format(vs=vs), json=body))
    assert error["param"] is not None
    assert error["param"].startswith(param)


@pytest.mark.parametrize("path", ["", "/{vs}", "/{vs}/search", "/{vs}/files", "/{vs}/file_batches"])
def test_bad_bodies(http: httpx.Client, vs: str, path: str) -> None:
    url = STORES + path.format(vs=vs)
    deep = b'{"filters":' + b'{"type":"and","filters":[' * 60_000
    for content in (b"", b"[]", b'{"name":', b"\xff", deep):
        refused(http.post(url, content=content))
    refused(http.post(url, content=b"{}", headers={"content-type": "text/plain"}), 415)


@pytest.mark.parametrize("name", ["vs_unknown", "..%2F..%2Fx", "%00", "x" * 10_000])
def test_ids_that_are_none(http: httpx.Client, vs: str, name: str) -> None:
    body = {"query": "a", "file_id": "a", "attributes": {}}
    for path, wanted in (("", ()), ("/search", ("query",)), ("/files", ("file_id",))):
        refused(http.post(f"{STORES}/{name}{path}", json={k: body[k] for k in wanted}), 404)
    for path in ("", "/files", "/files/a", "/files/a/content", "/file_batches/a"):
        refused(http.get(f"{STORES}/{name}{path}"), 404)
    for path in ("/files/", "/file_batches/"):
        refused(http.get(f"{STORES}/{vs}{path}{name}"), 404)
    refused(http.delete(f"{STORES}/{name}"), 404)
    refused(http.delete(f"{STORES}/{vs}/files/{name}"), 404)
    refused(http.post(f"{STORES}/{vs}/files", json={"file_id": "file-x"}), 404)
    refused(http.post(f"{STORES}/{vs}/file_batches", json={"file_ids": ["file-x"]}), 404)
    refused(http.get(STORES, params={"after": "vs_unknown"}), 404)
    refused(http.get(f"{STORES}/{vs}/files", params={"filter": "done"}))
