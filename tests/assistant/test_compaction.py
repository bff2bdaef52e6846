"""A running summary in place of old turns: its law, its check, its rows."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_model import FakeModel, FakeModels
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.assistant import Assistant
from fireside.assistant.chat import Chat
from fireside.assistant.compaction import KIND, Compaction, summary_room
from fireside.assistant.cuts import HIGH, cuts
from fireside.assistant.exchange import Exchange
from fireside.assistant.persona import Persona, parse
from fireside.assistant.pipeline import Pipeline
from fireside.assistant.prompt import messages_of, starts_of
from fireside.assistant.steps.compact import Compact
from fireside.assistant.summary import checked, extracted, summarise
from fireside.language.sentences import names_in, numbers_in, sentences
from fireside.messages import Message
from fireside.storage import Store


class Words:
    """A tokenizer whose tokens are words: texts stay readable in the tests."""

    vocab_size = 1 << 40

    def __init__(self) -> None:
        self.words: list[str] = []
        self.numbers: dict[str, int] = {}

    def encode(self, text: str) -> list[int]:
        found = []
        for word in re.findall(r"\s*\S+|\s+$", text):
            if word not in self.numbers:
                self.numbers[word] = len(self.words)
                self.words.append(word)
            found.append(self.numbers[word])
        return found

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.words[i] for i in ids)

    def render(self, messages: Sequence[Message], **_: Any) -> SimpleNamespace:
        text = "\n".join(f"<{each.role}> {each.content}" for each in messages)
        return SimpleNamespace(ids=self.encode(text), text=text)


class Summariser:
    """A model that, asked to sum up, repeats the first sentence of each message, or its script."""

    name = "summariser"
    context = 600
    entry = None
    sampling = None

    def __init__(self, script: Sequence[tuple[str, str]] = ()) -> None:
        self.tokenizer: Any = Words()
        self.script = list(script)
        self.asked: list[str] = []

    def generate(self, ids: Sequence[int], params: Any, *, owner: str = "") -> Iterator[Any]:
        prompt = self.tokenizer.decode(ids)
        self.asked.append(prompt)
        if self.script:
            text, reason = self.script.pop(0)
        else:
            known = re.search(r"came before:\n(.*?)\n\nConversation", prompt, re.DOTALL)
            said = re.findall(r"(?:user|assistant): ([^.\n]*\.)", prompt)
            text, reason = " ".join([*([known[1]] if known else []), *said]), "stop"
        yield SimpleNamespace(text=text, tokens=(), finish_reason=None, index=0)
        yield SimpleNamespace(text="", tokens=(), finish_reason=reason, index=0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "fireside.db") as opened:
        yield opened


def turns(number: int, begin: int = 0) -> list[Message]:
    said = []
    for i in range(begin, begin + number):
        said.append(Message(role="user", content=f"Topic number {i} is dear to me. Tell me more."))
        said.append(
            Message(role="assistant", content=f"Of topic {i} much is known. " + "So it is. " * 5)
        )
    return said  # fmt: skip


def ids_of(messages: Sequence[Message], branch: str = "") -> list[str]:
    return [f"msg_{branch}{place}" for place in range(len(messages))]


def asked(
    model: Any, history: Sequence[Message], question: str = "And now?", **given: Any
) -> Exchange:
    values: dict[str, Any] = {
        "owner": "ana", "persona": Persona(), "model": model, "scope": "conv_1", "compacts": True,
        "history": history, "history_ids": ids_of(history),
        "question": Message(role="user", content=question),
    }  # fmt: skip
    return Exchange(**(values | given))


def prompt_of(exchange: Exchange) -> str:
    return str(exchange.model.tokenizer.render(messages_of(exchange)).text)


def test_nothing_is_summed_up_that_fits(store: Store) -> None:
    exchange = asked(Summariser(), turns(3))
    assert Compact(Compaction(store.objects)).run(exchange) is None
    assert len(exchange.history) == 6
    assert store.objects.count(KIND, owner=None) == 0


def test_grown_or_in_one_go_the_same_prompt(tmp_path: Path) -> None:
    """Law: the same conversation gives the same prompt, however it came to be this long."""
    history = turns(40)
    with Store.open(tmp_path / "grown.db") as grown, Store.open(tmp_path / "one.db") as one:
        step, model = Compact(Compaction(grown.objects)), Summariser()
        prompts = []
        for length in range(0, len(history) + 1, 2):
            exchange = asked(model, history[:length], f"Question {length}?")
            step.run(exchange)
            prompts.append((length, prompt_of(exchange)))
        assert grown.objects.count(KIND, owner="ana") >= 3
        made = len(model.asked)
        for length, prompt in prompts[-8:]:  # so far back, at most MOST_FOLDS are missing
            with Store.open(tmp_path / f"{length}.db") as fresh:
                exchange = asked(Summariser(), history[:length], f"Question {length}?")
                Compact(Compaction(fresh.objects)).run(exchange)
                again = asked(model, history[:length], f"Question {length}?")
                step.run(again)
                assert prompt_of(again) == prompt
                if fresh.objects.count(KIND, owner="ana") <= 4:
                    assert prompt_of(exchange) == prompt
        assert len(model.asked) == made  # rows, not new summaries
        assert one.objects.count(KIND, owner="ana") == 0


def test_the_prompts_beginning_stays_between_two_cuts(store: Store) -> None:
    step, model, history = Compact(Compaction(store.objects)), Summariser(), turns(40)
    heads, same = [], 0
    for length in range(0, len(history), 2):
        exchange = asked(model, history[:length])
        step.run(exchange)
        heads.append((exchange.summarised, exchange.system))
    for before, after in pairwise(heads):
        assert (before == after) == (before[0] == after[0])
        same += before == after
    assert same > 0.6 * len(heads)
    assert len(dict.fromkeys(heads)) >= 4


def test_a_summary_links_to_its_turns(store: Store) -> None:
    history = turns(40)
    exchange = asked(Summariser(), history)
    found = Compact(Compaction(store.objects)).run(exchange)
    assert found is not None
    receipt = found.as_receipt()
    covered = receipt["covers"]
    assert covered["first_id"] == "msg_0"
    assert covered["messages"] == exchange.summarised == 80 - len(exchange.history)
    assert exchange.history_ids[0] == f"msg_{exchange.summarised}"
    assert exchange.sections[0].name == "summary"
    assert f"{exchange.summarised} earlier messages" in exchange.sections[0].text
    linked: list[str] = []
    row = store.objects.get(KIND, receipt["summary_id"], owner="ana")
    while True:
        linked = [*row.body["message_ids"], *linked]
        if row.body["previous_id"] is None:
            break
        row = store.objects.get(KIND, row.body["previous_id"], owner="ana")
    assert linked == ids_of(history)[: exchange.summarised]


def test_branches_share_what_they_have_in_common(store: Store) -> None:
    step, model, history = Compact(Compaction(store.objects)), Summariser(), turns(30)
    step.run(asked(model, history))
    made = len(model.asked)
    other = [*history[:-2], *turns(1, begin=99)]
    ids = [*ids_of(history)[:-2], "msg_x", "msg_y"]
    exchange = asked(model, other, history_ids=ids)
    step.run(exchange)
    assert len(model.asked) == made
    edited = [Message(role="user", content="Something else. Yes."), *history[1:]]
    ids = ["msg_edited", *ids_of(history)[1:]]
    step.run(asked(model, edited, history_ids=ids))
    assert len(model.asked) > made


def test_ten_thousand_turns(store: Store) -> None:
    model, history = Summariser(), turns(10_000)
    model.context = 4000
    exchange = asked(model, history)
    found = Compact(Compaction(store.objects)).run(exchange)
    assert found is not None
    assert len(exchange.history) < 200
    assert len(model.asked) <= 4 * 4
    assert len(prompt_of(exchange).split()) < model.context


def test_two_tabs_write_one_summary(store: Store) -> None:
    step, history = Compact(Compaction(store.objects)), turns(20)
    found: list[str] = []

    def ask() -> None:
        exchange = asked(Summariser(), history)
        step.run(exchange)
        found.append(prompt_of(exchange))

    tabs = [threading.Thread(target=ask) for _ in range(4)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_it_is_for_the_page_and_the_terminal_and_can_be_switched_off(store: Store) -> None:
    step, history = Compact(Compaction(store.objects)), turns(40)
    off = parse("[memory.compaction]\nenabled = false", origin="x.toml")
    for switched in ({"compacts": False}, {"persona": off}, {"scope": None}, {"reply": "No."}):
        assert step.run(asked(Summariser(), history, **switched)) is None
    model = Summariser()
    by = parse('[memory.compaction]\nby = "extract"', origin="x.toml")
    found = step.run(asked(model, history, persona=by))
    assert found is not None
    assert found.as_receipt()["by"] == "extract"
    assert model.asked == []


def test_the_whole_way_through_chat(store: Store) -> None:
    model = FakeModel(context=1600)
    pipeline = Pipeline.of([Compact(Compaction(store.objects))])
    chat = Chat(FakeModels(model), store, Assistant(pipeline=pipeline))
    conversation = store.create_conversation()
    answers = []
    for i in range(12):
        model.script = [["It is so."] * 20] * 5
        answers.append(list(chat.turn(conversation.id, f"Tell me of number {i}. Now."))[-1])
    receipt: Any = answers[-1]
    steps = {each["name"]: each for each in receipt.receipt["steps"]}
    covers = steps["compact"]["covers"]
    path = store.path_to(receipt.message.id)
    assert len(path) == 24  # the originals stay
    assert covers["first_id"] == path[0].id
    assert covers["last_id"] == path[covers["messages"] - 1].id
    assert receipt.receipt["dropped"] == []
    assert receipt.receipt["sent"]["sections"]["summary"] > 0
    assert store.objects.count(KIND, owner=None) > 0
    store.delete(conversation.id)
    assert store.objects.count(KIND, owner=None) == 0


SOURCE = (
    "user: I ordered 3 lamps on 12 May from Lisbon. My order is 48,213.\n"
    "assistant: Ana will send the lamps by Friday. They cost 90 euros together."
)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("The user ordered 3 lamps from Lisbon.", True),
        ("The order is 48213.", True),
        ("The user ordered 4 lamps from Lisbon.", False),
        ("The user ordered lamps from Porto.", False),
        ("The user asked Bob for lamps.", False),
        ("Ana will send the lamps by Friday.", True),
        ("Unicorns dance beautifully under silver moonlight.", False),
        ("", False),
        ("It is.", False),
    ],
)
def test_a_sentence_says_what_was_said_or_goes(written: str, kept: bool) -> None:
    assert checked(written, SOURCE, ended=True)[0] == ([written] if kept else [])


def test_thoughts_and_what_is_cut_off_are_no_summary() -> None:
    good = "The user ordered 3 lamps."
    assert checked(f"<think>They want lamps.</think>{good}", SOURCE, ended=True)[0] == [good]
    assert checked(f"They want lamps.</think>{good}", SOURCE, ended=True)[0] == [good]
    assert checked("<think>The user ordered 3 lamps. The order", SOURCE, ended=False)[0] == []
    assert checked(f"{good} The lamps cost 90", SOURCE, ended=False)[0] == [good]
    assert checked(f"{good} {good} {good}", SOURCE, ended=True)[0] == [good]


@pytest.mark.parametrize(
    "script",
    [
        ("", "stop"),
        ("<think>Let me see. The", "length"),
        ("Porto, Porto, Porto", "length"),
        ("x" * 5000, "error"),
    ],
)
def test_a_summary_that_fails_is_made_of_sentences(script: tuple[str, str]) -> None:
    model: Any = Summariser([script])
    made = summarise(model, "", turns(5), room=60, by="model", owner="")
    assert made.by == "extract"
    assert made.refused
    assert "Topic number" in made.text
    assert len(model.tokenizer.encode(made.text)) <= 60


def test_what_tells_most_is_kept() -> None:
    model: Any = Summariser()
    said = [
        Message(role="user", content="Hello! I live in Lisbon. What shall we do?"),
        Message(role="assistant", content="That is nice. " + "We could go out. " * 30),
        Message(role="user", content="My order number is 48213."),
    ]
    text = extracted(model, "", said, 30)
    assert "I live in Lisbon." in text
    assert "48213" in text
    later = extracted(model, text, turns(10), 40)
    assert "48213" in later  # a summary of a summary still knows it
    endless: Any = [Message(role="user", content="word " * 10_000)]
    assert 0 < len(model.tokenizer.encode(extracted(model, "", endless, 30))) <= 30


@given(
    st.lists(st.tuples(st.integers(1, 120), st.booleans()), min_size=1, max_size=60),
    st.integers(100, 400),
    st.data(),
)
def test_cuts_grow_with_the_conversation(
    messages: list[tuple[int, bool]], room: int, data: st.DataObject
) -> None:
    """Law: a conversation's cuts begin with those of each conversation that it grew from."""
    sizes = [size for size, _ in messages]
    asks = [ask for _, ask in messages]
    starts = [i for i, ask in enumerate(asks) if ask and i]

    def of(length: int) -> list[int]:
        within = [start for start in starts if start < length]
        for_summary = summary_room(room)
        return cuts(sizes[:length], asks[:length], within, room, for_summary=for_summary)

    whole = of(len(messages))
    assert whole == sorted(set(whole))
    length = data.draw(st.integers(1, len(messages)))
    shorter = of(length)
    assert whole[: len(shorter)] == shorter
    last = max((i for i, ask in enumerate(asks) if ask), default=0)
    begin = whole[-1] if whole else 0
    if asks[-1] and any(start > begin for start in starts):
        assert sum(sizes[begin : last + 1]) <= HIGH * room


@given(st.text(max_size=400))
def test_any_text_has_sentences(text: str) -> None:
    found = sentences(text)
    assert all(each == each.strip() and each for each in found)
    assert sum(map(len, found)) <= len(text) + len(found)
    numbers_in(text)
    names_in(text)


def test_sentences_names_and_numbers() -> None:
    said = "Dr. Smith came. He paid 1,200.50 euros (in Lisbon)! 好的。我住在成都。 Why?"
    assert sentences(said) == [
        "Dr. Smith came.", "He paid 1,200.50 euros (in Lisbon)!", "好的。", "我住在成都。", "Why?",
    ]  # fmt: skip
    assert names_in("He met Ana’s friend from NASA in Lisbon; I said: Well.") == {
        "ana",
        "nasa",
        "lisbon",
    }
    assert numbers_in("1,200 and 48213 on 12.5.2024") == {"1200", "48213", "12.5.2024"}


def test_what_is_kept_may_begin_where_a_person_speaks() -> None:
    history = turns(3)
    assert starts_of([*history, Message(role="user", content="x")]) == [2, 4, 6]
