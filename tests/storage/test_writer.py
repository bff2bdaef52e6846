"""Writes of one process take turns, in the order of asking; what takes too long says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from fireside.errors import Unavailable
from fireside.storage import Store
from fireside.storage.writer import Writer


@pytest.fixture
def hurried(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "fireside.db", busy_timeout=0.1) as store:
        yield store


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_writes_come_in_the_order_of_asking(store: Store) -> None:
    """SQLite alone would let any of them go first, and the same one again and again."""
    writer, order = store._writer, []

    def write(number: int) -> None:
        with writer.begin():
            order.append(number)

    with ThreadPoolExecutor(12) as pool, writer.begin():
        for number in range(12):
            pool.submit(write, number)
            wait_for(lambda number=number: len(writer._line) == number + 2)
        assert order == []
        assert store._engine.pool.checkedout() == 1  # who waits holds no connection
    assert order == list(range(12))


def test_a_write_that_waits_too_long_gives_up_its_place(hurried: Store) -> None:
    writer = hurried._writer
    with writer.begin(), ThreadPoolExecutor(1) as pool:
        late = pool.submit(hurried.create_conversation).exception()
    assert isinstance(late, Unavailable)
    assert late.status == 503
    assert "\n" not in late.message
    assert hurried.create_conversation()  # the line goes on without it
    assert not writer._line


def test_whoever_fails_or_is_interrupted_lets_the_next_one_write(store: Store) -> None:
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), store._writer.begin():
            raise error
        assert store.create_conversation()
    assert not store._writer._line


def test_one_who_is_interrupted_in_line_is_passed_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C reaches the main thread wherever it waits."""

    class Interrupting:
        def __init__(self) -> None:
            self.acquired = 0

        def acquire(self, timeout: float = -1) -> bool:
            if timeout >= 0:
                raise KeyboardInterrupt
            return True

    writer = store._writer
    with writer.begin():
        with monkeypatch.context() as patch:
            patch.setattr(threading, "Lock", Interrupting)
            with pytest.raises(KeyboardInterrupt), writer.turn():
                pytest.fail("it is not its turn")
        assert len(writer._line) == 1
    assert store.create_conversation()


def test_a_store_is_scrubbed_in_its_turn(hurried: Store) -> None:
    with hurried._writer.begin(), ThreadPoolExecutor(1) as pool:
        late = pool.submit(hurried.erasure.scrub).exception()
    assert isinstance(late, Unavailable)
    assert hurried.erasure.scrub() == ""


def test_too_many_reads_at_once_say_so(hurried: Store) -> None:
    with ExitStack() as reading:
        for _ in range(15):
            reading.enter_context(hurried._engine.connect())
        with pytest.raises(Unavailable, match="read from the database") as caught:
            hurried.conversations()
    assert caught.value.status == 503
    assert "\n" not in caught.value.message
    assert hurried.conversations() == []


def test_a_turn_is_one_thread_s_alone(store: Store) -> None:
    writer = Writer(store._engine, patience=300)
    inside = most = 0

    def work(_: int) -> None:
        nonlocal inside, most
        for _ in range(50):
            with writer.turn():
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert most == 1
