"""`/v1/files` as the SDK uses it, and as nobody should."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import socket
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.server import errors, jsonl
from fireside.server.caller import Caller
from fireside.server.files import clean_name, routes
from fireside.server.inside import Inside
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage import files as storage_files
from fireside.storage.files import Files

from .serving import running, wait_until
from .test_bad_input import refused

LINE = b'{"messages": []}\n'


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Files:
    return Files(tmp_path_factory.mktemp("small"), store.objects)


@pytest.fixture(scope="module")
def small(kept: Files) -> Iterator[httpx.Client]:
    """A server that takes files of a megabyte at most; the header `x-owner` says who asks."""
    app = FastAPI()

    @app.middleware("http")
    async def owned(request: Request, call_next):  # type: ignore[no-untyped-def]
        request.state.caller = Caller(owner=request.headers.get("x-owner", ""))
        return await call_next(request)

    errors.install(app)
    app.include_router(routes(kept, max_bytes=2**20))
    with running(app) as url, httpx.Client(base_url=url, timeout=300) as client:
        yield client


def left(kept: Files) -> set[str]:
    return {path.name for path in kept.folder.iterdir()}


def test_the_sdk_walks_every_endpoint(client: openai.OpenAI) -> None:
    made = client.files.create(
        file=("notes.txt", b"a\r\n--b\0c"),
        purpose="user_data",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert (made.object, made.bytes, made.filename) == ("file", 8, "notes.txt")
    assert made.status == "processed"
    assert made.expires_at == pytest.approx(made.created_at + 3600, abs=1)
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == b"a\r\n--b\0c"
    assert made.id in [file.id for file in client.files.list(purpose="user_data")]
    assert made.id not in [file.id for file in client.files.list(purpose="evals")]
    assert client.files.delete(made.id).deleted
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            call(made.id)


@pytest.mark.parametrize(
    "purpose", ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
)
def test_every_purpose(client: openai.OpenAI, purpose: str) -> None:
    made = client.files.create(file=("a.jsonl", LINE), purpose=purpose)  # type: ignore[arg-type]
    assert made.purpose == purpose
    lives = None if made.expires_at is None else made.expires_at - made.created_at
    assert lives in ((2591999, 2592000) if purpose == "batch" else (None,))


def test_pages_together_are_the_list(small: httpx.Client) -> None:
    owner = {"x-owner": "pages"}
    ids = [
        small.post("/v1/files", headers=owner, data={"purpose": "evals"}, files={"file": b"x"})
        .json()["id"]
        for _ in range(5)
    ]  # fmt: skip
    seen: list[str] = []
    more, after = True, {}
    while more:
        page = small.get("/v1/files", headers=owner, params={"limit": 2, "order": "asc", **after})
        seen += [file["id"] for file in page.json()["data"]]
        more, after = page.json()["has_more"], {"after": seen[-1]}
    assert seen == ids


def test_another_owners_file_is_as_unknown_as_none(small: httpx.Client) -> None:
    made = small.post(
        "/v1/files", headers={"x-owner": "a"}, data={"purpose": "evals"}, files={"file": b"x"}
    ).json()["id"]
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content")):
        said = []
        for file_id in (made, made[:-1] + "!"):
            answer = small.request(method, f"/v1/files/{file_id}{path}", headers={"x-owner": "b"})
            said.append(answer.text.replace(file_id, ""))
            refused(answer, 404)
        assert said[0] == said[1]
    assert small.get("/v1/files", headers={"x-owner": "b"}).json()["data"] == []
    refused(small.get("/v1/files", headers={"x-owner": "b"}, params={"after": made}), 404)


@pytest.mark.parametrize(
    "file_id", ["..%2F..%2Fetc%2Fpasswd", "a%00b", "x" * 5_000, "%2e%2e", "file-"]
)
def test_ids_that_lead_nowhere(http: httpx.Client, file_id: str) -> None:
    for path in ("", "/content"):
        refused(http.get(f"/v1/files/{file_id}{path}"), 404)


def form(*parts: tuple[str, bytes], boundary: str = "b0", end: bool = True) -> dict[str, object]:
    raw = b""
    for disposition, value in parts:
        head = f"--{boundary}\r\ncontent-disposition: form-data; {disposition}\r\n\r\n"
        raw += head.encode() + value + b"\r\n"
    raw += f"--{boundary}--\r\n".encode() if end else b""
    return {
        "content": raw,
        "headers": {"content-type": f"multipart/form-data; boundary={boundary}"},
    }


PURPOSE = ('name="purpose"', b"evals")
FILE = ('name="file"; filename="a"', b"x")


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([], "file"),
        ([PURPOSE], "file"),
        ([FILE], "purpose"),
        ([FILE, ('name="purpose"', b"nonsense")], "purpose"),
        ([FILE, ('name="purpose"', b"\xff")], None),
        ([FILE, PURPOSE, PURPOSE], "purpose"),
        ([FILE, FILE, PURPOSE], "file"),
        ([FILE, PURPOSE, ('name="colour"', b"red")], "colour"),
        ([FILE, PURPOSE, ('name="other"; filename="b"', b"")], "other"),
        ([FILE, PURPOSE, ('name=""', b"")], None),
        ([FILE, PURPOSE, ('title="a"', b"")], None),
        ([FILE, PURPOSE, ('name="expires_after[seconds]"', b"3600")], "expires_after.anchor"),
        (
            [FILE, PURPOSE, ('name="expires_after[anchor]"', b"created_at"),
             ('name="expires_after[seconds]"', b"60")],
            "expires_after.seconds",
        ),
        (
            [FILE, PURPOSE, ('name="expires_after[anchor]"', b"birth"),
             ('name="expires_after[seconds]"', b"3600")],
            "expires_after.anchor",
        ),
        (
            [FILE, PURPOSE, ('name="expires_after[anchor]"', b"created_at"),
             ('name="expires_after[seconds]"', b"1e308")],
            "expires_after.seconds",
        ),
        ([('name="file"; filename=".."', b"x"), PURPOSE], "file"),
        ([('name="file"; filename="../"', b"x"), PURPOSE], "file"),
        ([('name="file"; filename="' + "n" * 300 + '"', b"x"), PURPOSE], "file"),
        ([('name="file"; filename="' + "n" * 10_000 + '"', b"x"), PURPOSE], None),
        ([FILE, *((f'name="f{i}"', b"") for i in range(200))], None),
        ([FILE, ('name="purpose"', b"\0")], "purpose"),
    ],
)  # fmt: skip
def test_forms_that_are_refused(
    small: httpx.Client, kept: Files, parts: list[tuple[str, bytes]], param: str | None
) -> None:
    before = left(kept)
    error = refused(small.post("/v1/files", **form(*parts)))  # type: ignore[arg-type]
    assert error["param"] == param
    assert left(kept) == before


def test_forms_that_are_none(small: httpx.Client, kept: Files) -> None:
    before = left(kept)
    refused(small.post("/v1/files"), 415)
    refused(small.post("/v1/files", json={"purpose": "evals"}), 415)
    refused(small.post("/v1/files", content=b"x", headers={"content-type": "multipart/form-data"}))
    refused(small.post("/v1/files", **form(FILE, PURPOSE, end=False)))  # type: ignore[arg-type]
    refused(small.post("/v1/files", **form(FILE, PURPOSE, boundary="b" * 300)))  # type: ignore[arg-type]
    wrong = form(FILE, PURPOSE) | {"headers": {"content-type": "multipart/form-data; boundary=c"}}
    refused(small.post("/v1/files", **wrong))  # type: ignore[arg-type]
    assert left(kept) == before


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("a\0b\r\n.txt", "ab.txt"),
        ("pdf\u202etxt.exe", "pdftxt.exe"),
        ("ä 漢字 🙂.md", "ä 漢字 🙂.md"),
        (".bashrc", ".bashrc"),
    ],
)
def test_names_that_lie(client: openai.OpenAI, given: str, shown: str) -> None:
    assert clean_name(given) == shown
    made = client.files.create(file=("x", b"x"), purpose="evals")
    assert clean_name(made.filename) == "x"


@given(st.text(max_size=300))
def test_a_clean_name_is_clean(name: str) -> None:
    with suppress(BadRequest):
        cleaned = clean_name(name)
        assert not set(cleaned) & set("/\\\0\r\n\u202e")
        assert 0 < len(cleaned) <= 255
        assert cleaned not in (".", "..")
        assert clean_name(cleaned) == cleaned


def test_a_download_is_never_a_page(client: openai.OpenAI, http: httpx.Client) -> None:
    page = b"<script>alert(1)</script>"
    made = client.files.create(file=('ä".html', page, "text/html"), purpose="user_data")
    got = http.get(f"/v1/files/{made.id}/content")
    assert got.content == page
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["x-content-type-options"] == "nosniff"
    part = http.get(f"/v1/files/{made.id}/content", headers={"range": "bytes=1-6"})
    assert (part.status_code, part.content) == (206, b"script")


def test_a_file_over_the_limit(small: httpx.Client, kept: Files) -> None:
    before = left(kept)
    data = {"purpose": "evals"}
    fits = small.post("/v1/files", data=data, files={"file": b"x" * 2**20})
    assert fits.json()["bytes"] == 2**20
    refused(small.post("/v1/files", data=data, files={"file": b"x" * (2**20 + 1)}), 413)
    assert left(kept) == before | {fits.json()["id"]}


def test_a_length_over_the_limit_is_refused_unread(address: str) -> None:
    with _socket(address) as link:
        link.sendall(
            b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-length: 700000000\r\n"
            b"content-type: multipart/form-data; boundary=b0\r\n\r\n--b0\r\n"
        )
        assert link.recv(100).startswith(b"HTTP/1.1 413")


def test_a_client_that_leaves_leaves_nothing(address: str, settings: Settings) -> None:
    before = set(settings.files_dir.iterdir()) if settings.files_dir.is_dir() else set()
    with _socket(address) as link:
        link.sendall(
            b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000000\r\n"
            b"content-type: multipart/form-data; boundary=b0\r\n\r\n--b0\r\n"
            b'content-disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * 2**22
        )
        assert wait_until(lambda: set(settings.files_dir.iterdir()) != before)
    assert wait_until(lambda: set(settings.files_dir.iterdir()) == before)


def _socket(address: str) -> socket.socket:
    url = urlsplit(address)
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=300)


def test_a_full_disk_is_one_line_and_leaves_nothing(
    small: httpx.Client, kept: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when the bytes are written out, and when they are synced."""
    before = left(kept)

    class Full:
        def __init__(self, path: Path) -> None:
            self.file = path.open("wb")

        def write(self, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            self.file.close()

    ask = {"data": {"purpose": "evals"}, "files": {"file": b"x"}}
    with monkeypatch.context() as patched:
        patched.setattr("fireside.server.multipart.create", Full)
        assert "No disk space" in refused(small.post("/v1/files", **ask), 503)["message"]  # type: ignore[arg-type]
    assert left(kept) == before

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage_files.os, "fsync", full)
    assert "No disk space" in refused(small.post("/v1/files", **ask), 503)["message"]  # type: ignore[arg-type]
    assert left(kept) == before


