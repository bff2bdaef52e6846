"""`fireside serve`: the port, the address, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fireside.cli.serve import address_of, listen
from fireside.errors import Conflict, Unavailable

SERVER = """
import sys, time, types
import fake_model
models = types.ModuleType("fireside.engine.models")
pieces = int(sys.argv.pop(1))
made = fake_model.FakeModel(name="smollm2:135m", script=[[f"{n} " for n in range(pieces)]])
made.on_event = lambda n: time.sleep(0.05)
models.Models = lambda settings: fake_model.FakeModels(made)
sys.modules["fireside.engine.models"] = models
from fireside.cli import main
main.main()
"""


PATIENCE = 120  # seconds; for machines that are busy, and measured by no test


@contextmanager
def serving(home: Path, pieces: int = 40) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of its own and its address; each piece of its answer takes a twentieth second."""
    paths = os.pathsep.join([str(Path(__file__).parent.parent), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(pieces), "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FIRESIDE_HOME": str(home), "PYTHONPATH": paths},
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Fireside is at http://127.0.0.1:"), line
            yield process, line.split()[3]
        finally:
            process.kill()


def test_a_small_answer_goes_out_at_once() -> None:
    """Without TCP_NODELAY each answer on a kept connection waits 40 ms for a delayed ACK, and
    asyncio sets it only on sockets that name their protocol."""

    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sock = writer.get_extra_info("socket")
            found.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listen("127.0.0.1", 0)
        async with await asyncio.start_server(answer, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname()[:2])
            writer.close()
            return await found

    assert asyncio.run(accepted()) != 0


def test_a_taken_port_is_one_line(home: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        code, out, err = run("serve", "--port", str(port))
    assert (code, out) == (1, "")
    assert f"Port {port} is taken" in err
    assert err.count("\n") == 1
    assert not home.exists()  # told before anything is opened


def test_listen() -> None:
    with listen("127.0.0.1", 0) as one:
        assert address_of(one) == f"http://127.0.0.1:{one.getsockname()[1]}"
        with pytest.raises(Conflict):
            listen("127.0.0.1", one.getsockname()[1])
    with pytest.raises(Unavailable, match="no address"):
        listen("no.such.host.invalid", 0)
    with pytest.raises(Unavailable, match="cannot be bound"):
        listen("192.0.2.1", 8080)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(home: Path, number: signal.Signals) -> None:
    with serving(home) as (process, address):
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{address}/health", timeout=300)


def ask(address: str, heard: list[str], begun: threading.Event) -> None:
    with httpx.Client(base_url=address, timeout=PATIENCE) as client:
        made = client.post("/api/conversations", json={}).json()
        url = f"/api/conversations/{made['id']}/turns"
        with client.stream("POST", url, json={"content": "count"}) as answer:
            for text in answer.iter_text():
                heard.append(text)
                if "delta" in text:
                    begun.set()


def asking(address: str) -> tuple[threading.Thread, list[str]]:
    """Somebody who listens to an answer, which has begun."""
    heard: list[str] = []
    begun = threading.Event()

    def listen_quietly() -> None:
        try:
            ask(address, heard, begun)
        except httpx.HTTPError:
            heard.append("cut off")

    thread = threading.Thread(target=listen_quietly)
    thread.start()
    assert begun.wait(PATIENCE)
    return thread, heard


def test_the_first_signal_lets_answers_finish(home: Path) -> None:
    with serving(home) as (process, address):
        thread, heard = asking(address)
        process.send_signal(signal.SIGTERM)
        thread.join(PATIENCE)
        assert '"done"' in "".join(heard)
        assert "39 " in "".join(heard)
        assert process.wait(PATIENCE) == 0


def test_the_second_signal_stops_at_once(home: Path) -> None:
    with serving(home, pieces=100_000) as (process, address):
        thread, heard = asking(address)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert "stopping" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
        thread.join(PATIENCE)
        assert '"done"' not in "".join(heard)
