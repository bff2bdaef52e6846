"""What was freed goes back to the system, cycles among it; what stays is not searched for them."""

from __future__ import annotations

import asyncio
import gc
import random
import subprocess
import sys

import pytest
from hypothesis import register_random

from fireside.server import heap
from fireside.server.heap import Heap

needs_glibc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc")


# In a process of its own: in one of gigabytes, a hundred megabytes are no growth.
CYCLES = """
import gc
from fireside.server import heap

class Cycle:
    def __init__(self, size):
        self.itself = self
        self.data = [bytes(1000) for _ in range(size // 1000)]

trimmed = heap.Heap(lambda: False)
trimmed.trim()
before = heap._resident()
gc.disable()
Cycle(100_000_000)
grown = heap._resident()
trimmed.trim()
print(before, grown, heap._resident())
"""


@needs_glibc
def test_it_gives_back_what_cycles_held() -> None:
    if Heap(lambda: False)._trim is None:
        pytest.skip("no glibc")
    ran = subprocess.run(
        [sys.executable, "-c", CYCLES], capture_output=True, text=True, check=True, timeout=600
    )
    before, grown, after = map(int, ran.stdout.split())
    assert grown > before + 20_000  # pages
    assert after < before + 10_000


@needs_glibc
def test_it_pauses_where_nothing_is_gained(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed, rounds = Heap(lambda: False), []
    trimmed._trim = lambda _: rounds.append(number) or 0  # type: ignore[func-returns-value]
    number = 0
    monkeypatch.setattr(heap, "_resident", lambda: 100 if number == 0 else 200)
    while number < 200:
        trimmed.trim()
        number += 1
    assert rounds == [0, 1, 3, 7, 15, 31, 63, 127, 191]


def test_what_stays_is_not_searched_until_the_server_ends() -> None:
    loaded = False
    tended = Heap(lambda: loaded)
    gc.unfreeze()  # what a server of another test has left out
    before = gc.get_freeze_count()
    tended.tend()
    assert gc.get_freeze_count() == before
    loaded = True
    tended.tend()
    frozen = gc.get_freeze_count()
    assert frozen > before + 10_000
    made = [[] for _ in range(5000)]  # type: ignore[var-annotated]
    tended.tend()
    assert gc.get_freeze_count() <= frozen  # what comes later is searched
    del made
    asyncio.run(tended.stop())
    assert gc.get_freeze_count() == 0


def test_hypothesis_may_begin_while_a_server_has_frozen_what_there_is() -> None:
    """It asks the collector who holds its random numbers, which then names nobody, and warns; in
    whichever process a server was older than the first test with examples."""
    holder = {"numbers": random.Random()}
    gc.freeze()
    try:
        register_random(holder["numbers"])
    finally:
        gc.unfreeze()