def test_memory_is_constant(tmp_path: Path, store: Store) -> None:
    """64 MiB through the application: it holds a few blocks of one, never the file."""
    app = FastAPI()
    app.include_router(routes(Files(tmp_path / "files", store.objects)))
    block, blocks = bytes(2**16), 1024
    head = form(PURPOSE, FILE)["content"]
    assert isinstance(head, bytes)
    opening, _, closing = head.rpartition(b"x")
    messages = iter([opening, *[block] * blocks, closing])
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "method": "POST", "path": "/v1/files",
        "query_string": b"", "headers": [(b"content-type", b"multipart/form-data; boundary=b0")],
    }  # fmt: skip
    said: list[bytes] = []

    async def receive() -> dict[str, object]:
        part = next(messages, None)
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def send(message: dict[str, object]) -> None:
        said.append(message.get("body", b""))  # type: ignore[arg-type]

    tracemalloc.start()
    try:
        asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert json.loads(b"".join(said))["bytes"] == blocks * 2**16
    assert peak < 12 * 2**20


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no line"),
        (b"\n \n", "holds no line"),
        (LINE * 2 + b"{", "Line 3 is not valid JSON"),
        (LINE + b"\n" + b"[1]\n", "Line 3 must be a JSON object"),
        (LINE + b"\xff\n", "Line 2 is not valid UTF-8"),
        (b'{"a": NaN}', "Line 1 holds NaN"),
        (b'{"a": 1e999}', "Line 1 holds a number that is out of range"),
        (b'{"a": "\\ud800"}', "Line 1 holds half a character"),
        (b'{"a": ' * 60_000, "Line 1 is"),
        (b"%PDF-1.4\n", "Line 1 is not valid JSON"),
        (b'{"a": "' + b"x" * 2**24 + b'"}', "Line 1 is longer than 16 MiB"),
    ],
)
@pytest.mark.parametrize("purpose", ["batch", "fine-tune"])
def test_the_first_broken_line_is_named(
    client: openai.OpenAI, purpose: str, content: bytes, said: str, settings: Settings
) -> None:
    before = set(settings.files_dir.iterdir()) if settings.files_dir.is_dir() else set()
    with pytest.raises(openai.BadRequestError, match=re.escape(said)):
        client.files.create(file=("a.jsonl", content), purpose=purpose)  # type: ignore[arg-type]
    assert set(settings.files_dir.iterdir()) == before


