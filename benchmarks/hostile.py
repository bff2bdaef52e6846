"""Hostile clients against a server of one's own: does anybody else notice?

    python benchmarks/hostile.py                  # every attack, some three minutes
    python benchmarks/hostile.py slow-bodies prompts --markdown

One server in a temporary home with the installed models and the keys of two projects, on 127.0.0.1;
nothing else is asked anything.  While each attack runs with the first key, `/health` is asked ten
times a second and a short chat with the second key goes on.  A row says: the longest that `/health`
took; the server's memory before, at its peak and after; answers of the second key that were lost,
and those that it got.  Each attack is bounded in count and in time.  It judges nothing, and a busy
machine makes the stalls longer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import websockets
from websockets.exceptions import WebSocketException

SECONDS = 8.0  # of an attack, where nothing else ends it
SETTLE_S = 30.0
SHARE = 1.0  # of the counts below; the tests take a small one
MODEL = "smollm2:135m"
CHAT = "/v1/chat/completions"
Attack = Callable[["Target"], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Target:
    """url: of the server.  key: of the attacker's project.  pid: of the server's process."""

    url: str
    key: str
    pid: int

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    def head(self, path: str, length: int, method: str = "POST") -> bytes:
        return (
            f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {length}\r\n"
        ).encode()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(
            base_url=self.url, headers=self.headers, timeout=60, limits=httpx.Limits()
        ) as made:
            yield made


# 1. Patterns over strangers' text, and 4. one owner's files


async def read_file(target: Target, name: str, content: bytes) -> None:
    """A file into a vector store of its own, until it is read, or failed, or `SECONDS` are over."""
    async with target.client() as client:
        files, form = {"file": (name, content)}, {"purpose": "assistants"}
        made = await client.post("/v1/files", files=files, data=form)
        body = {"name": name, "file_ids": [made.json()["id"]]}
        store = (await client.post("/v1/vector_stores", json=body)).json()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            found = (await client.get(f"/v1/vector_stores/{store['id']}")).json()
            if found["status"] == "completed":
                break
            await asyncio.sleep(0.2)
        await client.delete(f"/v1/vector_stores/{store['id']}")
        await client.delete(f"/v1/files/{made.json()['id']}")


async def backtracking(target: Target) -> None:
    await read_file(target, "a.md", b"# a" + b" " * 20_000 + b"x\n")


async def wide_sheet(target: Target) -> None:
    """Two cells, at the two ends of the largest sheet there can be."""
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c>'
        "</row></sheetData></worksheet>"
    )
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default '
        'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="a" '
        f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/'
        f'2006/main" xmlns:r="{relations}"><sheets><sheet name="a" sheetId="1" r:id="a"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="a" Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": sheet,
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0"?>{text}')
    await read_file(target, "a.xlsx", made.getvalue())


# 2. Clients that do not send, or do not read


async def held(target: Target, count: int, first: bytes, then: bytes) -> None:
    """So many connections, each with its first bytes, and one more of `then` every half second."""
    writers: list[asyncio.StreamWriter] = []
    end = time.monotonic() + SECONDS
    try:
        for _ in range(int(SHARE * count)):
            with suppress(OSError):
                _, writer = await target.connect()
                writer.write(first)
                writers.append(writer)
        while time.monotonic() < end:
            await asyncio.sleep(0.5)
            for writer in writers:
                with suppress(OSError):
                    writer.write(then)
    finally:
        for writer in writers:
            writer.transport.abort()


async def slow_bodies(target: Target) -> None:
    await held(target, 300, target.head(CHAT, 100_000) + b'\r\n{"a":', b" ")


async def slow_headers(target: Target) -> None:
    await held(target, 500, b"GET / HTTP/1.1\r\nhost: localhost\r\n", b"x: y\r\n")


async def idle_connections(target: Target) -> None:
    await held(target, 5000, b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n", b"")


async def unread_streams(target: Target) -> None:
    """Long answers that nobody reads."""
    body = json.dumps(
        {"model": MODEL, "prompt": "Once", "stream": True, "max_tokens": 2000, "ignore_eos": True}
    ).encode()
    await held(target, 100, target.head("/v1/completions", len(body)) + b"\r\n" + body, b"")


async def sockets(target: Target, message: str, each: int) -> None:
    """Twenty WebSockets with so many messages each, whose answers nobody reads."""
    url = target.url.replace("http", "ws") + "/v1/responses"

    async def flood() -> None:
        async with websockets.connect(
            url, additional_headers=target.headers, max_queue=1, ping_interval=None
        ) as one:
            try:
                for _ in range(int(SHARE * each)):
                    await one.send(message)
                await asyncio.sleep(SECONDS)
            finally:
                one.transport.abort()  # without a farewell, which nobody would wait for

    async def bounded() -> None:
        with suppress(OSError, TimeoutError, WebSocketException):
            async with asyncio.timeout(SECONDS):
                await flood()

    await asyncio.gather(*(bounded() for _ in range(20)))


async def socket_nonsense(target: Target) -> None:
    await sockets(target, "{}", 5000)


async def socket_megabytes(target: Target) -> None:
    asked = {"type": "response.create", "model": MODEL, "input": "a " * 5_000_000}
    await sockets(target, json.dumps(asked), 5)


# 3. Memory that grows before anybody refuses


async def left_alone(target: Target, path: str, body: object, count: int) -> None:
    """So many times the same request, whose clients leave after two seconds."""

    async def one(client: httpx.AsyncClient) -> None:
        with suppress(httpx.HTTPError):
            await client.post(path, json=body, timeout=2)

    async with target.client() as client:
        await asyncio.gather(*(one(client) for _ in range(count)))


async def prompts(target: Target) -> None:
    for path, body in (
        (CHAT, {"messages": [{"role": "user", "content": "word " * int(SHARE * 2_000_000)}]}),
        ("/v1/completions", {"prompt": "word " * int(SHARE * 2_000_000)}),
        ("/v1/responses", {"input": "word " * int(SHARE * 2_000_000)}),
        ("/v1/embeddings", {"input": "word " * int(SHARE * 2_000_000)}),
    ):
        await left_alone(target, path, {"model": MODEL, **body}, 4)


async def small_values(target: Target) -> None:
    """Two bytes of a body for an object in memory."""
    await left_alone(target, CHAT, {"model": MODEL, "messages": [1] * int(SHARE * 7_000_000)}, 2)
    await left_alone(
        target, "/v1/completions", {"model": MODEL, "prompt": [[]] * int(SHARE * 4_000_000)}, 2
    )


async def templates(target: Target) -> None:
    grader = {
        "type": "string_check", "name": "a", "operation": "eq", "reference": "a",
        "input": "{{item.q}}" * 20_000,
    }  # fmt: skip
    body = {"grader": grader, "model_sample": "a", "item": {"q": "x" * 5000}}
    await left_alone(target, "/v1/fine_tuning/alpha/graders/run", body, 4)


# 5. and 7. Prompts whose clients leave, and moderation


async def prefills(target: Target) -> None:
    rng = random.Random(0)
    words = [" ".join(rng.choices(["one", "two", "three"], k=6000)) for _ in range(8)]
    for text in words:
        await left_alone(target, "/v1/completions", {"model": MODEL, "prompt": text}, 1)


async def moderation(target: Target) -> None:
    await left_alone(target, "/v1/moderations", {"input": "You are kind. " * 70_000}, 4)


# 6. A long conversation


async def long_chain(target: Target) -> None:
    """A hundred turns of one conversation, half a kilobyte each."""
    end = time.monotonic() + 2 * SECONDS
    async with target.client() as client:
        made = (await client.post("/v1/conversations", json={})).json()
        for n in range(100):
            body = {
                "model": MODEL, "conversation": made["id"], "truncation": "auto",
                "input": f"{n} " * 170, "max_output_tokens": 1,
            }  # fmt: skip
            await client.post("/v1/responses", json=body)
            if time.monotonic() > end:
                break


async def nothing(target: Target) -> None:
    """To see what the machine itself does to the figures."""
    await asyncio.sleep(SECONDS)


ATTACKS: dict[str, tuple[int, Attack]] = {
    "nothing": (0, nothing),
    "backtracking": (1, backtracking),
    "slow-bodies": (2, slow_bodies),
    "slow-headers": (2, slow_headers),
    "idle": (2, idle_connections),
    "unread": (2, unread_streams),
    "socket-nonsense": (2, socket_nonsense),
    "prompts": (3, prompts),
    "small-values": (3, small_values),
    "socket-megabytes": (3, socket_megabytes),
    "templates": (3, templates),
    "wide-sheet": (4, wide_sheet),
    "prefills": (5, prefills),
    "long-chain": (6, long_chain),
    "moderation": (7, moderation),
}
"""By name: the row of the table that an attack belongs to, and the attack."""


# What others notice


@dataclass(kw_only=True)
class Row:
    name: str
    kind: int
    stall_s: float = 0.0
    before_mb: float = 0.0
    peak_mb: float = 0.0
    after_mb: float = 0.0
    lost: int = 0
    answered: int = 0
    reasons: set[str] = field(default_factory=set)

    @property
    def cells(self) -> list[str]:
        return [
            self.name, str(self.kind), f"{self.stall_s:.2f}", f"{self.before_mb:.0f}",
            f"{self.peak_mb:.0f}", f"{self.after_mb:.0f}", str(self.lost), str(self.answered),
        ]  # fmt: skip


HEADINGS = ["attack", "row", "stall s", "before MB", "peak MB", "after MB", "lost", "answered"]


def resident(pid: int) -> float:
    """MB of the server and of all that it has started."""
    process, total = psutil.Process(pid), 0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            total += each.memory_info().rss
    return total / 1e6


async def watch(target: Target, key: str, row: Row, over: asyncio.Event) -> None:
    async def health(client: httpx.AsyncClient) -> None:
        while not over.is_set():
            began = time.monotonic()
            with suppress(httpx.HTTPError):
                await client.get("/health")
            row.stall_s = max(row.stall_s, time.monotonic() - began)
            row.peak_mb = max(row.peak_mb, resident(target.pid))
            await asyncio.sleep(0.1)

    async def chat(client: httpx.AsyncClient) -> None:
        body = {"model": MODEL, "max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]}
        while not over.is_set():
            try:
                answer = await client.post(CHAT, json=body)
                if answer.status_code == httpx.codes.OK:
                    row.answered += 1
                else:
                    row.lost += 1
                    row.reasons.add(f"status {answer.status_code}")
            except httpx.HTTPError as error:
                row.lost += 1
                row.reasons.add(type(error).__name__)
            await asyncio.sleep(0.2)

    async with httpx.AsyncClient(
        base_url=target.url, headers={"authorization": f"Bearer {key}"}, timeout=60
    ) as client:
        await asyncio.gather(health(client), chat(client))


async def attacked(name: str, target: Target) -> None:
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(8 * SECONDS):
            await ATTACKS[name][1](target)


def attack_apart(name: str, target: Target) -> None:
    """The attack in a process of its own: opening thousands of connections is work here too, and
    `/health` would seem to wait for it."""
    more_files()
    asyncio.run(attacked(name, target))


async def tried(name: str, target: Target, other: str, *, apart: bool = True) -> Row:
    kind, _ = ATTACKS[name]
    row = Row(name=name, kind=kind, before_mb=resident(target.pid))
    over = asyncio.Event()
    watching = asyncio.create_task(watch(target, other, row, over))
    if apart:
        child = multiprocessing.get_context("spawn").Process(
            target=attack_apart, args=(name, target)
        )
        child.start()
        await asyncio.to_thread(child.join, 10 * SECONDS)
        child.kill()
    else:
        await attacked(name, target)
    over.set()
    await watching
    end = time.monotonic() + SETTLE_S
    while True:  # freed memory goes back within seconds
        row.after_mb = resident(target.pid)
        if row.after_mb < 1.05 * row.before_mb or time.monotonic() > end:
            return row
        await asyncio.sleep(1)


# The server


@contextmanager
def server(log: Path) -> Iterator[tuple[Target, str]]:
    """A server of two projects, and the second one's key."""
    from fireside.settings import Settings, load_settings
    from fireside.storage import Store
    from fireside.storage.audit import Actor

    models = load_settings().models_dir
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "models").symlink_to(models)
        (home / "cache").symlink_to(models.parent / "cache")
        with Store.open(Settings(home=home).database_path) as store:
            user = store.people.add_user("Ada", by=Actor()).id
            projects = [store.people.add_project(name, by=Actor()).id for name in ("bad", "good")]
            keys = [
                store.keys.add("k", user_id=user, project_id=each, by=Actor())[1]
                for each in projects
            ]
        port = free_port()
        chosen = {"FIRESIDE_HOME": folder, "FIRESIDE_PORT": str(port), "FIRESIDE_MODEL": MODEL}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "fireside", "serve"],
                env=os.environ | chosen, stdout=out, stderr=out,
            )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, process)
            yield Target(url=url, key=keys[0], pid=process.pid), keys[1]
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(f"{url}/ready").status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise SystemExit("the server did not start")


