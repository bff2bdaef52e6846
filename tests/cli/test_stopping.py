"""How `fireside serve` ends: nothing new, what runs may finish for so long, and nobody is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
import websockets.sync.client
from websockets.exceptions import ConnectionClosed

PATIENCE = 300  # seconds; for machines that are busy, and measured by no test
SERVER = """
import subprocess, sys, time, types
import fake_model
models = types.ModuleType("fireside.engine.models")
made = fake_model.FakeModel(name="smollm2:135m", script=[[f"{n} " for n in range(100_000)]])
made.on_event = lambda n: time.sleep(0.05)
models.Models = lambda settings: fake_model.FakeModels(made)
sys.modules["fireside.engine.models"] = models
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print(worker.pid, flush=True)
from fireside.cli import main
main.main()
"""


@contextmanager
def serving(
    home: Path, program: str = SERVER, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A server whose answer has no end, its address, and a worker of its own."""
    paths = os.pathsep.join([str(Path(__file__).parent.parent), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", program, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **settings, "FIRESIDE_HOME": str(home), "PYTHONPATH": paths},
    )
    with process:
        worker = 0
        try:
            assert process.stdout is not None
            worker = int(process.stdout.readline())
            yield process, process.stdout.readline().split()[3], worker
        finally:
            process.kill()
            if worker and psutil.pid_exists(worker):
                os.kill(worker, signal.SIGKILL)


def asking(address: str) -> tuple[threading.Thread, list[str]]:
    """Somebody who listens to an answer, which has begun."""
    heard: list[str] = []
    begun = threading.Event()

    def listen() -> None:
        try:
            with httpx.Client(base_url=address, timeout=PATIENCE) as client:
                made = client.post("/api/conversations", json={}).json()
                url = f"/api/conversations/{made['id']}/turns"
                with client.stream("POST", url, json={"content": "count"}) as answer:
                    for text in answer.iter_text():
                        heard.append(text)
                        if "delta" in text:
                            begun.set()
        except httpx.HTTPError:
            heard.append("cut off")

    thread = threading.Thread(target=listen)
    thread.start()
    assert begun.wait(PATIENCE)
    return thread, heard


def waits_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def turned_away(address: str) -> bool:
    """No answer in time is none of it: the server may be slow."""
    try:
        return httpx.get(f"{address}/v1/models", timeout=PATIENCE).status_code == 503
    except httpx.TimeoutException:
        return False
    except httpx.HTTPError:
        return True


SPEAKING = """
import sys, types
from server.fakes import FakeModel, FakeModels
models = types.ModuleType("fireside.engine.models")
made = FakeModel(name="smollm2:135m")
made.holds("Hel", "lo")
models.Models = lambda settings: FakeModels(made)
sys.modules["fireside.engine.models"] = models
print(0, flush=True)
from fireside.cli import main
main.main()
"""
"""A server whose every answer stops after three letters."""


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_after_the_drain_time_an_endless_answer_is_cut_off(home: Path) -> None:
    with serving(home, FIRESIDE_DRAIN_SECONDS="1") as (process, address, _):
        thread, heard = asking(address)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0  # a clean stop all the same
        thread.join(PATIENCE)
        assert '"done"' not in "".join(heard) or "stopped" in "".join(heard)


def all_begun(address: str) -> bool:
    """Whether five requests are with the model."""
    return "fireside_places 5.0" in httpx.get(f"{address}/metrics", timeout=PATIENCE).text


def spoken(address: str, path: str, body: dict[str, object], begun: threading.Event) -> object:
    """Status, kind and text of an answer that has begun."""
    with (
        httpx.Client(base_url=address, timeout=PATIENCE) as client,
        client.stream("POST", path, json=body) as answer,
    ):
        text = ""
        for part in answer.iter_text():
            text += part
            if '"l"' in text:
                begun.set()
        return answer.status_code, answer.headers["content-type"].split(";")[0], text


def test_what_is_cut_off_ends_as_documented(home: Path) -> None:
    chat = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hi"}]}
    response = {"model": "smollm2:135m", "input": "Hi"}
    streams = (("/v1/chat/completions", chat), ("/v1/responses", response))
    with (
        serving(home, SPEAKING, FIRESIDE_DRAIN_SECONDS="1") as (process, address, _),
        ThreadPoolExecutor() as threads,
    ):
        begun = [threading.Event() for _ in streams]
        streamed = [
            threads.submit(spoken, address, path, body | {"stream": True}, event)
            for (path, body), event in zip(streams, begun, strict=True)
        ]
        whole = [threads.submit(httpx.post, address + path, json=body, timeout=PATIENCE)
                 for path, body in streams]  # fmt: skip
        url = address.replace("http", "ws") + "/v1/responses"
        with websockets.sync.client.connect(
            url, open_timeout=PATIENCE, ping_interval=None
        ) as socket:
            socket.send(json.dumps(response | {"type": "response.create"}))
            while json.loads(socket.recv(PATIENCE))["type"] != "response.output_text.delta":
                pass
            assert all(event.wait(PATIENCE) for event in begun)
            assert waits_for(lambda: all_begun(address))
            process.send_signal(signal.SIGTERM)
            events = []
            with suppress(ConnectionClosed):
                while True:
                    events.append(json.loads(socket.recv(PATIENCE)))
            assert socket.close_code == 1012
        for each in whole:
            assert each.result().status_code == 503
            assert each.result().json()["error"]["code"] == "unavailable"
        (status, kind, text), (_, _, named) = (each.result() for each in streamed)
        assert (status, kind) == (200, "text/event-stream")
        assert '"code":"unavailable"' in text.rstrip().rpartition("\n\n")[2]
        assert named.rstrip().rpartition("\n\n")[2].startswith("event: response.failed")
        assert events[-1]["type"] == "response.failed"
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_while_it_drains_nobody_new_is_let_in(home: Path) -> None:
    with serving(home, FIRESIDE_DRAIN_SECONDS="100") as (process, address, _):
        thread, heard = asking(address)
        process.send_signal(signal.SIGTERM)
        assert waits_for(lambda: turned_away(address))
        before = len(heard)
        assert waits_for(lambda: len(heard) > before)  # the answer goes on
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        thread.join(PATIENCE)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_second_signal_leaves_no_orphan(home: Path) -> None:
    with serving(home, FIRESIDE_DRAIN_SECONDS="100") as (process, address, worker):
        thread, _ = asking(address)
        assert not ended(worker)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert "stopping" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
        thread.join(PATIENCE)
        assert waits_for(lambda: ended(worker))
