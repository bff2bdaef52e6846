"""Which sentences become facts: a set written by hand, and bad input."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.memory.config import MemoryConfig
from fireside.assistant.memory.facts import LONGEST, about, facts_in, tidy
from fireside.assistant.memory.rules import rules

HERE = Path(__file__).parent
LEAST = MemoryConfig().least_score


def labelled(name: str) -> list[tuple[str, str]]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [(label, text) for label, _, text in (line.partition("\t") for line in lines)]


@pytest.mark.parametrize(
    ("name", "precision", "recall"), [("sentences.tsv", 0.98, 0.98), ("held_out.tsv", 0.97, 0.88)]
)
def test_what_is_kept_of_sentences_written_by_hand(
    name: str, precision: float, recall: float
) -> None:
    """docs/memory.md has what the rules did before they had seen these."""
    kept = [
        (label, text)
        for label, text in labelled(name)
        if any(fact.score >= LEAST for fact in facts_in(text))
    ]
    right = sum(label == "keep" for label, _ in kept)
    wanted = sum(label == "keep" for label, _ in labelled(name))
    over = [text for label, text in kept if label == "skip"]
    assert right / len(kept) >= precision, over
    assert right / wanted >= recall


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        (
            "Hi! My name is Tomasz and I work as an electrician. Can you help?",
            [("My name is Tomasz", "name"), ("I work as an electrician.", "work as")],
        ),
        ("Remember that I live in Lisbon.", [("I live in Lisbon.", "home")]),
        ("I’m allergic to nuts, what can I bake?", [("I'm allergic to nuts", "allergy nut")]),
        ("I don't live in Lisbon any more.", [("I don't live in Lisbon any more.", "home")]),
        ("I don't eat pork.", [("I don't eat pork.", "diet pork")]),
        ("I love jazz.", [("I love jazz.", "taste jazz")]),
        ("I really hate jazz.", [("I really hate jazz.", "taste jazz")]),
        ("我叫李雷，我住在成都。", [("我叫李雷", "name"), ("我住在成都。", "home")]),
    ],
)  # fmt: skip
def test_facts_and_their_subjects(said: str, facts: list[tuple[str, str]]) -> None:
    found = [(fact.text, fact.subject) for fact in facts_in(said)]
    assert found == facts


@given(st.text(max_size=300))
def test_any_message_gives_its_own_words(message: str) -> None:
    for fact in facts_in(message):
        assert fact.words in message
        assert tidy(fact.text) == fact.text
        assert 0 < fact.score <= 1


@pytest.mark.parametrize(
    "hostile",
    ["“" * 100_000, "I am a " * 1400, "```" * 3000, "I have a " + "a-" * 4000, "my " * 3300,
     "remember that " * 700, ", and i" * 1400, "i am an " + "e " * 4000, "I live in " + "a" * 9000],
)  # fmt: skip
def test_hostile_messages_end(hostile: str) -> None:
    facts_in(hostile)


def test_what_has_changed_now_is_kept() -> None:
    (fact,) = facts_in("My favourite colour is red now.")
    assert fact.score >= LEAST
    assert fact.subject == facts_in("My favourite colour is blue.")[0].subject
    assert all(fact.score < LEAST for fact in facts_in("I am tired now."))


def test_a_document_holds_no_facts() -> None:
    assert facts_in("My name is Anna.")
    assert not facts_in("My name is not Bob.")
    assert not facts_in("My name is Anna. " + "word " * LONGEST)
    pasted = "My name is Anna. " + "Then it rained. " * 120
    assert all(fact.score < LEAST for fact in facts_in(pasted))


def test_the_rules_are_whole() -> None:
    kinds = set(MemoryConfig.model_fields["kinds"].annotation.__args__[0].__args__[0].__args__)  # type: ignore[union-attr]
    for rule in rules():
        assert rule.kind in kinds
        assert 0 < rule.score <= 1
        for group in ("v", "of"):
            if f"<{group}>" in (rule.subject or ""):
                assert group in rule.pattern.groupindex
    assert about("Some other fact.") == ("note", None)
