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
from fireside.assistant.frame import Frame
from fireside.assistant.persona import DEFAULT, Personas
from fireside.assistant.pipeline import Pipeline
from fireside.assistant.rehearsal import rehearse
from fireside.assistant.steps.dialogue import Dialogue, Framing, Keeping, Offering
from fireside.assistant.ticket_desk import TicketDesk
from fireside.assistant.tickets import Tickets
from fireside.dialogue.chatfile import parse as parse_chat
from fireside.dialogue.config import DialogueConfig
from fireside.dialogue.kept import States
from fireside.dialogue.state import DialogueState
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
    desk = TicketDesk(tickets=Tickets(tmp_path / "tickets"))
    dialogue = Dialogue(embedders, states, clock, desk)
    steps: list[Any] = [dialogue, Offering(), Framing(), Keeping(states)]
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


# A person takes over.


def test_a_ticket_holds_the_conversation_and_its_number_is_told(
    chat: Chat, store: Store, tmp_path: Path
) -> None:
    conversation = store.create_conversation(model="persona:desk")
    say(chat, conversation.id, "give me my money back")
    done = say(chat, conversation.id, "I want to talk to a human")
    assert done.message.content == (
        "I am handing you over to Ann. Your ticket is T-0001: it holds what we have said so far."
    )
    assert step(done)["ticket"] == "T-0001"
    (ticket,) = Tickets(tmp_path / "tickets").read_all()
    assert [each["content"] for each in ticket.messages] == [
        "give me my money back", "Which order?", "I want to talk to a human",
    ]  # fmt: skip
    assert (ticket.to, ticket.conversation, ticket.status) == ("Ann", conversation.id, "open")
    assert "your refund" in ticket.summary
    done = say(chat, conversation.id, "hello?")
    assert done.message.content == "Your message is in ticket T-0001 now, for Ann."
    (ticket,) = Tickets(tmp_path / "tickets").read_all()
    assert ticket.messages[-1]["content"] == "hello?"


def test_nothing_is_claimed_where_a_ticket_cannot_be_written(
    chat: Chat, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "tickets").write_text("a file, and no folder")
    conversation = store.create_conversation(model="persona:desk")
    done = say(chat, conversation.id, "I want to talk to a human")
    assert done.message.content.startswith("I could not write a ticket, so nobody has been told.")
    assert step(done)["handed_over"] is False
    (tmp_path / "tickets").unlink()
    assert "T-0001" in say(chat, conversation.id, "I want to talk to a human").message.content


def test_a_closed_ticket_takes_no_message(chat: Chat, store: Store, tmp_path: Path) -> None:
    conversation = store.create_conversation(model="persona:desk")
    say(chat, conversation.id, "I want to talk to a human")
    Tickets(tmp_path / "tickets").close("T-0001")
    assert "T-0002" in say(chat, conversation.id, "It is broken again").message.content


def test_an_answer_made_anew_opens_no_second_ticket(
    chat: Chat, store: Store, tmp_path: Path
) -> None:
    conversation = store.create_conversation(model="persona:desk")
    done = say(chat, conversation.id, "I want to talk to a human")
    *_, again = chat.regenerate(done.message.id)
    assert isinstance(again, Done)
    assert again.message.content == done.message.content
    assert len(Tickets(tmp_path / "tickets").read_all()) == 1


def test_a_form_ends_in_a_ticket_and_the_conversation_goes_on(
    chat: Chat, store: Store, tmp_path: Path
) -> None:
    path = tmp_path / FOLDER / "desk.toml"
    policy = """
    [dialogue.intents.call]
    flow = "call"
    about = "be called back"
    examples = ["I want an appointment"]
    [dialogue.slots.day]
    type = "date"
    question = "On which day?"
    [dialogue.flows.call]
    steps = [{ ask = "day" }, { say = "A colleague calls on {day}." }, { ticket = "Bo" }]
    """
    path.write_text(policy)
    conversation = store.create_conversation(model="persona:desk")
    say(chat, conversation.id, "I want an appointment")
    done = say(chat, conversation.id, "tomorrow")
    assert done.message.content == (
        "A colleague calls on Monday, 23 November 2026.\n\n"
        "I have written ticket T-0001 for Bo, with what you told me."
    )
    assert step(done)["handed_over"] is False
    assert "day: Monday, 23 November 2026" in Tickets(tmp_path / "tickets").get("T-0001").summary


def test_outside_its_forms_the_desk_says_what_it_can_do(
    chat: Chat, store: Store, tmp_path: Path, model: FakeModel
) -> None:
    path = tmp_path / FOLDER / "desk.toml"
    path.write_text('[dialogue]\noutside = "offer"\n' + path.read_text())
    conversation = store.create_conversation(model="persona:desk")
    said = say(chat, conversation.id, "What is the capital of France?").message.content
    assert said.startswith("I cannot help with that here. I can help you to ")
    assert said.endswith("speak with a person.")
    assert say(chat, conversation.id, "Thank you!").message.content == "You are welcome."
    assert say(chat, conversation.id, "hello").message.content.startswith("Hello! I can help")
    say(chat, conversation.id, "give me my money back")
    back = say(chat, conversation.id, "Do you sell umbrellas?").message.content
    assert back.endswith("Which order?")
    assert not model.asked
