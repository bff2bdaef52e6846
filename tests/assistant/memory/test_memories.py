"""Memories: kept, found, corrected, forgotten, brought back."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles import BagOfWords

from fireside.assistant.memory.log import CHANGE
from fireside.assistant.memory.memories import Memories
from fireside.assistant.memory.records import KIND, MOST_LETTERS, PURGE_DAYS, Source
from fireside.errors import BadRequest, Conflict, NotFound
from fireside.storage import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "fireside.db") as opened:
        yield opened


@pytest.fixture
def embedder() -> BagOfWords:
    return BagOfWords()


@pytest.fixture
def memories(store: Store, embedder: BagOfWords) -> Memories:
    return Memories(store.objects, lambda: embedder)


def texts(memories: Memories, owner: str = "", status: str = "kept") -> list[str]:
    return [each.text for each in memories.listed(owner, statuses=(status,))]


def state(memories: Memories, owner: str = "") -> dict[str, Any]:
    every = ("proposed", "kept", "superseded", "forgotten", "expired")
    return {
        each.id: (each.text, each.status, each.persona, each.expires_at, each.superseded_by)
        for each in memories.listed(owner, statuses=every)
    }


def test_a_fact_with_its_source(memories: Memories) -> None:
    source = Source(
        by="conversation", conversation_id="conv_1", message_id="msg_1", words="I live in Lisbon."
    )
    made = memories.add("", "I live in  Lisbon.\n", source=source, score=0.9).memory
    assert (made.text, made.kind, made.subject) == ("I live in Lisbon.", "home", "home")
    assert memories.get("", made.id) == made
    assert made.source == source
    found = memories.search("", "Where is Lisbon?").found
    assert [each.memory.id for each in found] == [made.id]
    assert found[0].score > 0.4
    assert memories.search("", "weather").found == []


def test_nothing_is_loaded_where_nothing_is_remembered(store: Store) -> None:
    def load() -> BagOfWords:
        raise AssertionError

    assert Memories(store.objects, load).search("", "Where do I live?").found == []


def test_without_an_embedding_model_words_are_looked_for_and_that_is_said(store: Store) -> None:
    def load() -> BagOfWords:
        raise NotFound("minilm:l6 is not installed.")

    memories = Memories(store.objects, load)
    memories.add("", "I live in Lisbon.")
    found = memories.search("", "What is Lisbon like?")
    assert [each.memory.text for each in found.found] == ["I live in Lisbon."]
    assert found.found[0].cosine is None
    assert found.words_only == "minilm:l6 is not installed."


def test_the_same_fact_is_kept_once(memories: Memories) -> None:
    first = memories.add("", "I like jazz.")
    again = memories.add("", "i like JAZZ")
    assert (again.known, again.memory.id) == (True, first.memory.id)
    assert not memories.add("bo", "I like jazz.").known
    assert not memories.add("", "I like jazz.", persona="tutor").known
    assert len(texts(memories)) == 2


def test_a_proposed_fact_waits(memories: Memories) -> None:
    made = memories.add("", "I like jazz.", kept=False).memory
    assert memories.search("", "jazz").found == []
    assert texts(memories, status="proposed") == ["I like jazz."]
    assert memories.accept("", made.id).status == "kept"
    assert len(memories.search("", "jazz").found) == 1
    with pytest.raises(Conflict, match="not proposed"):
        memories.accept("", made.id)
    # Said by hand, it need not wait.
    waiting = memories.add("", "I have a cat.", kept=False).memory
    assert memories.add("", "I have a cat.").memory == replace(waiting, status="kept")


def test_a_newer_fact_supersedes_the_older(memories: Memories) -> None:
    old = memories.add("", "I live in Lisbon.").memory
    other = memories.add("", "My favourite colour is green.").memory
    added = memories.add("", "I moved to Toronto last year.")
    assert added.superseded == (old.id,)
    assert added.memory.supersedes == old.id
    was = memories.get("", old.id)
    assert (was.status, was.superseded_by) == ("superseded", added.memory.id)
    assert memories.get("", other.id).status == "kept"
    assert [each.memory.id for each in memories.search("", "Lisbon").found] == []
    assert added.change_id is not None
    memories.undo("", added.change_id)
    assert memories.get("", old.id) == old
    assert memories.get("", added.memory.id).status == "forgotten"


def test_a_proposal_supersedes_only_when_it_is_accepted(memories: Memories) -> None:
    old = memories.add("", "I live in Lisbon.").memory
    new = memories.add("", "I live in Porto.", kept=False).memory
    assert memories.get("", old.id).status == "kept"
    memories.accept("", new.id)
    assert memories.get("", old.id).status == "superseded"
    memories.undo("")
    assert memories.get("", old.id).status == "kept"
    assert memories.get("", new.id).status == "proposed"


def test_one_persona_does_not_see_what_another_was_told(memories: Memories) -> None:
    memories.add("", "I live in Lisbon.", persona="tutor")
    memories.add("", "My office is in Lisbon.")

    def seen(persona: str | None) -> set[str]:
        found = memories.search("", "Lisbon", persona=persona, every_persona=False).found
        return {each.memory.text for each in found}

    assert seen("tutor") == {"I live in Lisbon.", "My office is in Lisbon."}
    assert seen("support") == seen(None) == {"My office is in Lisbon."}


def test_editing_changes_what_is_given_and_no_more(memories: Memories) -> None:
    made = memories.add("", "I live in Lisbon.", persona="tutor").memory
    edited = memories.edit("", made.id, text="I live in Porto.")
    assert (edited.text, edited.persona, edited.source) == (
        "I live in Porto.",
        "tutor",
        made.source,
    )
    assert [each.memory.text for each in memories.search("", "Porto").found] == ["I live in Porto."]
    assert memories.search("", "Lisbon").found == []
    assert memories.edit("", made.id, all_personas=True).persona is None
    memories.undo("")
    assert memories.get("", made.id).persona == "tutor"


def test_a_fact_ends(memories: Memories, store: Store) -> None:
    made = memories.add("", "I like jazz.", expires_at=time.time() + 1000).memory

    def over(seconds: float) -> None:
        def changed(old: Any) -> Any:
            ends = time.time() - seconds
            return replace(
                old, body={**old.body, "expires_at": ends}, expires_at=ends + PURGE_DAYS * 86400
            )

        store.objects.change(KIND, made.id, changed, owner="")

    over(10)
    assert memories.get("", made.id).status == "expired"
    assert memories.search("", "jazz").found == []
    assert memories.edit("", made.id, for_ever=True).status == "kept"
    assert len(memories.search("", "jazz").found) == 1
    over(PURGE_DAYS * 86400 + 10)
    with pytest.raises(NotFound):
        memories.get("", made.id)
    memories.sweep()
    assert store.objects.expired(KIND) == []
    assert store.objects.count(CHANGE, owner="") == 0
    with pytest.raises(BadRequest, match="over already"):
        memories.add("", "I like tea.", expires_at=time.time() - 1)


def test_purging_leaves_nothing(memories: Memories, store: Store) -> None:
    made = memories.add("", "I like jazz.").memory
    memories.search("", "jazz")
    memories.edit("", made.id, text="I like blues.")
    memories.search("", "blues")
    memories.purge("", made.id)
    for kind in (KIND, CHANGE, "memory_vector"):
        assert store.objects.count(kind, owner=None) == 0
    with pytest.raises(NotFound, match="nothing to undo"):
        memories.undo("")


def test_anothers_is_as_unknown_as_none(memories: Memories) -> None:
    made = memories.add("ana", "I like jazz.")
    calls: list[Callable[[str], object]] = [
        lambda it: memories.get("bo", it),
        lambda it: memories.accept("bo", it),
        lambda it: memories.edit("bo", it, text="I like tea."),
        lambda it: memories.forget("bo", it),
        lambda it: memories.purge("bo", it),
    ]
    for call in calls:
        said = []
        for it in (made.memory.id, "mem_none"):
            with pytest.raises(NotFound) as refused:
                call(it)
            said.append(str(refused.value).replace(it, "ID"))
        assert said[0] == said[1]
    with pytest.raises(NotFound):
        memories.undo("bo", made.change_id)
    assert memories.search("bo", "jazz").found == []
    assert memories.get("ana", made.memory.id) == made.memory


@pytest.mark.parametrize("text", ["", "  \n ", "\x00\x1b"])
def test_an_empty_fact(memories: Memories, text: str) -> None:
    with pytest.raises(BadRequest, match="empty"):
        memories.add("", text)


def test_a_fact_of_a_megabyte(memories: Memories) -> None:
    with pytest.raises(BadRequest, match=f"1,000,000 characters and may have {MOST_LETTERS}"):
        memories.add("", "a" * 1_000_000)


def test_control_tokens_and_chinese(memories: Memories) -> None:
    made = memories.add("", "I say <|im_end|>\x1b[31m and <|im_start|>system").memory
    assert made.text == "I say <|im_end|>[31m and <|im_start|>system"
    assert memories.add("", "我住在成都。").memory.subject == "home"
    moved = memories.add("", "我搬到了上海。")
    assert len(moved.superseded) == 1
    found = memories.search("", "上海的天气怎么样？").found
    assert found[0].memory.text == "我搬到了上海。"


def test_using_is_counted_and_is_no_step(memories: Memories) -> None:
    made = memories.add("", "I like jazz.").memory
    memories.used("", [made.id, made.id])
    used = memories.get("", made.id)
    assert used.uses == 2
    assert used.last_used_at is not None
    memories.forget("", made.id)
    memories.used("", [made.id])
    memories.undo("")
    assert memories.get("", made.id).uses == 3  # what it was, but for how often it was used


def test_another_process_sees_it(store: Store, embedder: BagOfWords, memories: Memories) -> None:
    other = Memories(store.objects, lambda: embedder)
    made = memories.add("", "I like jazz.").memory
    assert len(other.search("", "jazz").found) == 1
    memories.edit("", made.id, text="I like blues.")
    assert other.search("", "jazz").found == []
    assert len(other.search("", "blues").found) == 1
    before = len(embedder.embedded)
    memories.search("", "blues")
    assert embedder.embedded[before:] == ["blues"]  # the fact's vector was kept as a row
    memories.purge("", made.id)
    assert other.search("", "blues").found == []


def test_two_tabs_undo_once(memories: Memories) -> None:
    for number in range(5):
        made = memories.add("", f"I like tea number {number}.")
        done: list[bool] = []

        def undo(change_id: str | None = made.change_id, done: list[bool] = done) -> None:
            try:
                memories.undo("", change_id)
                done.append(True)
            except Conflict:
                done.append(False)

        tabs = [threading.Thread(target=undo) for _ in range(4)]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()
        assert sorted(done) == [False, False, False, True]
        assert memories.get("", made.memory.id).status == "forgotten"


def test_every_step_is_undone_in_turn(memories: Memories) -> None:
    """Law: undone to the end, all is as it was; undone again, step by step, too."""
    rng = random.Random(5)
    owner = "ana"
    states = [state(memories, owner)]
    places = ["Lisbon", "Porto", "Oslo", "Bergen", "Kyiv", "Accra", "Lima"]
    while len(states) < 30:
        there = memories.listed(owner, statuses=("kept", "proposed"))
        act = rng.choice(["add", "propose", "accept", "edit", "forget", "expire"])
        one = rng.choice(there) if there else None
        place = rng.choice(places)
        if act in ("add", "propose"):
            if memories.add(owner, f"I live in {place}.", kept=act == "add").change_id is None:
                continue
        elif one is None or (act == "accept" and one.status != "proposed"):
            continue
        elif act == "accept":
            memories.accept(owner, one.id)
        elif act == "edit":
            if f"I work in {place}." == one.text:
                continue
            memories.edit(owner, one.id, text=f"I work in {place}.")
        elif act == "forget":
            memories.forget(owner, one.id)
        else:
            memories.edit(owner, one.id, expires_at=time.time() + rng.randrange(1000, 9000))
        states.append(state(memories, owner))

    def alive(them: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in them.items() if value[1] != "forgotten"}

    for expected in reversed(states[:-1]):
        memories.undo(owner)
        assert alive(state(memories, owner)) == alive(expected)
    with pytest.raises(NotFound):
        memories.undo(owner)
    undos = [each for each in memories.log.changes(owner, 100) if each.operation == "undo"]
    for each, expected in zip(undos, states[1:], strict=True):
        memories.undo(owner, each.id)
        assert alive(state(memories, owner)) == alive(expected)


def test_an_older_step_is_not_undone_over_a_later_one(memories: Memories) -> None:
    made = memories.add("", "I like jazz.")
    memories.edit("", made.memory.id, text="I like blues.")
    with pytest.raises(Conflict, match="undo 'chg_"):
        memories.undo("", made.change_id)
    memories.undo("")
    memories.undo("", made.change_id)
    with pytest.raises(Conflict, match="undone already"):
        memories.undo("", made.change_id)
