"""A Hugging Face Hub on this machine: as much of its protocol as a pull needs, and its mishaps.

GET  /api/models/ORG/NAME[/revision/REV]?blobs=true   revision, files, sizes, hashes
GET  /api/models/ORG/NAME/tree/REV                    the same as a tree
HEAD, GET /ORG/NAME/resolve/REV/FILE                  Range, ETag, X-Linked-Etag, X-Repo-Commit
GET  /cdn/SHA256                                      where large files are redirected to
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import huggingface_hub.constants
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """What the server holds, how it misbehaves, and what it was asked."""

    files: dict[str, bytes]
    repository: str = "org/name"
    licence: str | None = "apache-2.0"
    large: int = 1000  # from this size on a file is LFS: SHA-256, and served by the CDN
    cut_after: int | None = None  # bytes of a body after which the connection breaks, once
    keep_cutting: bool = False
    stall_after: int | None = None  # bytes of a body, once, until `go_on` is set
    go_on: threading.Event = field(default_factory=threading.Event)
    ignores_ranges: bool = False
    lies: dict[str, bytes] = field(default_factory=dict)  # other bytes than the metadata says
    status: int | None = None
    gated: bool = False
    metadata: dict[str, object] = field(default_factory=dict)  # overrides of a file's sibling
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    url: str = ""

    def sibling(self, name: str) -> dict[str, object]:
        data = self.files[name]
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        found: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": blob}
        if len(data) >= self.large:
            sha = hashlib.sha256(data).hexdigest()
            found["lfs"] = {"size": len(data), "sha256": sha, "pointerSize": 130}
        return found | self.metadata

    def info(self) -> dict[str, object]:
        card = {"license": self.licence} if self.licence else {}
        return {
            "_id": "0",
            "id": self.repository,
            "sha": COMMIT,
            "cardData": card,
            "siblings": [self.sibling(name) for name in self.files],
        }

    @property
    def bodies(self) -> list[tuple[str, str | None]]:
        """What was fetched: path and Range."""
        return [
            (path, span) for verb, path, span in self.requests if "/cdn/" in path or verb == "F"
        ]


class Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        if self.hub.status:
            self.send(self.hub.status, {}, b"", body)
        elif self.hub.gated:
            self.send(403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"}, b"", body)
        elif path.startswith(f"/api/models/{self.hub.repository}"):
            tree = "/tree/" in path
            told = [self.hub.sibling(n) for n in self.hub.files] if tree else self.hub.info()
            self.send(200, {"Content-Type": "application/json"}, json.dumps(told).encode(), body)
        elif path.startswith("/cdn/"):
            name = next(n for n, d in self.hub.files.items() if path.endswith(sha(d)))
            self.send_file(name, body)
        elif path.startswith(f"/{self.hub.repository}/resolve/"):
            self.resolve(path.split("/", 5)[5], body)
        else:
            self.send(404, {"X-Error-Code": "RepoNotFound"}, b"", body)

    def resolve(self, name: str, body: bool) -> None:
        if name not in self.hub.files:
            self.send(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b"", body)
            return
        data, about = self.hub.files[name], {"X-Repo-Commit": COMMIT}
        if len(data) < self.hub.large:
            self.send_file(name, body, about | {"ETag": f'"{self.hub.sibling(name)["blobId"]}"'})
            return
        about |= {"X-Linked-Etag": f'"{sha(data)}"', "X-Linked-Size": str(len(data))}
        self.send(302, about | {"Location": f"{self.hub.url}/cdn/{sha(data)}"}, b"", body)

    def send_file(self, name: str, body: bool, about: dict[str, str] | None = None) -> None:
        data = self.hub.lies.get(name, self.hub.files[name])
        headers, status, start = dict(about or {}), 200, 0
        span = self.headers.get("Range")
        if span and not self.hub.ignores_ranges:
            start, status = int(span.removeprefix("bytes=").rstrip("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send(status, headers, data[start:], body, may_cut=True)

    def send(
        self, status: int, headers: dict[str, str], data: bytes, body: bool, may_cut: bool = False
    ) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        cut, stall = self.hub.cut_after, self.hub.stall_after
        if body and may_cut and stall is not None and len(data) > stall:
            self.hub.stall_after = None
            self.wfile.write(data[:stall])
            self.wfile.flush()
            self.hub.go_on.wait(600)
            self.hub.go_on.clear()
            with suppress(ConnectionError):  # whoever was killed reads no more
                self.wfile.write(data[stall:])
        elif body and may_cut and cut is not None and len(data) > cut:
            if not self.hub.keep_cutting:
                self.hub.cut_after = None
            self.wfile.write(data[:cut])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
        elif body:
            self.wfile.write(data)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """Run the hub on a free port; `hub.url` is its address."""
    handler = type("Bound", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_default(hub: FakeHub, patch: pytest.MonkeyPatch) -> None:
    """Where no endpoint is named it is this one, here and in programs that are started: the library
    has read the environment long ago."""
    patch.setenv("HF_ENDPOINT", hub.url)
    patch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "600")  # a hub that stalls is no lost connection
    patch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 600)
    patch.setattr(huggingface_hub.constants, "ENDPOINT", hub.url)
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    patch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
