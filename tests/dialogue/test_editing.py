"""Edits of a state are held to the policy; a state of another policy hurts nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from fireside.dialogue.config import DialogueConfig
from fireside.dialogue.editing import edited, fitting
from fireside.dialogue.state import DialogueState, HandOver, Paused, Question, SlotValue
from fireside.errors import BadRequest

from .conftest import TODAY, Talk
from .test_state import STATES


def test_an_edit_sets_forgets_and_gives_back(desk: DialogueConfig) -> None:
    over = HandOver(reason="r", to="t", summary="s")
    state = DialogueState(goal="refund", handed_over=over, misunderstood=2).with_slot(
        "order", SlotValue(value="AB-1234")
    )
    changes = {"slots": {"pickup": "2026-12-01", "order": None}, "handed_over": False}
    changed = edited(desk, state, changes, today=TODAY)
    assert changed.values == {"pickup": "2026-12-01"}
    assert changed.slots["pickup"].how == "edited"
    assert changed.handed_over is None
    assert changed.goal == "refund"
    assert edited(desk, state, {"goal": None}, today=TODAY).goal is None
    assert edited(desk, state, {"goal": "room"}, today=TODAY).goal == "room"
    plain = edited(desk, state, {"slots": {"reason": "broken", "opened": "nope"}}, today=TODAY)
    assert (plain.values["reason"], plain.values["opened"]) == ("damaged", "no")


@pytest.mark.parametrize(
    ("changes", "param", "said"),
    [
        ({"goal": "refnd"}, "goal", "did you mean 'refund'"),
        ({"goal": 3}, "goal", "a flow or null"),
        ({"slots": {"picup": "2026-12-01"}}, "slots", "did you mean 'pickup'"),
        ({"slots": {"pickup": "banana"}}, "slots", "slots.pickup is of the type date"),
        ({"slots": {"pickup": 3}}, "slots", "a string or null"),
        ({"slots": {"reason": "boredom"}}, "slots", "slots.reason is of the type choice"),
        ({"slots": {"order": "x" * 100_000}}, "slots", "slots.order"),
        ({"slots": {"guests": "1000000"}}, "slots", "slots.guests"),
        ({"slots": {"city": "x" * 100_000}}, "slots", "1 to 2000 characters"),
        ({"slots": {"city": " "}}, "slots", "1 to 2000 characters"),
        ({"handed_over": True}, "handed_over", "can become false"),
        ({"mood": []}, "mood", "cannot be set"),
    ],
)  # fmt: skip
def test_what_the_policy_does_not_know_is_refused(
    desk: DialogueConfig, changes: dict[str, object], param: str, said: str
) -> None:
    with pytest.raises(BadRequest, match=said) as refused:
        edited(desk, DialogueState(), changes, today=TODAY)
    assert refused.value.param == param
    assert len(refused.value.message) < 300


@given(STATES)
def test_any_state_can_be_gone_on_from(desk: DialogueConfig, state: DialogueState) -> None:
    talk = Talk(desk)
    talk.state = fitting(talk.config, state)
    assert set(talk.state.slots) <= set(talk.config.slots)
    for said in ("yes", "the second one", "give me my money back", "AB-1234"):
        talk.say(said)
    assert fitting(talk.config, talk.state) == talk.state


def test_what_another_policy_left_is_let_go(desk: DialogueConfig) -> None:
    state = DialogueState(
        goal="gone",
        done=(0, 7),
        paused=(Paused(goal="refund", done=(1, 99)), Paused(goal="gone")),
        slots={"order": SlotValue(value="AB-1"), "gone": SlotValue(value="x")},
        questions=(Question(kind="slot", text="?", slot="gone"),),
    )
    kept = fitting(desk, state)
    assert (kept.goal, kept.done, kept.questions) == (None, (), ())
    assert kept.paused == (Paused(goal="refund", done=(1,)),)
    assert kept.values == {"order": "AB-1"}
    assert fitting(desk, replace(kept, goal="refund")).goal == "refund"
