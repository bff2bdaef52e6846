"""The dialogue in a turn of a stored conversation: replies, framing, receipts, branches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_model import FakeModel, FakeModels

from fireside.assistant import Assistant, Chat, Done
from fireside.assistant.dialogue.chatfile import parse as parse_chat
from fireside.assistant.dialogue.config import DialogueConfig
from fireside.assistant.dialogue.kept import States
from fireside.assistant.dialogue.rehearsal import rehearse
from fireside.assistant.dialogue.state import DialogueState
from fireside.assistant.frame import Frame
from fireside.assistant.persona import DEFAULT, Personas
from fireside.assistant.pipeline import Pipeline
from fireside.assistant.steps.dialogue import Dialogue, Framing, Keeping
from fireside.storage import Store

from .conftest import DESK, Words

FOLDER = "personas"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "fireside.db") as opened:
        yield opened


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def chat(store: Store, tmp_path: Path, model: FakeModel) -> Chat:
    folder = tmp_path / FOLDER
    folder.mkdir()
    policy = DESK.replace("[slots", "[dialogue.slots").replace("[intents", "[dialogue.intents")
    policy = policy.replace("[flows", "[dialogue.flows").replace("[handover", "[dialogue.handover")
    (folder / "desk.toml").write_text(policy, encoding="utf-8")
    states = States(store.objects)
    embedders = SimpleNamespace(embedder=Words)
    clock = lambda: datetime(2026, 11, 22, 12, tzinfo=UTC)  # noqa: E731
    steps: list[Any] = [Dialogue(embedders, states, clock), Framing(), Keeping(states)]
    return Chat(FakeModels(model), store, Assistant(Personas(folder), Pipeline.of(steps)))


def say(chat: Chat, conversation_id: str, text: str, parent_id: str | None = None) -> Done:
    *_, done = chat.turn(conversation_id, text, parent_id=parent_id)
    assert isinstance(done, Done)
    return done


def step(done: Done, name: str = "dialogue") -> dict[str, Any]:
    found = [each for each in done.receipt["steps"] if each["name"] == name]
    return found[0] if found else {}


def test_the_policy_answers_and_the_receipt_says_how(
    chat: Chat, store: Store, model: FakeModel
) -> None:
    conversation = store.create_conversation(model="persona:desk")
    done = say(chat, conversation.id, "give me my money back")
    assert done.message.content == "Which order?"
    assert not model.asked
    receipt = step(done)
    assert receipt["goal"] == "refund"
    assert receipt["asks"] == "order"
    assert receipt["intents"][0]["name"] == "refund"
    assert receipt["handed_over"] is False
    done = say(chat, conversation.id, "AB-1234")
    assert step(done)["new_slots"] == ["order"]
    assert "AB-1234" not in str(step(done))


def test_a_digression_is_the_models_and_the_question_comes_back(
    chat: Chat, store: Store, model: FakeModel
) -> None:
    model.script = [["We ", "do."]]
    conversation = store.create_conversation(model="persona:desk")
    say(chat, conversation.id, "give me my money back")
    done = say(chat, conversation.id, "Do you sell umbrellas?")
    assert done.message.content == "We do.\n\nWhich order?"
    assert "The conversation is about your refund." in model.asked[0].prompt
    assert say(chat, conversation.id, "AB-1234").message.content == "What is wrong?"


def test_branches_keep_their_own_state(chat: Chat, store: Store) -> None:
    conversation = store.create_conversation(model="persona:desk")
    first = say(chat, conversation.id, "give me my money back")
    left = say(chat, conversation.id, "AB-1111", first.message.id)
    right = say(chat, conversation.id, "AB-2222", first.message.id)
    states = States(store.objects)
    for done, order in ((left, "AB-1111"), (right, "AB-2222")):
        ids = [each.id for each in store.path_to(done.message.id)]
        state = states.before(ids)
        assert state.values == {"order": order}
        assert state.slots["order"].message_id == ids[-2]
    going_on = say(chat, conversation.id, "broken", left.message.id)
    ids = [each.id for each in store.path_to(going_on.message.id)]
    assert states.before(ids).values == {"order": "AB-1111", "reason": "damaged"}


def test_an_edit_begins_before_what_it_replaces(chat: Chat, store: Store) -> None:
    conversation = store.create_conversation(model="persona:desk")
    say(chat, conversation.id, "give me my money back")
    said = say(chat, conversation.id, "AB-1111")
    question = store.path_to(said.message.id)[-2]
    *_, done = chat.edit(question.id, "AB-2222")
    assert isinstance(done, Done)
    ids = [each.id for each in store.path_to(done.message.id)]
    assert States(store.objects).before(ids).values == {"order": "AB-2222"}


def test_handed_over_stands_in_the_receipt_and_in_the_state(chat: Chat, store: Store) -> None:
    conversation = store.create_conversation(model="persona:desk")
    done = say(chat, conversation.id, "I want to talk to a human")
    receipt = step(done)
    assert receipt["handed_over"] is True
    assert receipt["to"] == "Ann"
    assert "asked for a person" in receipt["summary"]
    row = States(store.objects).of(conversation.id, owner="")
    assert row is not None
    assert DialogueState.from_json(row.body["state"]).handed_over is not None


def test_a_persona_without_a_policy_is_left_alone(
    chat: Chat, store: Store, model: FakeModel
) -> None:
    conversation = store.create_conversation()
    done = say(chat, conversation.id, "give me my money back")
    assert done.message.content == "ok"
    assert step(done) == {}
    assert DEFAULT.dialogue == DialogueConfig()
    assert States(store.objects).of(conversation.id, owner="") is None


def test_a_frame_stands_around_what_the_model_says() -> None:
    for pieces in (["a", "", "b"], [], [""]):
        frame = Frame(before="before", after="after")
        said = "".join(frame.feed(piece) for piece in pieces) + frame.finish() + frame.finish()
        middle = "\n\nab\n\n" if any(pieces) else "\n\n"
        assert said == f"before{middle}after"
    frame = Frame(before=None, after=None)
    assert frame.feed("x") + frame.finish() == "x"


def test_a_rehearsal_stops_at_the_first_line_that_fails(chat: Chat, store: Store) -> None:
    file = parse_chat(
        "conversation: good\nuser: give me my money back\nexpect: asks order\n"
        "expect: intent refund\nexpect: act request\nexpect: answered_by policy\n"
        "expect: not handed_over\n"
        "user: AB-1234\nexpect: order = ab-1234\nexpect: /wrong\\?$/\nexpect: goal refund\n"
        "conversation: bad\nuser: give me my money back\nexpect: which order\n"
        "expect: not asks order\nexpect: handed_over\n",
        Path("x.chat"),
    )
    good, bad = rehearse(file, chat, store, persona="desk", sampling={}, mood=len)
    assert (good.failure, good.checked) == (None, 8)
    assert bad.checked == 1
    assert bad.failure is not None
    assert (bad.failure.line, bad.failure.wanted) == (15, "not asks order")
    assert bad.failure.answer == "Which order?"
    assert "asks" in bad.failure.got
