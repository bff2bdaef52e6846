from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.training.schedules import Schedule


def course(schedule: Schedule) -> list[float]:
    return [schedule.factor(step) for step in range(schedule.steps)]


def test_cosine_is_the_closed_form() -> None:
    found = course(Schedule(steps=11, warmup=2, final=0.1))
    assert found[:2] == [0.5, 1.0]
    for step in range(2, 11):
        expected = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (step - 2) / 9))
        assert found[step] == pytest.approx(expected)
    assert found[2] == 1.0
    assert Schedule(steps=11, warmup=2, final=0.1).factor(11) == pytest.approx(0.1)


def test_warm_up_stable_decay() -> None:
    found = course(Schedule(steps=10, name="wsd", warmup=2, decay=4, final=0.2))
    assert found == pytest.approx([0.5, 1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4])


def test_decay_is_a_fifth_unless_said() -> None:
    assert course(Schedule(steps=10, name="wsd")) == pytest.approx([1] * 9 + [0.5])


@given(
    name=st.sampled_from(["cosine", "wsd"]),
    steps=st.integers(1, 200),
    warmup=st.integers(0, 50),
    final=st.floats(0, 1),
    decay=st.none() | st.integers(1, 250),
)
def test_every_course(name: str, steps: int, warmup: int, final: float, decay: int | None) -> None:
    """Within bounds; up while it warms, never up again afterwards; no update is wasted."""
    schedule = Schedule(steps=steps, name=name, warmup=warmup, decay=decay, final=final)  # type: ignore[arg-type]
    found = course(schedule)
    assert all(0 <= factor <= 1 + 1e-12 for factor in found)
    assert found[: min(warmup, steps)] == sorted(found[: min(warmup, steps)])
    after = found[warmup:]
    assert after == sorted(after, reverse=True)
    assert min(found) > 0 or (decay or 0) > steps
    if steps > warmup:
        assert schedule.factor(steps) == pytest.approx(final)
