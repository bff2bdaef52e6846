"""What holds over time: memory, abandoned requests, and chats beside a tuning job.

    python benchmarks/soak.py --minutes 30     # mixed work by six clients; the server's memory
    python benchmarks/soak.py --abandon 300    # clients that leave, then one that stays
    python benchmarks/soak.py --tuning         # a chat's speed alone and beside a fine-tuning job

One server of its own, in a home of its own with the installed models, on 127.0.0.1.  Memory is the
server's resident set, and that of its workers.  It judges nothing; a busy machine makes all its
figures worse.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import httpx
import openai
import psutil
from engines import TEXT
from serve import default_model, fireside

CLIENTS = 6
FUNCTION = {
    "type": "function",
    "function": {
        "name": "note",
        "parameters": {
            "type": "object",
            "properties": {"text": {"type": "string", "maxLength": 20}},
            "required": ["text"],
            "additionalProperties": False,
        },
    },
}


@contextmanager
def server(threads: int) -> Iterator[str]:
    """A server with a database of its own and the models that are installed."""
    from fireside.settings import load_settings

    model = default_model()
    models = load_settings().models_dir
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "models").symlink_to(models)
        os.environ["FIRESIDE_HOME"] = home
        with fireside(model, threads, CLIENTS) as url:
            yield url


def resident() -> float:
    """MB of the server and of all that it has started."""
    server, total = psutil.Process().children()[0], 0
    for each in (server, *server.children(recursive=True)):
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


# The soak


class Soak:
    """Clients that ask for a little of everything, and leave before the end now and then."""

    def __init__(self, url: str, until: float) -> None:
        self._client = openai.AsyncOpenAI(base_url=url + "/v1", api_key="none", timeout=120)
        self._until = until
        self.asked: dict[str, int] = {}

    async def worker(self, seed: int) -> None:
        chance = random.Random(seed)
        kinds = [self.chat, self.left, self.responses, self.tools, self.embed, self.file]
        while time.monotonic() < self._until:
            kind = chance.choice(kinds)
            await kind(self._question(chance))
            self.asked[kind.__name__] = self.asked.get(kind.__name__, 0) + 1

    @staticmethod
    def _question(chance: random.Random) -> str:
        start = chance.randrange(len(TEXT))
        return f"{chance.random()} " + (TEXT * 2)[start : start + chance.choice((50, 300, 1200))]

    async def chat(self, text: str) -> None:
        said = [{"role": "user", "content": text}]
        await self._client.chat.completions.create(model="gpt-4o", messages=said, max_tokens=32)

    async def left(self, text: str) -> None:
        said = [{"role": "user", "content": text}]
        stream = await self._client.chat.completions.create(
            model="gpt-4o", messages=said, max_tokens=400, stream=True
        )
        async for _ in stream:
            break
        await stream.close()

    async def responses(self, text: str) -> None:
        before = None
        for _ in range(3):
            before = await self._client.responses.create(
                model="gpt-4o",
                input=text[:200],
                max_output_tokens=24,
                previous_response_id=before and before.id,
            )

    async def tools(self, text: str) -> None:
        said = [{"role": "user", "content": text[:300]}]
        await self._client.chat.completions.create(
            model="gpt-4o", messages=said, max_tokens=60, tools=[FUNCTION], tool_choice="required"
        )

    async def embed(self, text: str) -> None:
        await self._client.embeddings.create(model="minilm:l6", input=[text] * 4)

    async def file(self, text: str) -> None:
        made = await self._client.files.create(
            file=("text.txt", text.encode() * 100), purpose="user_data"
        )
        await self._client.files.delete(made.id)


def soak(url: str, minutes: float) -> None:
    began = time.monotonic()
    work = Soak(url, began + 60 * minutes)
    samples: list[tuple[float, float]] = []

    async def look() -> None:
        while time.monotonic() < began + 60 * minutes:
            samples.append(((time.monotonic() - began) / 60, resident()))
            await asyncio.sleep(10)

    async def everything() -> None:
        await asyncio.gather(look(), *(work.worker(seed) for seed in range(CLIENTS)))

    asyncio.run(everything())
    print("asked: " + ", ".join(f"{n} {kind}" for kind, n in sorted(work.asked.items())))
    for tenth in range(10):
        part = [mb for at, mb in samples if tenth <= 10 * at / minutes < tenth + 1]
        if part:
            print(f"minute {minutes * tenth / 10:5.1f} on: {median(part):7.0f} MB")


# Clients that leave


def abandon(url: str, count: int) -> None:
    """`count` requests, a third of them streams, whose clients hang up at once."""
    said = [{"role": "user", "content": "Tell me a very long story. " * 20}]

    async def leave(client: httpx.AsyncClient, number: int) -> None:
        body = {"model": "gpt-4o", "messages": said, "max_tokens": 2000, "stream": number % 3 == 0}
        body["messages"] = [{"role": "user", "content": f"{number} {said[0]['content']}"}]
        with suppress(httpx.TimeoutException):
            await client.post("/v1/chat/completions", json=body, timeout=0.3)

    async def all_of_them() -> float:
        async with httpx.AsyncClient(base_url=url) as client:
            for start in range(0, count, 50):
                await asyncio.gather(*(leave(client, start + n) for n in range(50)))
            began = time.perf_counter()
            normal = {
                "model": "gpt-4o",
                "messages": [{"role": "user", "content": "Say hello."}],
                "max_tokens": 8,
            }
            answer = await client.post("/v1/chat/completions", json=normal, timeout=60)
            answer.raise_for_status()
            return time.perf_counter() - began

    print(
        f"after {count} abandoned requests one of 8 tokens took {asyncio.run(all_of_them()):.2f} s"
    )
    for stream in (True, False):
        took = [freed(url, stream) for _ in range(5)]
        print(f"stream={stream}: the engine was idle {1000 * max(took):.0f} ms after the hang-up")


def freed(url: str, stream: bool) -> float:
    """Seconds from a hang-up in mid-answer until nothing runs."""
    body = {
        "model": "gpt-4o", "max_tokens": 4000, "stream": stream, "logit_bias": {"2": -100},
        "messages": [{"role": "user", "content": "Tell me a very long story."}],
    }  # fmt: skip
    with httpx.Client(base_url=url) as client:

        async def leave() -> None:
            async with httpx.AsyncClient(base_url=url) as other:
                with suppress(TimeoutError):
                    await asyncio.wait_for(other.post("/v1/chat/completions", json=body), 2)

        asyncio.run(leave())
        began = time.perf_counter()
        while running(client):
            time.sleep(0.01)
        return time.perf_counter() - began


def running(client: httpx.Client) -> int:
    for line in client.get("/metrics").text.splitlines():
        if line.startswith("fireside_running "):
            return int(float(line.split()[1]))
    raise SystemExit("/metrics has no fireside_running.")


# Chats beside a tuning job


def tuning(url: str) -> None:
    client = openai.OpenAI(base_url=url + "/v1", api_key="none")
    alone = [speed(client) for _ in range(5)]
    rows = [
        {"messages": [{"role": "user", "content": f"{n}? " + TEXT[n : n + 200]},
                      {"role": "assistant", "content": TEXT[n + 200 : n + 500]}]}
        for n in range(100)
    ]  # fmt: skip
    data = "\n".join(json.dumps(row) for row in rows).encode()
    file = client.files.create(file=("rows.jsonl", data), purpose="fine-tune")
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 20}}}
    job = client.fine_tuning.jobs.create(model="smollm2:135m", training_file=file.id, method=method)
    while not _steps(client, job.id):
        time.sleep(1)
    beside = [speed(client) for _ in range(10)]
    before = _steps(client, job.id)
    client.fine_tuning.jobs.cancel(job.id)
    print(f"alone {median(alone):.0f} tokens/s, beside the job {median(beside):.0f} "
          f"({median(beside) / median(alone):.0%}); the job had made {before} steps")  # fmt: skip


def speed(client: openai.OpenAI) -> float:
    began = time.perf_counter()
    answer = client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": f"{time.time()} Tell me about the sea."}],
        max_tokens=64,
        temperature=0,
    )
    assert answer.usage is not None
    return answer.usage.completion_tokens / (time.perf_counter() - began)


def _steps(client: openai.OpenAI, job: str) -> int:
    events = client.fine_tuning.jobs.list_events(job, limit=100).data
    return sum(event.type == "metrics" for event in events)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--abandon", type=int, metavar="N")
    parser.add_argument("--tuning", action="store_true")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if not (options.minutes or options.abandon or options.tuning):
        parser.error("say what: --minutes, --abandon or --tuning")
    with server(options.threads) as url:
        print(f"{os.cpu_count()} cores, {options.threads} threads, load {os.getloadavg()[0]:.1f}")
        if options.tuning:
            tuning(url)
        if options.abandon:
            abandon(url, options.abandon)
        if options.minutes:
            soak(url, options.minutes)


if __name__ == "__main__":
    main()
