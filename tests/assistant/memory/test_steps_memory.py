"""The steps `recall` and `remember` over real rows, with an embedding model that can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import BagOfWords
from fake_model import FakeModel

from fireside.assistant.exchange import Exchange
from fireside.assistant.memory.config import MemoryConfig
from fireside.assistant.memory.memories import Memories
from fireside.assistant.persona import Persona
from fireside.assistant.steps.recall import Recall
from fireside.assistant.steps.remember import Remember
from fireside.messages import Message
from fireside.storage import Store


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[Memories]:
    embedder = BagOfWords()
    with Store.open(tmp_path / "fireside.db") as store:
        yield Memories(store.objects, lambda: embedder)


def exchange(said: str, owner: str = "ana", name: str = "default", **config: Any) -> Exchange:
    model: Any = FakeModel()
    return Exchange(
        owner=owner,
        persona=Persona(name=name, memory=MemoryConfig(**config)),
        model=model,
        scope="conv_1",
        question=Message(role="user", content=said),
        question_id="msg_1",
    )


def say(memories: Memories, said: str, **given: Any) -> dict[str, Any]:
    found = Remember(memories).run(exchange(said, **given))
    return {} if found is None else dict(found.as_receipt())


def ask(memories: Memories, said: str, **given: Any) -> tuple[str, dict[str, Any]]:
    turn = exchange(said, **{"write": "automatic", **given})
    found = Recall(memories).run(turn)
    text = "\n".join(section.text for section in turn.sections)
    return text, {} if found is None else dict(found.as_receipt())


def test_the_default_persona_remembers_and_recalls_nothing(memories: Memories) -> None:
    memories.add("ana", "I live in Lisbon.")
    turn = exchange("I live in Lisbon. What is Lisbon like?")
    assert Recall(memories).run(turn) is None
    assert Remember(memories).run(turn) is None
    assert turn.sections == []


def test_what_was_said_in_one_conversation_is_there_in_the_next(memories: Memories) -> None:
    kept = say(memories, "Hello! I live in Lisbon. Is it late?", write="automatic")
    [fact] = kept["facts"]
    assert (fact["what"], fact["text"], kept["policy"]) == (
        "kept",
        "I live in Lisbon.",
        "automatic",
    )
    source = memories.get("ana", fact["id"]).source
    assert (source.conversation_id, source.message_id) == ("conv_1", "msg_1")
    assert source.words == "I live in Lisbon."
    text, receipt = ask(memories, "What is the weather in Lisbon?")
    assert "I live in Lisbon." in text
    assert receipt["memories"][0]["id"] == fact["id"]
    assert receipt["memories"][0]["message_id"] == "msg_1"
    assert memories.get("ana", fact["id"]).uses == 1
    assert ask(memories, "What is the weather in Lisbon?", owner="bo") == ("", {})


def test_nothing_is_recalled_where_nothing_bears_on_it(memories: Memories) -> None:
    say(memories, "I live in Lisbon.", write="automatic")
    text, receipt = ask(memories, "Sort these numbers.")
    assert text == ""
    assert receipt == {"searched": 1, "memories": []}


def test_instructions_bear_on_every_question(memories: Memories) -> None:
    say(memories, "Please always use metric units. My name is Ana.", write="automatic")
    text, _ = ask(memories, "How far is it?")
    assert "metric units" in text
    assert "My name is Ana." in text


def test_what_is_proposed_waits(memories: Memories) -> None:
    proposed = say(memories, "I live in Lisbon.", write="ask")
    [fact] = proposed["facts"]
    assert fact["what"] == "proposed"
    assert ask(memories, "How is Lisbon?") == ("", {})
    memories.accept("ana", fact["id"])
    assert "Lisbon" in ask(memories, "How is Lisbon?")[0]
    assert say(memories, "I live in Lisbon.", write="ask")["facts"][0]["what"] == "known"


def test_the_policy_is_kept_to(memories: Memories) -> None:
    said = "I live in Lisbon. I'm allergic to nuts. I like jazz."
    only = say(memories, said, write="automatic", kinds=["health"], ttl_days=30)
    [fact] = only["facts"]
    assert fact["kind"] == "health"
    made = memories.get("ana", fact["id"])
    assert made.expires_at is not None
    assert made.expires_at - made.created_at == pytest.approx(30 * 86400, abs=60)
    sure = say(memories, said, write="automatic", least_score=0.9)
    assert {each["kind"] for each in sure["facts"]} == {"home", "health"}
    own = say(memories, "I speak Welsh.", write="automatic", scope="persona", name="tutor")
    assert memories.get("ana", own["facts"][0]["id"]).persona == "tutor"
    assert "Welsh" in ask(memories, "Do I know Welsh?", name="tutor")[0]
    assert "Welsh" not in ask(memories, "Do I know Welsh?", name="support")[0]


def test_a_secret_is_not_remembered_and_the_receipt_does_not_repeat_it(memories: Memories) -> None:
    said = say(memories, "Remember that my password is hunter2.", write="automatic")
    assert said["facts"][0]["what"] == "refused"
    assert said["facts"][0]["holds"] == ["a secret"]
    assert "hunter2" not in str(said)
    assert memories.listed("ana") == []


def test_recalling_without_writing(memories: Memories) -> None:
    memories.add("ana", "I live in Lisbon.")
    assert "Lisbon" in ask(memories, "How is Lisbon?", write="off", recall=True)[0]
    assert ask(memories, "How is Lisbon?", write="automatic", recall=False) == ("", {})


def test_at_most_so_many_are_shown(memories: Memories) -> None:
    for number in range(9):
        memories.add("ana", f"Lisbon fact of kind {number}.")
    text, receipt = ask(memories, "Lisbon?", most=3)
    assert len(receipt["memories"]) == 3
    assert receipt["searched"] == 9
    assert text.count("Lisbon fact") == 3


def test_what_a_tool_gave_is_nobodys_fact(memories: Memories) -> None:
    turn = exchange("I live in Lisbon.", write="automatic")
    turn.question = Message(role="tool", content="I live in Lisbon.", tool_call_id="c")
    assert Remember(memories).run(turn) is None
    assert Recall(memories).run(turn) is None
