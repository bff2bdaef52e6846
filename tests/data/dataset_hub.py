"""A Hugging Face Hub with data sets in it, as a program: it runs what it is given against itself.

GET  /api/datasets/ORG/NAME/revision/REV      revision and files
GET  /api/datasets/ORG/NAME/tree/REV          files and sizes
HEAD, GET /datasets/ORG/NAME/resolve/REV/FILE     Range, ETag, X-Repo-Commit

`python dataset_hub.py PROGRAM FOLDER`: PROGRAM runs with HF_ENDPOINT at this hub, whose data sets
are FOLDER/ORG/NAME.  What was asked for is printed at the end, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASKED: list[str] = []


class Handler(BaseHTTPRequestHandler):
    root: Path
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        ASKED.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        parts = path.strip("/").split("/")
        if (
            parts[:2] == ["api", "datasets"]
            and (folder := self.root / parts[2] / parts[3]).is_dir()
        ):
            files = sorted(
                p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()
            )
            if "tree" in parts:
                below = "/".join(parts[parts.index("tree") + 2 :])
                told: object = [
                    {
                        "type": "file",
                        "path": f,
                        "size": (folder / f).stat().st_size,
                        "oid": "a" * 40,
                    }
                    for f in files
                    if f.startswith(below)
                ]
            else:
                told = {"_id": "0", "id": f"{parts[2]}/{parts[3]}", "sha": COMMIT, "tags": []}
                told |= {"siblings": [{"rfilename": f} for f in files], "private": False}
            self.send(200, json.dumps(told).encode())
        elif parts[0] == "datasets" and parts[3] == "resolve":
            file = self.root / parts[1] / parts[2] / "/".join(parts[5:])
            known = (self.root / parts[1] / parts[2]).is_dir()
            if file.is_file():
                self.send_file(file.read_bytes())
            else:
                self.send(404, b"", {"X-Error-Code": "EntryNotFound" if known else "RepoNotFound"})
        else:
            self.send(404, b"", {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def send_file(self, data: bytes) -> None:
        span = self.headers.get("Range")
        if not span:
            self.send(200, data, {"ETag": '"x"'})
            return
        first, _, last = span.removeprefix("bytes=").partition("-")
        stop = min(int(last) + 1 if last else len(data), len(data))
        about = {"ETag": '"x"', "Content-Range": f"bytes {first}-{stop - 1}/{len(data)}"}
        self.send(206, data[int(first) : stop], about)

    def send(self, status: int, data: bytes, about: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"X-Repo-Commit": COMMIT, **(about or {})}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def main(program: str, folder: str) -> int:
    handler = type("Bound", (Handler,), {"root": Path(folder)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    environment = dict(os.environ) | {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(Path(folder) / ".home"),
        "HF_HUB_OFFLINE": "0",
    }
    result = subprocess.run([sys.executable, "-W", "error", "-c", program], env=environment)
    print(json.dumps(ASKED))
    return result.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
