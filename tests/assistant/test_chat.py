"""A turn's laws: nothing stored that was refused, nothing lost that was said, nothing silent."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from fireside.assistant import Chat, Delta, Done, Turn
from fireside.assistant.titles import can_go_on, title_of
from fireside.errors import BadRequest, ContextOverflow, Unavailable
from fireside.storage import Store


def finish(turn: Turn) -> Done:
    *deltas, done = turn
    assert isinstance(done, Done)
    assert "".join(d.text for d in deltas if isinstance(d, Delta)) == done.message.content
    return done


@pytest.fixture
def chat(store: Store, models: Any) -> Chat:
    return Chat(models, store)


def test_a_turn_is_a_question_and_its_answer_with_a_receipt(
    chat: Chat, store: Store, model: Any
) -> None:
    model.script = [["Hel", "lo"], ["Bye"]]
    conversation = store.create_conversation(system="Be kind.")
    done = finish(chat.turn(conversation.id, "Good day,\nfriend"))
    assert done.message.status == "complete"
    assert done.usage["completion_tokens"] == 2
    assert done.receipt["model"] == done.message.model == "fake"
    assert done.receipt["dropped"] == []
    assert done.receipt["finish_reason"] == "stop"
    assert done.receipt["sampling"] == {"temperature": 0.7, "top_p": 0.95}
    assert done.receipt["timings"]["total_s"] >= done.receipt["timings"]["first_token_s"]
    finish(chat.turn(conversation.id, "Ciao"))
    assert model.asked[1].prompt == (
        "<system>Be kind.<user>Good day,\nfriend<assistant>Hello<user>Ciao<assistant>"
    )
    assert store.get(conversation.id).title == "Good day,"
    path = store.path_to(store.get(conversation.id).head_id or "")
    assert [m.content for m in path] == ["Good day,\nfriend", "Hello", "Ciao", "Bye"]


def test_async_says_the_same(chat: Chat, store: Store, model: Any) -> None:
    model.script = [["a", "b", "c"]]
    conversation = store.create_conversation()

    async def run() -> list[Delta | Done]:
        return [event async for event in chat.turn(conversation.id, "x")]

    *deltas, done = asyncio.run(run())
    assert [d.text for d in deltas if isinstance(d, Delta)] == ["a", "b", "c"]
    assert isinstance(done, Done)
    assert done.message.content == "abc"


def test_regenerate_and_edit_make_siblings(chat: Chat, store: Store, model: Any) -> None:
    model.script = [["one"], ["two"], ["three"]]
    conversation = store.create_conversation()
    first = finish(chat.turn(conversation.id, "q"))
    again = finish(chat.regenerate(first.message.id))
    assert again.message.parent_id == first.message.parent_id
    assert model.asked[0].prompt == model.asked[1].prompt
    question = store.message(str(first.message.parent_id))
    edited = finish(chat.edit(question.id, "other"))
    assert [m.content for m in store.children(conversation.id, None)] == ["q", "other"]
    assert store.get(conversation.id).head_id == edited.message.id
    with pytest.raises(BadRequest, match="answer"):
        chat.edit(edited.message.id, "x")


def test_a_branch_can_be_continued(chat: Chat, store: Store, model: Any) -> None:
    model.script = [["one"], ["two"]]
    conversation = store.create_conversation()
    first = finish(chat.turn(conversation.id, "q"))
    finish(chat.regenerate(first.message.id))
    finish(chat.turn(conversation.id, "and?", parent_id=first.message.id))
    assert model.asked[2].prompt == "<user>q<assistant>one<user>and?<assistant>"


def test_stop_keeps_what_was_said(chat: Chat, store: Store, model: Any) -> None:
    model.script = [["one ", "two ", "three"]]
    conversation = store.create_conversation()
    turn = chat.turn(conversation.id, "q")
    model.on_event = lambda n: n == 2 and turn.cancel()
    model.asked[0].on_event = model.on_event
    done = finish(turn)
    assert (done.message.content, done.message.status) == ("one two ", "stopped")
    finish(chat.turn(conversation.id, "go on"))
    assert "<assistant>one two <user>go on" in model.asked[1].prompt


def test_a_reader_who_walks_away_stops_the_engine(chat: Chat, store: Store, model: Any) -> None:
    model.script = [["one ", "two "]]
    conversation = store.create_conversation()
    turn = chat.turn(conversation.id, "q")
    events = iter(turn)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert model.asked[0].cancelled
    assert store.message(turn.answer_id).status == "stopped"
    assert store.message(turn.answer_id).content == "one "


def test_an_engine_that_fails_leaves_an_error_and_is_left_out_next_time(
    chat: Chat, store: Store, model: Any
) -> None:
    model.script = [[]]
    model.failure = Unavailable("No memory.")
    conversation = store.create_conversation()
    turn = chat.turn(conversation.id, "q")
    with pytest.raises(Unavailable):
        list(turn)
    assert store.message(turn.answer_id).status == "error"
    assert store.message(turn.answer_id).receipt["error"] == "No memory."
    model.failure = None
    finish(chat.turn(conversation.id, "again"))
    assert model.asked[1].prompt == "<user>q\n\nagain<assistant>"


def test_an_answer_that_the_engine_ends_by_an_error_carries_its_words(
    chat: Chat, store: Store, model: Any
) -> None:
    model.script = [["half"]]
    turn = chat.turn(store.create_conversation().id, "q")
    model.asked[0].end, model.asked[0].error = "error", Unavailable("No memory.")
    done = finish(turn)
    assert (done.message.status, done.receipt["error"]) == ("error", "No memory.")


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_an_empty_message_leaves_no_trace(chat: Chat, store: Store, text: str) -> None:
    conversation = store.create_conversation()
    with pytest.raises(BadRequest, match="empty"):
        chat.turn(conversation.id, text)
    assert store.messages(conversation.id) == []


def test_what_does_not_fit_alone_is_refused_with_both_figures(chat: Chat, store: Store) -> None:
    conversation = store.create_conversation()
    with pytest.raises(ContextOverflow) as caught:
        chat.turn(conversation.id, "x" * 1_000_000)
    assert "1,000,017 tokens" in caught.value.message
    assert "1,500" in caught.value.message
    assert store.messages(conversation.id) == []


def test_the_makers_sampling_under_the_persons(chat: Chat, store: Store, model: Any) -> None:
    model.sampling = {"temperature": 0.2, "top_k": 40.0}
    conversation = store.create_conversation()
    finish(chat.turn(conversation.id, "q", sampling={"temperature": 0.9, "max_tokens": 5}))
    params = model.asked[0].params
    assert (params.temperature, params.top_k, params.max_tokens) == (0.9, 40, 5)
    with pytest.raises(BadRequest, match="warmth"):
        chat.turn(conversation.id, "q", sampling={"warmth": 1})
    with pytest.raises(BadRequest, match="top_p"):
        chat.turn(conversation.id, "q", sampling={"top_p": 2.0})


def test_old_turns_go_and_the_receipt_says_which(chat: Chat, store: Store, model: Any) -> None:
    conversation = store.create_conversation(system="S")
    cuts, prompts = [], []
    for n in range(60):
        done = finish(chat.turn(conversation.id, f"{n:02} " + "x" * 97))
        cuts.append(sum(d["messages"] for d in done.receipt["dropped"]))
        prompts.append(model.asked[-1].prompt)
        assert len(prompts[-1]) <= 1500
        assert prompts[-1].startswith("<system>S<user>")
        assert prompts[-1].endswith(f"{n:02} " + "x" * 97 + "<assistant>")
    assert cuts[0] == 0
    assert cuts[-1] > 0
    # The prefix cache's law: most turns only add to the prompt before them.
    grown = sum(after.startswith(before) for before, after in pairwise(prompts))
    assert grown >= 45
    dropped = done.receipt["dropped"][0]
    path = store.path_to(done.message.id)
    assert dropped["first_id"] == path[0].id
    assert dropped["last_id"] == path[cuts[-1] - 1].id
    assert "window" in dropped["reason"]
    assert model.tokenizer.renders < 60 * 3


def test_a_larger_model_sees_again_what_a_smaller_one_could_not(
    chat: Chat, store: Store, model: Any
) -> None:
    conversation = store.create_conversation()
    for _ in range(20):
        finish(chat.turn(conversation.id, "x" * 100))
    assert len(model.asked[-1].prompt) < 1500
    model.context = 8000
    assert finish(chat.turn(conversation.id, "y")).receipt["dropped"] == []


def test_titles() -> None:
    assert title_of("  a  b \n c") == "a b"
    long = title_of("word " * 40)
    assert len(long) <= 60
    assert long.endswith("word…")
    assert len(title_of("x" * 100)) == 60


def test_an_answer_that_ended_early_is_written_on_in_another_version_of_it(
    chat: Chat, store: Store, model: Any
) -> None:
    model.script = [["one ", "two ", "three ", "four"], ["three ", "four"]]
    conversation = store.create_conversation()
    first = finish(chat.turn(conversation.id, "count", sampling={"max_tokens": 2}))
    assert can_go_on(first.message)
    turn = chat.go_on(first.message.id)
    assert turn.begun == first.message
    *deltas, done = turn
    assert "".join(d.text for d in deltas if isinstance(d, Delta)) == "three four"
    assert isinstance(done, Done)
    assert done.message.content == "one two three four"
    assert done.message.parent_id == first.message.parent_id
    assert model.asked[1].prompt == "<user>count<assistant>one two "
    assert done.receipt["sent"]["begun"] == len("one two ")
    assert sum(
        sum(v.values()) if isinstance(v, dict) else v
        for name, v in done.receipt["sent"].items() if name != "total"
    ) == done.receipt["sent"]["total"]  # fmt: skip
    with pytest.raises(BadRequest, match="own end"):
        chat.go_on(done.message.id)
    finish(chat.turn(conversation.id, "thanks"))
    assert (
        model.asked[2].prompt == "<user>count<assistant>one two three four<user>thanks<assistant>"
    )


def test_a_stopped_answer_goes_on_and_a_question_does_not(
    chat: Chat, store: Store, model: Any
) -> None:
    model.script = [["one ", "two "], ["two"]]
    conversation = store.create_conversation()
    turn = chat.turn(conversation.id, "q")
    model.asked[0].on_event = lambda n: n == 1 and turn.cancel()
    stopped = finish(turn)
    with pytest.raises(BadRequest, match="own end"):
        chat.go_on(str(stopped.message.parent_id))
    *_, done = chat.go_on(stopped.message.id)
    assert isinstance(done, Done)
    assert (done.message.content, done.message.status) == ("one two", "complete")
