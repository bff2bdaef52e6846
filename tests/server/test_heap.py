"""What was freed goes back to the system, cycles among it."""

from __future__ import annotations

import gc
import sys

import pytest

from fireside.server import heap
from fireside.server.heap import Heap

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc")


class Cycle:
    def __init__(self, size: int) -> None:
        self.itself = self
        self.data = [bytes(1000) for _ in range(size // 1000)]


def test_it_gives_back_what_cycles_held() -> None:
    trimmed = Heap()
    if trimmed._trim is None:
        pytest.skip("no glibc")
    trimmed.trim()
    before = heap._resident()
    gc.disable()
    try:
        Cycle(100_000_000)
        assert heap._resident() > before + 20_000
        trimmed.trim()
    finally:
        gc.enable()
    assert heap._resident() < before + 10_000  # pages: 40 MB of the 100


def test_it_pauses_where_nothing_is_gained(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed, rounds = Heap(), []
    trimmed._trim = lambda _: rounds.append(number) or 0  # type: ignore[func-returns-value]
    number = 0
    monkeypatch.setattr(heap, "_resident", lambda: 100 if number == 0 else 200)
    while number < 200:
        trimmed.trim()
        number += 1
    assert rounds == [0, 1, 3, 7, 15, 31, 63, 127, 191]
