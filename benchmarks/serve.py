"""Fireside's server beside llama.cpp's: same file, same threads, same prompts, taking turns.

    python benchmarks/serve.py                        # 1, 8, 32 and 64 clients
    python benchmarks/serve.py --clients 1 8 --rounds 1
    python benchmarks/serve.py --health               # /health while 32 streams run

Each server is a process of its own (llama.cpp's comes with `xllamacpp`); both are loaded first and
idle until asked.  Every client streams `/v1/completions`, greedily, one answer after another.  The
prompts are mixed, three short to one long, and no two begin alike.  One side runs after the other,
and every second round in the other order.  `alike` is the share of answers that are the same text
on both sides: the same file, the same mathematics, other roundings.

It judges nothing and installs nothing; a busy machine makes all its figures worse.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from engines import TEXT

LENGTHS = (60, 200, 400, 2250)  # characters; about 14, 50, 95 and 512 tokens
SIDES = ("fireside", "llama.cpp")
PATIENCE_S = 300


@dataclass(frozen=True, kw_only=True)
class Answer:
    text: str
    tokens: int
    first_s: float
    gaps: list[float]


@dataclass(kw_only=True)
class Load:
    """All that `clients` heard, and how long it took."""

    wall_s: float = 0.0
    answers: dict[str, Answer] = field(default_factory=dict)

    def row(self) -> dict[str, float]:
        first = [each.first_s for each in self.answers.values()]
        gaps = [gap for each in self.answers.values() for gap in each.gaps]
        return {
            "tokens/s": sum(each.tokens for each in self.answers.values()) / self.wall_s,
            "first p50 ms": 1000 * quantile(first, 0.5),
            "first p99 ms": 1000 * quantile(first, 0.99),
            "gap p50 ms": 1000 * quantile(gaps, 0.5),
            "gap p99 ms": 1000 * quantile(gaps, 0.99),
        }


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


# The servers


def llama_cpp(model: str, threads: int, clients: int) -> None:
    """Serve until killed; the address is the first line of stdout."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.n_parallel = clients
    parameters.n_ctx = 1024 * clients
    parameters.hostnames, parameters.port = ["127.0.0.1"], free_port()
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def fireside(model: str, threads: int, clients: int) -> Iterator[str]:
    port = free_port()
    chosen = {
        "FIRESIDE_MODEL": model, "FIRESIDE_PORT": port, "FIRESIDE_THREADS": threads,
        "FIRESIDE_MAX_BATCH": min(clients, 64), "FIRESIDE_MAX_QUEUE": 4 * clients,
    }  # fmt: skip
    command = [sys.executable, "-m", "fireside", "serve"]
    process = subprocess.Popen(
        command,
        env=os.environ | {name: str(value) for name, value in chosen.items()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _ready(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def llama(model: str, threads: int, clients: int) -> Iterator[str]:
    command = [sys.executable, __file__, "--llama-cpp", model, "--threads", str(threads)]
    process = subprocess.Popen(
        [*command, "--clients", str(clients)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = (line.strip() for line in process.stdout)
        yield _ready(next(line for line in lines if line.startswith("http")), process)
    finally:
        process.kill()
        process.wait()


def _ready(url: str, process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"The server ended with {process.returncode} before it was ready.")
        try:
            path = "/ready" if process.args[-1] == "serve" else "/health"  # type: ignore[index]
            if httpx.get(url + path, timeout=10).status_code == 200:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{url} was not ready within {PATIENCE_S} s.")


# The clients


def prompts(clients: int, each: int, seed: int) -> list[list[str]]:
    """For each client its prompts: no two begin alike, so nothing comes from a prefix cache."""
    made = []
    for client in range(clients):
        lengths = [LENGTHS[(client + turn) % len(LENGTHS)] for turn in range(each)]
        heads = [f"{seed}.{client}.{turn} is the number of this story. " for turn in range(each)]
        made.append([(h + TEXT * 10)[:n] for h, n in zip(heads, lengths, strict=True)])
    return made


async def answered(client: httpx.AsyncClient, model: str, prompt: str, tokens: int) -> Answer:
    body = {
        "model": model, "prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    began, heard, stamps, made = time.perf_counter(), [], [], 0
    async with client.stream("POST", "/v1/completions", json=body) as response:
        if response.status_code != 200:
            raise SystemExit((await response.aread()).decode())
        async for event in events(response):
            if event.get("usage"):
                made = event["usage"]["completion_tokens"]
            if event["choices"] and event["choices"][0]["text"]:
                heard.append(event["choices"][0]["text"])
                stamps.append(time.perf_counter())
    first = stamps[0] if stamps else time.perf_counter()
    gaps = [b - a for a, b in pairwise(stamps)]
    return Answer(text="".join(heard), tokens=made, first_s=first - began, gaps=gaps)


async def events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line[6:])


async def load(url: str, model: str, work: list[list[str]], tokens: int) -> Load:
    found = Load()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:

        async def one(mine: list[str]) -> None:
            for prompt in mine:
                found.answers[prompt] = await answered(client, model, prompt, tokens)

        began = time.perf_counter()
        await asyncio.gather(*(one(mine) for mine in work))
        found.wall_s = time.perf_counter() - began
    return found


def health(url: str, model: str, streams: int, tokens: int) -> list[float]:
    """Seconds that `/health` took, asked all the time while another process reads `streams`."""
    host, port = url.removeprefix("http://").split(":")
    reader = [sys.executable, __file__, model, "--read", url, "--tokens", str(tokens)]
    took = []
    with subprocess.Popen([*reader, "--clients", str(streams)]) as running:
        asking = http.client.HTTPConnection(host, int(port), timeout=60)
        while running.poll() is None:
            began = time.perf_counter()
            asking.request("GET", "/health")
            asking.getresponse().read()
            took.append(time.perf_counter() - began)
            time.sleep(0.02)
    return took


# The tables


def side_by_side(model: str, options: argparse.Namespace) -> None:
    print(f"{os.cpu_count()} cores, {options.threads} threads, load {os.getloadavg()[0]:.1f}")
    names = list(Load(wall_s=1.0).row())
    print("clients  side       " + "".join(f"{name:>14}" for name in names) + "   alike")
    for clients in options.clients:
        with (
            fireside(model, options.threads, clients) as ours,
            llama(model, options.threads, clients) as theirs,
        ):
            urls = dict(zip(SIDES, (ours, theirs), strict=True))
            for url in urls.values():  # a first one, which loads what is loaded late
                asyncio.run(load(url, model, prompts(1, 1, 999), 4))
            rounds: dict[str, list[Load]] = {side: [] for side in SIDES}
            for turn in range(options.rounds):
                work = prompts(clients, options.each, turn)
                for side in SIDES if turn % 2 == 0 else SIDES[::-1]:
                    rounds[side].append(asyncio.run(load(urls[side], model, work, options.tokens)))
        _print(clients, rounds, names)


def _print(clients: int, rounds: dict[str, list[Load]], names: list[str]) -> None:
    pairs = [
        (mine.text, other.answers[prompt].text)
        for ours, other in zip(*rounds.values(), strict=True)
        for prompt, mine in ours.answers.items()
    ]
    alike = sum(a == b for a, b in pairs) / len(pairs)
    for side, loads in rounds.items():
        rows = [each.row() for each in loads]
        cells = "".join(f"{median(row[name] for row in rows):>14.1f}" for name in names)
        print(f"{clients:>7}  {side:<11}{cells}{alike:>8.0%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", nargs="?", help="a GGUF file; without it the default model's")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32, 64])
    parser.add_argument("--each", type=int, default=2, help="answers per client and round")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--health", action="store_true")
    parser.add_argument("--read", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--llama-cpp", metavar="MODEL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.llama_cpp:
        return llama_cpp(options.llama_cpp, options.threads, max(options.clients))
    model = options.model or default_model()
    if options.read:
        work = prompts(max(options.clients), 1, 0)
        asyncio.run(load(options.read, model, work, options.tokens))
        return None
    if not options.health:
        return side_by_side(model, options)
    with fireside(model, options.threads, 32) as url:
        took = health(url, model, 32, options.tokens)
    cells = {f"p{n}": f"{1000 * quantile(took, n / 100):.1f} ms" for n in (50, 99, 100)}
    print(f"/health beside 32 streams, {len(took)} times: {cells}")
    return None


def default_model() -> str:
    from fireside.settings import load_settings

    found = sorted(Path(load_settings().models_dir).rglob("SmolLM2-135M-Instruct.Q4_1.gguf"))
    if not found:
        raise SystemExit("The default model is not pulled: run scripts/setup, or name a file.")
    return str(found[0])


if __name__ == "__main__":
    main()
