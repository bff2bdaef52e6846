"""A state is a value: to JSON and back, never changed, and what is wrong with one is named."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.dialogue.state import (
    ACTS,
    DialogueState,
    HandOver,
    Paused,
    Question,
    SlotValue,
)
from fireside.errors import BadRequest

TEXT = st.text(max_size=12)
VALUES = st.builds(
    SlotValue, value=TEXT, said=TEXT, message_id=TEXT, how=st.sampled_from(["said", "corrected"])
)
STATES = st.builds(
    DialogueState,
    goal=st.none() | TEXT,
    done=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    paused=st.lists(st.builds(Paused, goal=TEXT), max_size=2).map(tuple),
    slots=st.dictionaries(TEXT, VALUES, max_size=3),
    questions=st.lists(
        st.builds(
            Question,
            kind=st.sampled_from(["slot", "confirm"]),
            text=TEXT,
            pending=VALUES | st.none(),
        ),
        max_size=2,
    ).map(tuple),
    act=st.sampled_from([*ACTS, None]),
    mood=st.lists(st.floats(-1, 1), max_size=3).map(tuple),
    handed_over=st.none() | st.builds(HandOver, reason=TEXT, to=TEXT, summary=TEXT),
)


@given(STATES)
def test_to_json_and_back(state: DialogueState) -> None:
    import json

    assert DialogueState.from_json(json.loads(json.dumps(state.as_json()))) == state


def test_a_state_is_never_changed() -> None:
    state = DialogueState()
    with pytest.raises(FrozenInstanceError):
        state.goal = "x"  # type: ignore[misc]
    assert state.with_slot("a", SlotValue(value="1")).values == {"a": "1"}
    assert state.values == {}


@pytest.mark.parametrize(
    ("given_", "where"),
    [
        ({"gaol": "x"}, "gaol"),
        ({"slots": {"a": {"value": 3}}}, "slots.a.value"),
        ({"act": "shout"}, "act"),
        ({"slots": {"a": {"value": "1", "hwo": "said"}}}, "slots.a.hwo"),
    ],
)
def test_what_is_wrong_is_named(given_: dict[str, object], where: str) -> None:
    with pytest.raises(BadRequest, match=where):
        DialogueState.from_json(given_)


def test_moods_are_the_last_ones() -> None:
    state = DialogueState()
    for number in range(100):
        state = state.with_mood(number / 100)
    assert len(state.mood) == 20
    assert state.mood[-1] == 0.99