def more_files() -> None:
    """5,000 connections are 5,000 open files of this process too."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))


def format_rows(rows: list[Row], *, markdown: bool) -> Iterator[str]:
    table = [HEADINGS, *(row.cells for row in rows)]
    if markdown:
        table.insert(1, ["---", *["---:"] * (len(HEADINGS) - 1)])
        yield from (f"| {' | '.join(cells)} |" for cells in table)
        return
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        yield "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))


async def work(target: Target, other: str, rows: list[Row]) -> None:
    """The first answer loads what an idle server does not hold."""
    body = {"input": "Hi", "model": "minilm:l6"}
    headers = {"authorization": f"Bearer {other}"}
    for _ in range(3):
        httpx.post(f"{target.url}/v1/embeddings", json=body, headers=headers, timeout=60)
        httpx.post(
            f"{target.url}/v1/moderations", json={"input": "Hi"}, headers=headers, timeout=60
        )
    for row in list(rows):
        made = await tried(row.name, target, other)
        rows[rows.index(row)] = made
        why = f"  ({', '.join(sorted(made.reasons))})" if made.reasons else ""
        print(f"{made.name}: {made.stall_s:.2f} s, {made.peak_mb:.0f} MB{why}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Hostile clients against a server of one's own.")
    parser.add_argument("attacks", nargs="*", choices=[[], *ATTACKS], help="all, if none is named")
    parser.add_argument("--markdown", action="store_true", help="the table as Markdown")
    parser.add_argument("--log", type=Path, help="where the server's own words go")
    arguments = parser.parse_args()
    more_files()
    rows = [Row(name=each, kind=ATTACKS[each][0]) for each in arguments.attacks or ATTACKS]
    with tempfile.TemporaryDirectory() as folder:
        log = arguments.log or Path(folder) / "server.log"
        with server(log) as (target, other):
            asyncio.run(work(target, other, rows))
        tracebacks = log.read_text(errors="replace").count("Traceback")
    print()
    for line in format_rows(rows, markdown=arguments.markdown):
        print(line)
    print(f"\ntracebacks in the server's log: {tracebacks}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
