"""The store's laws: a tree of sealed messages, found again by path, page and search."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from fireside.errors import Conflict, NotFound
from fireside.messages import ToolCall
from fireside.storage import Store
from fireside.storage.ids import new_id


def test_ids_sort_by_birth_and_never_repeat() -> None:
    made = [new_id("msg") for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(len(one) == len("msg_") + 18 for one in made)


def test_a_path_is_the_chain_of_parents(store: Store) -> None:
    conversation = store.create_conversation()
    first = store.append(conversation.id, "user", "one", parent_id=None)
    answer = store.append(conversation.id, "assistant", "two", parent_id=first.id)
    other = store.append(conversation.id, "assistant", "zwei", parent_id=first.id)
    last = store.append(conversation.id, "user", "three", parent_id=answer.id)
    assert [m.content for m in store.path_to(last.id)] == ["one", "two", "three"]
    assert [m.content for m in store.path_to(other.id)] == ["one", "zwei"]
    assert [m.id for m in store.children(conversation.id, first.id)] == [answer.id, other.id]
    assert [m.id for m in store.children(conversation.id, None)] == [first.id]
    assert len(store.messages(conversation.id)) == 4
    assert store.get(conversation.id).head_id == last.id


@settings(max_examples=20, deadline=None)
@given(parents=st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_every_path_of_any_tree_leads_to_a_root(parents: list[int], tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    with Store.open(tmp_path_factory.mktemp("tree") / "t.db") as store:
        conversation = store.create_conversation()
        ids: list[str] = []
        expected: list[list[str]] = []
        for parent in parents:
            at = parent % (len(ids) + 1)  # 0: a root
            over = expected[at - 1] if at else []
            made = store.append(conversation.id, "user", "x", parent_id=ids[at - 1] if at else None)
            ids.append(made.id)
            expected.append([*over, made.id])
        for message, path in zip(ids, expected, strict=True):
            assert [m.id for m in store.path_to(message)] == path


def test_everything_that_is_put_in_comes_out(store: Store) -> None:
    conversation = store.create_conversation(owner="ada", title="T", model="m", system="Be brief.")
    assert store.get(conversation.id) == conversation
    call = ToolCall(id="c1", name="clock", arguments='{"zone": "Asia/Taipei"}')
    made = store.append(
        conversation.id,
        "assistant",
        "a\x00b\n 火 🔥 \u2028",
        parent_id=None,
        model="m",
        name="n",
        tool_calls=[call],
        tool_call_id="c0",
    )
    assert store.message(made.id) == made
    assert made.as_message().tool_calls == (call,)


def test_a_sealed_message_is_never_rewritten(store: Store, database: Path) -> None:
    conversation = store.create_conversation()
    answer = store.append(
        conversation.id, "assistant", "", parent_id=None, status="partial", model="m"
    )
    store.flush(answer.id, "Half a")
    assert store.message(answer.id).content == "Half a"
    sealed = store.seal(
        answer.id, "Half a loaf", usage={"completion_tokens": 3}, receipt={"model": "m"}
    )
    assert (sealed.status, sealed.content) == ("complete", "Half a loaf")
    assert sealed.receipt == {"model": "m"}
    with pytest.raises(Conflict, match="sealed"):
        store.flush(answer.id, "Other")
    with pytest.raises(Conflict, match="sealed"):
        store.seal(answer.id, "Other")
    with pytest.raises(IntegrityError, match="never rewritten"), store._writer.begin() as c:
        c.exec_driver_sql("UPDATE messages SET content = 'Other'")
    with sqlite3.connect(database) as raw, pytest.raises(sqlite3.IntegrityError):
        raw.execute("UPDATE messages SET status = 'partial'")
    raw.close()


def test_pages_list_each_conversation_once_last_used_first(store: Store) -> None:
    made = [store.create_conversation(owner="ada") for _ in range(7)]
    store.create_conversation(owner="eve")
    store.append(made[2].id, "user", "hi", parent_id=None)
    pages: list[str] = []
    before = None
    while page := store.conversations("ada", limit=3, before=before):
        pages += [c.id for c in page]
        before = page[-1].id
    assert pages == [made[2].id, *(c.id for c in reversed(made) if c != made[2])]


def test_delete_takes_the_messages_and_their_words(store: Store) -> None:
    keep, drop = store.create_conversation(), store.create_conversation()
    parent = None
    for conversation in (keep, drop):
        parent = store.append(conversation.id, "user", "marmalade", parent_id=None).id
        store.append(conversation.id, "assistant", "marmalade too", parent_id=parent)
    assert len(store.search("marmalade")) == 4
    store.delete(drop.id)
    assert {hit.conversation.id for hit in store.search("marmalade")} == {keep.id}
    assert store.messages(drop.id) == []
    assert store.check() == "ok"


def test_search(store: Store) -> None:
    mine = store.create_conversation(owner="ada")
    other = store.create_conversation(owner="eve")
    for text in (
        "The quick brown fox",
        "Ein schöner Füchs",
        "今天天氣很好",
        "100% of it",
        'say "OR"',
    ):
        store.append(mine.id, "user", text, parent_id=None)
    store.append(other.id, "user", "quick secret", parent_id=None)

    def found(query: str) -> list[str]:
        return [hit.message.content for hit in store.search(query, owner="ada")]

    assert found("quick") == ["The quick brown fox"]
    assert found("BROWN qui") == ["The quick brown fox"]
    assert found("schoner") == ["Ein schöner Füchs"]
    assert found("天氣") == ["今天天氣很好"]
    assert found("天%") == []
    assert found('"OR" NOT (') == []
    assert found("say or") == ['say "OR"']
    assert found("") == found("  *'\"") == []
    assert store.search("天氣", owner="ada")[0].snippet == "今天天氣很好"
    partial = store.append(mine.id, "assistant", "", parent_id=None, status="partial")
    store.flush(partial.id, "zebra")
    assert found("zebra") == []
    store.seal(partial.id, "zebra", status="stopped")
    assert found("zebra") == ["zebra"]


@settings(max_examples=60, deadline=None)
@given(query=st.text(max_size=40))
def test_no_query_breaks_the_search(query: str, one_store: Store) -> None:
    one_store.search(query)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with Store.open(tmp_path_factory.mktemp("one") / "t.db") as store:
        conversation = store.create_conversation()
        store.append(conversation.id, "user", "some words 字", parent_id=None)
        yield store


def test_what_is_not_there_says_so(store: Store) -> None:
    conversation, other = store.create_conversation(), store.create_conversation()
    stranger = store.append(other.id, "user", "x", parent_id=None)
    for call in (
        lambda: store.get("conv_x"),
        lambda: store.delete("conv_x"),
        lambda: store.rename("conv_x", "t"),
        lambda: store.message("msg_x"),
        lambda: store.path_to("msg_x"),
        lambda: store.flush("msg_x", ""),
        lambda: store.append("conv_x", "user", "x", parent_id=None),
        lambda: store.append(conversation.id, "user", "x", parent_id=stranger.id),
        lambda: store.set_head(conversation.id, stranger.id),
    ):
        with pytest.raises(NotFound):
            call()
    assert store.get(conversation.id).head_id is None


def test_rename_model_and_system_do_not_count_as_use(store: Store) -> None:
    first, second = store.create_conversation(), store.create_conversation()
    store.rename(first.id, "New")
    store.set_model(first.id, "m2")
    store.set_system(first.id, "Speak French.")
    assert [c.id for c in store.conversations()] == [second.id, first.id]
    changed = store.get(first.id)
    assert (changed.title, changed.model, changed.system) == ("New", "m2", "Speak French.")


def test_many_threads_write_at_once(store: Store) -> None:
    conversation = store.create_conversation()

    def chain(n: int) -> str:
        parent = None
        for i in range(10):
            parent = store.append(conversation.id, "user", f"{n} {i}", parent_id=parent).id
        assert parent is not None
        return parent

    with ThreadPoolExecutor(8) as pool:
        leaves = list(pool.map(chain, range(8)))
    for n, leaf in enumerate(leaves):
        assert [m.content for m in store.path_to(leaf)] == [f"{n} {i}" for i in range(10)]
