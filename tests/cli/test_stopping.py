"""How `fireside serve` ends: nothing new, what runs may finish for so long, and nobody is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

PATIENCE = 120  # seconds; for machines that are busy, and measured by no test
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
def serving(home: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A server whose answer has no end, its address, and a worker of its own."""
    paths = os.pathsep.join([str(Path(__file__).parent.parent), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, "serve", "--port", "0"],
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
    try:
        return httpx.get(f"{address}/v1/models", timeout=5).status_code == 503
    except httpx.HTTPError:
        return True


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