json_lines = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=3).map(
            lambda value: json.dumps(value).encode()
        ),
    ),
    max_size=6,
)


@given(json_lines, st.sampled_from([b"\n", b"\r\n"]))
def test_any_lines_are_taken_or_the_first_bad_one_is_named(lines: list[bytes], end: bytes) -> None:
    raw = end.join(lines)
    handle, name = tempfile.mkstemp()
    os.close(handle)
    path = Path(name)
    path.write_bytes(raw)
    bad = None
    good = 0
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            assert isinstance(json.loads(line.decode()), dict)
            good += 1
        except (ValueError, AssertionError):
            bad = number
            break
    try:
        found = jsonl.check(path)
    except jsonl.BadLine as error:
        found = -error.line
    except BadRequest:
        found = 0
    finally:
        path.unlink()
    assert found == (good if bad is None else -bad)


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 10_001}, {"limit": "x"}, {"order": "up"},
              {"purpose": "finetune"}, {"after": "x" * 10_000}]
)  # fmt: skip
def test_lists_that_are_refused(http: httpx.Client, query: dict[str, object]) -> None:
    error = refused(http.get("/v1/files", params=query))  # type: ignore[arg-type]
    assert error["param"] in query


def test_a_request_inside_is_answered_as_one_from_outside(small: httpx.Client) -> None:
    app = FastAPI()
    errors.install(app)

    @app.post("/v1/echo")
    async def echo(request: Request) -> dict[str, object]:
        from fireside.server.caller import caller_of

        body = await request.json()
        if body.get("wrong"):
            raise BadRequest("No.", param="wrong")
        return {"owner": caller_of(request).owner, "body": body}

    async def ask() -> None:
        inside = Inside(app)
        answer = await inside.post("/v1/echo", {"ä": 1}, Caller(owner="me"))
        assert (answer.status, answer.body) == (200, {"owner": "me", "body": {"ä": 1}})
        answer = await inside.post("/v1/echo", {"wrong": 1}, Caller())
        assert (answer.status, answer.body["error"]["param"]) == (400, "wrong")
        assert (await inside.post("/v1/nothing", {}, Caller())).status == 404

    asyncio.run(ask())


def test_time_takes_files_away(small: httpx.Client, kept: Files, store: Store) -> None:
    from dataclasses import replace

    made = small.post("/v1/files", data={"purpose": "evals"}, files={"file": b"x"}).json()["id"]
    over = time.time() - 1
    store.objects.change("file", made, lambda row: replace(row, expires_at=over), owner=None)
    refused(small.get(f"/v1/files/{made}"), 404)
    kept.sweep()
    assert made not in left(kept)
