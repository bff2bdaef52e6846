"""Speculation proposes what was said before, and only where it pays."""

from __future__ import annotations

from fireside.engine.speculation import LONGEST, Drafter, StepCost, accepted_length


def cost_of(**seconds: float) -> StepCost:
    cost = StepCost()
    for rows, value in seconds.items():
        cost.observe(int(rows[1:]), value)
    return cost


CHEAP = cost_of(r1=1.0, r2=1.0, r4=1.0, r8=1.0)
DEAR = cost_of(r1=1.0, r2=2.0, r4=4.0, r8=8.0)


def test_what_followed_before_is_proposed() -> None:
    drafter = Drafter()
    assert drafter.propose([1, 2, 3, 4, 5, 1, 2], CHEAP, decoding=1, room=9) == []
    assert drafter.propose([1, 2, 3, 4, 5, 1, 2, 3], CHEAP, decoding=1, room=3) == [4, 5, 1]


def test_a_repetition_goes_on() -> None:
    assert Drafter().propose([7, 8] * 4, CHEAP, decoding=1, room=5) == [7, 8, 7, 8, 7]
    assert Drafter().propose([7] * 9, CHEAP, decoding=1, room=20) == [7] * LONGEST


def test_the_latest_occurrence_counts() -> None:
    tokens = [1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3]
    assert Drafter().propose(tokens, CHEAP, decoding=1, room=1) == [5]


def test_dear_rows_switch_it_off_and_it_tries_again_now_and_then() -> None:
    drafter = Drafter()
    tries = [bool(drafter.propose([7] * 9, DEAR, decoding=1, room=9)) for _ in range(64)]
    assert tries.count(True) == 4


def test_wrong_guesses_switch_it_off_and_right_ones_on_again() -> None:
    modest = cost_of(r1=1.0, r2=1.3, r3=1.6, r4=1.9, r5=2.2, r6=2.5, r7=2.8, r8=3.1)
    drafter = Drafter()
    assert drafter.propose([7] * 9, modest, decoding=1, room=9)
    for _ in range(12):
        drafter.observe(3, 0)
    assert not drafter.propose([7] * 9, modest, decoding=1, room=9)
    for _ in range(4):
        drafter.observe(7, 7)
    assert drafter.propose([7] * 9, modest, decoding=1, room=9)


def test_a_large_batch_does_not_speculate() -> None:
    assert not Drafter().propose([7] * 9, CHEAP, decoding=16, room=9)


def test_accepted_is_the_common_beginning() -> None:
    assert accepted_length([1, 2, 3], [1, 2, 4, 9]) == 2
    assert accepted_length([1], [1, 5]) == 1
    assert accepted_length([], [5]) == 0
