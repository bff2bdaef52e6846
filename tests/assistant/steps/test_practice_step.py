"""The tutor's steps over real rows: a verdict before the model's words, and progress that lasts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel

from fireside.assistant.exchange import Exchange
from fireside.assistant.memory.config import MemoryConfig
from fireside.assistant.memory.memories import Memories
from fireside.assistant.persona import Persona
from fireside.assistant.practice import PracticeConfig
from fireside.assistant.steps.practice import Practice, Progressing
from fireside.messages import Message
from fireside.storage import Store

ASKED = "What is 7 × 8?"


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[Memories]:
    with Store.open(tmp_path / "fireside.db") as store:
        yield Memories(store.objects)


def turn(
    memories: Memories,
    said: str,
    asked: str = ASKED,
    *,
    owner: str = "ana",
    write: Any = "automatic",
    follow: Any = "model",
    model_says: str = "Go on.",
) -> tuple[str, str]:
    """What is said, the model's words in it, and what the model is told."""
    model: Any = FakeModel()
    exchange = Exchange(
        owner=owner,
        persona=Persona(
            name="tutor",
            practice=PracticeConfig(sums=True, follow=follow),
            memory=MemoryConfig(write=write),
        ),
        model=model,
        history=[Message(role="assistant", content=asked)],
        question=Message(role="user", content=said),
    )
    found = Practice(memories).run(exchange)
    if found is not None:
        exchange.results["practice"] = found
    Progressing(memories).run(exchange)
    if exchange.reply is not None:
        return exchange.reply, ""
    framed = model_says
    for each in exchange.filters:
        framed = each.feed(framed) + each.finish()
    return framed, "\n".join(each.text for each in exchange.sections)


def test_a_verdict_comes_first_and_the_model_is_told(memories: Memories) -> None:
    framed, told = turn(memories, "It is 54")
    assert framed == "Not yet: 7 × 8 is not 54.\n\nGo on."
    assert "56" not in told  # or it would tell the learner
    framed, told = turn(memories, "Ah, 56!")
    assert framed.startswith("Right: 7 × 8 = 56.\n\n")
    assert "a little harder" in told


def test_progress_lasts_per_person(memories: Memories) -> None:
    turn(memories, "54")
    turn(memories, "56")
    turn(memories, "9", "What is 4 + 5?")
    _, told = turn(memories, "Hello again", "Hello!")
    assert "Progress in addition: 1 of 1 right. Progress in multiplication: 1 of 2 right." in told
    kept = [each.text for each in memories.listed("ana", persona="tutor")]
    assert len(kept) == 2, "the newer takes the older one's place"
    assert memories.listed("ana", persona="other") == []
    assert turn(memories, "Hello", "Hello!", owner="bo") == ("Go on.", "")


@pytest.mark.parametrize("write", ["off", "ask"])
def test_nothing_is_kept_unless_the_persona_remembers_by_itself(
    memories: Memories, write: str
) -> None:
    framed, _ = turn(memories, "56", write=write)
    assert framed.startswith("Right")
    assert memories.listed("ana", statuses=("kept", "proposed")) == []


def test_by_rule_the_model_is_not_asked(memories: Memories) -> None:
    said, told = turn(memories, "It is 54", follow="exercise")
    assert said == "Not yet: 7 × 8 is not 54. What is 7 × 4? Then double it."
    assert told == ""
    assert turn(memories, "Ah, 56!", follow="exercise")[0].startswith("Right: 7 × 8 = 56. Next: ")


@pytest.mark.parametrize("model_says", ["Yes! 7 × 8 = 54.", "The answer is 54.", "Exactly right."])
def test_the_model_confirms_nothing_wrong(memories: Memories, model_says: str) -> None:
    said, _ = turn(memories, "I wonder about bees.", model_says=model_says)
    assert "54" not in said
    assert "right" not in said.lower()


def test_a_true_sum_of_the_model_stands(memories: Memories) -> None:
    said, _ = turn(
        memories, "Tell me of bees.", "Hello!", model_says="A bee has 2 + 4 = 6 legs. Ah."
    )
    assert said == "A bee has 2 + 4 = 6 legs. Ah."
    said, _ = turn(memories, "Tell me of bees.", "Hello!", model_says="See: 2 + 4 = 7 legs. Ah.")
    assert said == "Ah.\n\n(A sentence with a wrong sum was left out.)"
