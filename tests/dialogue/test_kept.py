"""States in the database: every branch its own, an edit begins before it, owners see their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fireside.dialogue.kept import THIS_TURN, States
from fireside.dialogue.state import DialogueState, Question, SlotValue
from fireside.errors import NotFound
from fireside.storage import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "fireside.db") as opened:
        yield opened


@pytest.fixture
def states(store: Store) -> States:
    return States(store.objects)


def of(goal: str) -> DialogueState:
    return DialogueState(goal=goal)


def test_a_path_has_the_state_of_its_last_message(states: States) -> None:
    assert states.before([]) == states.before(["msg_x", ""]) == DialogueState()
    states.keep(of("a"), "msg_1", scope="conv_1", owner="o")
    states.keep(of("b"), "msg_3", scope="conv_1", owner="o")
    states.keep(of("c"), "msg_5", scope="conv_1", owner="o")
    assert states.before(["msg_1", "msg_2"]).goal == "a"
    assert states.before(["msg_1", "msg_2", "msg_3", "msg_4"]).goal == "b"
    assert states.before(["msg_1", "msg_2", "msg_5", "msg_6"]).goal == "c"


def test_an_answer_made_anew_writes_over_its_state(states: States) -> None:
    states.keep(of("a"), "msg_1", scope="conv_1", owner="o")
    states.keep(of("b"), "msg_1", scope="conv_1", owner="o")
    assert states.before(["msg_1"]).goal == "b"


def test_values_of_this_turn_get_its_messages_id(states: States) -> None:
    new = SlotValue(value="1", said="one", message_id=THIS_TURN)
    question = Question(kind="choose_slot", text="?", options=("a",), pending=new)
    state = DialogueState(questions=(question,)).with_slot("n", new)
    states.keep(state, "msg_1", scope="conv_1", owner="o")
    kept = states.before(["msg_1"])
    assert kept.slots["n"].message_id == "msg_1"
    assert kept.questions[0].pending is not None
    assert kept.questions[0].pending.message_id == "msg_1"


def test_ten_thousand_messages_back(states: States) -> None:
    states.keep(of("a"), "msg_0", scope="conv_1", owner="o")
    assert states.before([f"msg_{n}" for n in range(20_000)]).goal == "a"


def test_owners_see_their_own(states: States) -> None:
    states.keep(of("a"), "msg_1", scope="conv_1", owner="o")
    assert states.of("conv_1", owner="o") is not None
    assert states.of("conv_1", owner="another") is None
    for scope, owner in (("conv_1", "another"), ("conv_2", "o")):
        with pytest.raises(NotFound):
            states.of(scope, owner=owner, after="msg_1")
