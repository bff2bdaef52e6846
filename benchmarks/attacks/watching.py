"""What others notice of an attack: how long the server is silent, how it grows, what it owes."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import psutil

from attacks import ATTACKS, MODEL, Target
from attacks.served import more_files
from attacks.target import CHAT, Failed

SETTLE_S = 30.0
HEADINGS = [
    "attack", "row", "stall s", "loop s", "before MB", "peak MB", "after MB", "lost", "answered",
]  # fmt: skip


@dataclass(kw_only=True)
class Row:
    """stall_s: the longest that `/health` took, by the clock.  loop_s: the most that the thread of
    the event loop computed during one `/health`, in steps of 10 ms; the rest of a stall is
    waiting, for other programs and for other threads of the server.  failures: answers that no
    client may get."""

    name: str
    kind: int
    stall_s: float = 0.0
    loop_s: float = 0.0
    before_mb: float = 0.0
    peak_mb: float = 0.0
    after_mb: float = 0.0
    lost: int = 0
    answered: int = 0
    reasons: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    @property
    def cells(self) -> list[str]:
        return [
            self.name, str(self.kind), f"{self.stall_s:.2f}", f"{self.loop_s:.2f}",
            f"{self.before_mb:.0f}", f"{self.peak_mb:.0f}", f"{self.after_mb:.0f}",
            str(self.lost), str(self.answered),
        ]  # fmt: skip


def resident(pid: int) -> float:
    """MB of the server and of all that it has started."""
    process, total = psutil.Process(pid), 0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            total += each.memory_info().rss
    return total / 1e6


def computed(pid: int) -> float:
    """Seconds of the processor that the process's first thread has had: the event loop's."""
    return next(
        (each.user_time + each.system_time for each in psutil.Process(pid).threads()
         if each.id == pid), 0.0,
    )  # fmt: skip


async def watch(target: Target, key: str, row: Row, over: asyncio.Event) -> None:
    async def health(client: httpx.AsyncClient) -> None:
        while not over.is_set():
            began, worked = time.monotonic(), computed(target.pid)
            with suppress(httpx.HTTPError):
                await client.get("/health")
            row.stall_s = max(row.stall_s, time.monotonic() - began)
            row.loop_s = max(row.loop_s, computed(target.pid) - worked)
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


async def attacked(name: str, target: Target) -> str:
    """What the attacker got that no client may get; "" if nothing."""
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(8 * target.seconds):
            try:
                await ATTACKS[name][1](target)
            except Failed as failure:
                return str(failure)
    return ""


def attack_apart(name: str, target: Target, told: multiprocessing.SimpleQueue[str]) -> None:
    """The attack in a process of its own: opening thousands of connections is work here too, and
    `/health` would seem to wait for it."""
    more_files()
    told.put(asyncio.run(attacked(name, target)))


async def attack(name: str, target: Target, *, apart: bool) -> str:
    if not apart:
        return await attacked(name, target)
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    child = context.Process(target=attack_apart, args=(name, target, told))
    child.start()
    await asyncio.to_thread(child.join, 10 * target.seconds)
    child.kill()
    return "" if told.empty() else str(told.get())


async def tried(name: str, target: Target, other: str, *, apart: bool = True) -> Row:
    """other: the key of the project that must not notice."""
    row = Row(name=name, kind=ATTACKS[name][0], before_mb=resident(target.pid))
    over = asyncio.Event()
    watching = asyncio.create_task(watch(target, other, row, over))
    try:
        failure = await attack(name, target, apart=apart)
        row.failures += [failure] if failure else []
    finally:
        over.set()
        await watching
    end = time.monotonic() + SETTLE_S * target.share
    while True:  # freed memory goes back within seconds
        row.after_mb = resident(target.pid)
        if row.after_mb < 1.05 * row.before_mb or time.monotonic() > end:
            return row
        await asyncio.sleep(1)
