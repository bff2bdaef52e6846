from __future__ import annotations

import math

import pytest

from fireside.training.clock import Clock, Decision


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ran(minutes: float, share: float, speeds: list[float], *, before: float = 0.0) -> tuple:  # type: ignore[type-arg]
    """Steps that take `speeds` seconds, the last speed for ever, until the clock decides."""
    hands = Hands()
    clock = Clock(seconds=60 * minutes, share=share, before=before, now=hands)
    step = 0
    while step < 1_000_000:
        step += 1
        hands.now += speeds[min(step, len(speeds)) - 1]
        clock.tick(step)
        decision = clock.decide(step, 10**9)
        if decision is not None:
            return clock, hands, step, decision
    raise AssertionError("never")


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4, 0.5])
@pytest.mark.parametrize("each", [0.01, 0.3, 2.0])
def test_it_ends_in_time_and_the_decay_has_its_share(share: float, each: float) -> None:
    clock, _, step, decision = ran(5, share, [each])
    assert decision.decay == decision.steps - step
    assert decision.decay / decision.steps == pytest.approx(share, abs=0.51 / decision.steps + 0.01)
    end = clock.elapsed + decision.decay * each
    assert 300 - clock.reserve - 3 * each <= end <= 300 - clock.reserve + 2 * each


def test_a_machine_that_gets_slower_ends_in_time_too() -> None:
    speeds = [0.1] * 500 + [0.4]
    clock, _, _, decision = ran(5, 0.3, speeds)
    assert clock.elapsed + decision.decay * 0.4 == pytest.approx(300 - clock.reserve, rel=0.1)


def test_what_earlier_processes_spent_counts() -> None:
    clock, _, step, decision = ran(5, 0.2, [1.0], before=200.0)
    assert clock.elapsed + decision.decay <= 300
    assert step < 90


def test_without_a_clock_nothing_is_decided() -> None:
    clock = Clock(seconds=None, share=0.2)
    clock.tick(1)
    clock.tick(2)
    assert clock.left == math.inf
    assert clock.decide(2, 10) is None


def test_a_run_that_comes_to_its_own_end_needs_no_decision() -> None:
    hands = Hands()
    clock = Clock(seconds=60, share=0.2, now=hands)
    for step in range(1, 10):
        hands.now += 10
        clock.tick(step)
        assert clock.decide(step, step + 1) is None


def test_one_step_that_takes_all_the_time_is_the_first_of_two() -> None:
    hands = Hands()
    clock = Clock(seconds=10, share=0.4, now=hands)
    hands.now += 100
    clock.tick(1)
    assert clock.decide(1, 1000) == Decision(steps=2, decay=1)


def test_the_limit_may_come_later() -> None:
    clock = Clock(seconds=None, share=0.2)
    clock.limit(600.0)
    assert clock.reserve == pytest.approx(18)
    assert 500 < clock.left < 600
