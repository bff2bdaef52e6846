"""`/v1/uploads`: parts to a file, in order, whole and checked, or nothing."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import openai
import pytest
from fastapi import FastAPI, Request

from fireside.server import errors, uploads
from fireside.server.caller import Caller
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.files import Files
from fireside.storage.uploads import Uploads

from .serving import running
from .test_bad_input import refused


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Uploads:
    return Uploads(Files(tmp_path_factory.mktemp("uploads"), store.objects))


@pytest.fixture(scope="module")
def small(kept: Uploads) -> Iterator[httpx.Client]:
    """A server with parts of 1000 bytes at most; the header `x-owner` says who asks."""
    app = FastAPI()

    @app.middleware("http")
    async def owned(request: Request, call_next):  # type: ignore[no-untyped-def]
        request.state.caller = Caller(owner=request.headers.get("x-owner", ""))
        return await call_next(request)

    errors.install(app)
    app.include_router(uploads.routes(kept, max_part=1000))
    with running(app) as url, httpx.Client(base_url=url, timeout=300) as client:
        yield client


def left(kept: Uploads) -> set[str]:
    folder = kept.files.folder
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def begun(client: httpx.Client, size: int = 6, **more: object) -> str:
    ask = {"filename": "a", "purpose": "user_data", "bytes": size, "mime_type": "text/plain"}
    answer = client.post("/v1/uploads", json=ask | more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def part(client: httpx.Client, upload: str, data: bytes) -> str:
    answer = client.post(f"/v1/uploads/{upload}/parts", files={"data": data})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def completed(client: httpx.Client, upload: str, *parts: str, **more: str) -> httpx.Response:
    return client.post(f"/v1/uploads/{upload}/complete", json={"part_ids": list(parts)} | more)


def test_the_sdk_uploads_in_parts(client: openai.OpenAI, settings: Settings) -> None:
    content = bytes(range(256)) * 100
    done = client.uploads.upload_file_chunked(
        file=content, filename="big.bin", bytes=len(content), mime_type="application/octet-stream",
        purpose="user_data", part_size=10_000, md5=hashlib.md5(content).hexdigest(),
    )  # fmt: skip
    assert (done.status, done.bytes, done.filename) == ("completed", len(content), "big.bin")
    assert done.expires_at == pytest.approx(done.created_at + 3600, abs=1)
    assert done.file is not None
    assert client.files.content(done.file.id).read() == content
    assert client.files.retrieve(done.file.id).purpose == "user_data"
    assert [path for path in settings.files_dir.iterdir() if path.name.startswith(".")] == []


def test_parts_go_in_the_order_that_complete_says(small: httpx.Client, kept: Uploads) -> None:
    upload = begun(small)
    second, first = part(small, upload, b"def"), part(small, upload, b"abc")
    part(small, upload, b"not named, not used")
    done = completed(small, upload, first, second).json()
    assert kept.files.path(done["file"]["id"], "").read_bytes() == b"abcdef"


def test_what_does_not_match_leaves_the_upload_to_be_mended(
    small: httpx.Client, kept: Uploads
) -> None:
    upload = begun(small)
    one, two = part(small, upload, b"abc"), part(small, upload, b"def")
    before = left(kept)
    right = hashlib.md5(b"abcdef").hexdigest()
    for parts, more, param in (
        ((one,), {}, "part_ids"),
        ((one, one), {}, "part_ids"),
        ((one, two, "part_none"), {}, "part_ids[2]"),
        ((one, two), {"md5": "0" * 32}, "md5"),
        ((one, two), {"md5": "zz"}, "md5"),
        ((two, one), {"md5": right}, "md5"),
        ((), {}, "part_ids"),
    ):
        assert refused(completed(small, upload, *parts, **more))["param"] == param
        assert left(kept) == before
    assert completed(small, upload, one, two, md5=right.upper()).status_code == 200


def test_it_ends_once(small: httpx.Client, kept: Uploads) -> None:
    done = begun(small, 3)
    one = part(small, done, b"abc")
    assert completed(small, done, one).json()["status"] == "completed"
    given_up = begun(small, 3)
    part(small, given_up, b"abc")
    before = left(kept)
    answer = small.post(f"/v1/uploads/{given_up}/cancel").json()
    assert (answer["status"], answer["file"]) == ("cancelled", None)
    assert len(left(kept)) == len(before) - 1
    for upload in (done, given_up):
        refused(completed(small, upload, one), 409)
        refused(small.post(f"/v1/uploads/{upload}/cancel"), 409)
        refused(small.post(f"/v1/uploads/{upload}/parts", files={"data": b"x"}), 409)


def test_a_broken_line_is_named_at_the_end(small: httpx.Client) -> None:
    upload = begun(small, 10, purpose="batch")
    one = part(small, upload, b'{"a":1}\n[]')
    assert refused(completed(small, upload, one))["message"].startswith("Line 2 must be")


def test_a_part_over_the_limit(small: httpx.Client, kept: Uploads) -> None:
    upload = begun(small)
    before = left(kept)
    part(small, upload, b"x" * 1000)
    for ask in ({"files": {"data": b"x" * 1001}},):
        refused(small.post(f"/v1/uploads/{upload}/parts", **ask), 413)  # type: ignore[arg-type]
    assert len(left(kept)) == len(before) + 1


def test_parts_that_are_refused(small: httpx.Client, kept: Uploads) -> None:
    upload = begun(small)
    before = left(kept)
    url = f"/v1/uploads/{upload}/parts"
    refused(small.post(url), 415)
    refused(small.post(url, json={}), 415)
    assert refused(small.post(url, files={"file": b"x"}))["param"] == "file"
    more = {"files": {"data": b"x"}, "data": {"order": "1"}}
    assert refused(small.post(url, **more))["param"] == "order"  # type: ignore[arg-type]
    assert left(kept) == before


def test_another_owners_upload_is_as_unknown_as_none(small: httpx.Client) -> None:
    upload = begun(small)
    one = part(small, upload, b"abcdef")
    small.headers["x-owner"] = "b"
    try:
        for name in (upload, upload[:-1] + "!", "../x", "x" * 5000):
            refused(completed(small, name, one), 404)
            refused(small.post(f"/v1/uploads/{name}/cancel"), 404)
            refused(small.post(f"/v1/uploads/{name}/parts", files={"data": b"x"}), 404)
        mine = begun(small)
        assert refused(completed(small, mine, one))["param"] == "part_ids[0]"
    finally:
        del small.headers["x-owner"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"filename": None}, "filename"),
        ({"filename": "../"}, "filename"),
        ({"filename": "x" * 300}, "filename"),
        ({"purpose": "nothing"}, "purpose"),
        ({"bytes": 0}, "bytes"),
        ({"bytes": -1}, "bytes"),
        ({"bytes": 1.5}, "bytes"),
        ({"bytes": 2**63}, "bytes"),
        ({"bytes": 8 * 2**30 + 1}, "bytes"),
        ({"bytes": 2**30, "purpose": "batch"}, "bytes"),
        ({"mime_type": None}, "mime_type"),
        ({"colour": "red"}, "colour"),
        ({"expires_after": {"anchor": "created_at"}}, "expires_after.seconds"),
    ],
)
def test_uploads_that_are_refused(
    small: httpx.Client, change: dict[str, object], param: str
) -> None:
    ask = {"filename": "a", "purpose": "user_data", "bytes": 6, "mime_type": "text/plain"}
    assert refused(small.post("/v1/uploads", json=ask | change))["param"] == param


def test_after_an_hour_it_is_gone(small: httpx.Client, kept: Uploads, store: Store) -> None:
    before = left(kept)
    upload = begun(small, 3)
    one = part(small, upload, b"abc")
    over = time.time() - 1
    for kind, row in (("upload", upload), ("upload_part", one)):
        store.objects.change(kind, row, lambda row: replace(row, expires_at=over), owner=None)
    refused(completed(small, upload, one), 404)
    kept.sweep()
    assert left(kept) == before
    assert store.objects.expired("upload") == store.objects.expired("upload_part") == []


def test_a_file_that_cannot_be_joined_leaves_nothing(
    kept: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = kept.begin("o", filename="a", purpose="evals", size=1, file_life=None)
    path = kept.files.temporary()
    path.write_bytes(b"a")
    one = kept.add_part(upload.id, "o", path, 1)
    before = left(kept)

    def fails(_: Path) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        kept.complete(upload.id, "o", [one.id], None, fails)
    assert left(kept) == before
    assert kept.pending(upload.id, "o").status == "pending"
