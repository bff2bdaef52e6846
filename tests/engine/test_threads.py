"""Threads give way to other programs, and come back."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from fireside.engine import threads
from fireside.engine.threads import SECONDS_BETWEEN, Threads


class Machine:
    """Four cores and a clock that the test turns."""

    def __init__(self) -> None:
        self.clock, self.work = 100.0, 0.0
        self.set: list[int] = []

    def passes(self, seconds: float, busy: float) -> None:
        self.clock += seconds
        self.work += seconds * busy


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    made = Machine()
    monkeypatch.setattr(threads, "psutil", SimpleNamespace(cpu_count=lambda: 4))
    monkeypatch.setattr(threads, "time", SimpleNamespace(monotonic=lambda: made.clock))
    monkeypatch.setattr(threads, "torch", SimpleNamespace(set_num_threads=made.set.append))
    monkeypatch.setattr(Threads, "_foreign", staticmethod(lambda: (made.clock, made.work)))
    return made


def after(machine: Machine, most: int, *busy: float) -> list[int]:
    """The number of threads while others keep so many cores busy, a look at a time."""
    counter, found = Threads(most), []
    counter.adjust()
    for cores in busy:
        machine.passes(SECONDS_BETWEEN, cores)
        counter.adjust()
        found.append(counter.now)
    return found


@pytest.mark.parametrize(
    ("most", "busy", "threads"),
    [
        (4, 0.0, 4),
        (4, 0.3, 4),  # a little is no reason
        (4, 1.0, 3),
        (4, 2.0, 2),
        (4, 3.9, 1),
        (4, 9.0, 1),  # more than there is: one is always left
        (2, 1.0, 2),  # there are others for them
        (2, 2.9, 1),
        (1, 4.0, 1),
    ],
)
def test_as_many_as_nobody_else_uses(
    machine: Machine, most: int, busy: float, threads: int
) -> None:
    assert after(machine, most, busy) == [threads]


def test_they_come_back_and_no_further(machine: Machine) -> None:
    assert after(machine, 3, 2.0, 2.0, 0.1, 0.0) == [2, 2, 3, 3]


def test_a_load_on_the_edge_does_not_rock_them(machine: Machine) -> None:
    assert after(machine, 4, 0.4, 0.6, 0.4, 0.6, 0.4) == [4, 3, 3, 3, 3]


def test_it_looks_now_and_then_only(machine: Machine) -> None:
    counter = Threads(4)
    counter.adjust()
    machine.passes(SECONDS_BETWEEN / 3, 4.0)
    counter.adjust()
    assert counter.now == 4


def test_an_old_measurement_says_nothing(machine: Machine) -> None:
    """Idle for an hour in which others worked: that is over, for all we know."""
    counter = Threads(4)
    counter.adjust()
    machine.passes(3600.0, 4.0)
    counter.adjust()
    assert counter.now == 4
    machine.passes(SECONDS_BETWEEN, 4.0)
    counter.adjust()
    assert counter.now == 1


def test_a_crowded_machine_is_seen_however_slow_it_makes_each_step(machine: Machine) -> None:
    """Each step took longer than a measurement was good for, so the engine never gave way: four
    tokens took 20 seconds, with one thread fewer 2."""
    counter = Threads(4)
    counter.adjust()
    machine.passes(3600.0, 0.0)
    counter.adjust()
    for _ in range(3):
        machine.passes(5.0, 4.0)
        counter.adjust()
        assert counter.now == 1


def test_torch_hears_of_changes_only(machine: Machine) -> None:
    after(machine, 4, 0.0, 0.0, 2.0, 2.0, 0.0)
    assert machine.set == [4, 2, 4]


def test_the_real_machine_is_read() -> None:
    first, second = Threads._foreign(), Threads._foreign()
    assert second[0] >= first[0]
    assert abs(second[1] - first[1]) < 60
