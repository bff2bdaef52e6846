"""Rows of the API's objects: owners, pages, changes, claims, expiry."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import Conflict, NotFound
from fireside.storage import Store
from fireside.storage.objects import New, Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Store.open(tmp_path / "fireside.db").objects


def test_a_row_comes_back_as_it_went(objects: Objects) -> None:
    body = {"filename": "ä.txt", "bytes": 3, "deep": {"list": [1, None, 2.5]}}
    made = objects.add("file", "file", body, owner="a", status="uploaded")
    assert objects.get("file", made.id, owner="a") == made
    assert made.body == body


def test_another_owners_row_is_as_unknown_as_none(objects: Objects) -> None:
    made = objects.add("file", "file", {}, owner="a")
    lines = []
    for one in (made.id, made.id[:-1] + "0"):
        with pytest.raises(NotFound) as raised:
            objects.get("file", one, owner="b")
        lines.append(raised.value.message.replace(one, "ID"))
        for forbidden in (objects.remove, lambda *a, **k: objects.change(*a, lambda r: r, **k)):
            with pytest.raises(NotFound):
                forbidden("file", one, owner="b")
    assert lines[0] == lines[1]
    with pytest.raises(NotFound):
        objects.listed("file", owner="b", after=made.id)
    with pytest.raises(NotFound):
        objects.get("batch", made.id, owner="a")
    assert objects.listed("file", owner="b").items == []
    assert objects.get("file", made.id, owner=None) == made


@given(st.integers(0, 12), st.integers(1, 5), st.sampled_from(["asc", "desc"]))
def test_pages_together_are_the_list(count: int, limit: int, order: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "f.db") as store:
        rows = [New(id=f"item_{i:02}", body={"i": i}) for i in range(count)]
        store.objects.add_all("item", rows, owner="")
        whole = [row.id for row in rows][:: 1 if order == "asc" else -1]
        seen: list[str] = []
        after = None
        while True:
            page = store.objects.listed("item", owner="", order=order, after=after, limit=limit)  # type: ignore[arg-type]
            seen += [row.id for row in page.items]
            if not page.more:
                break
            after = seen[-1]
        assert seen == whole
        back: list[str] = []
        before = None
        while count:
            page = store.objects.listed(
                "item", owner="", order=order, before=before or whole[-1], limit=limit  # type: ignore[arg-type]
            )  # fmt: skip
            back = [row.id for row in page.items] + back
            if not page.more:
                break
            before = back[0]
        assert back == whole[:-1]


def test_a_change_that_fails_changes_nothing(objects: Objects) -> None:
    made = objects.add("job", "job", {"n": 1}, owner="")

    def fails(row: object) -> object:
        raise Conflict("no")

    with pytest.raises(Conflict):
        objects.change("job", made.id, fails, owner="")  # type: ignore[arg-type]
    assert objects.get("job", made.id, owner="") == made


def test_changes_at_once_all_count(objects: Objects) -> None:
    made = objects.add("job", "job", {"n": 0}, owner="")

    def work() -> None:
        for _ in range(10):
            objects.change(
                "job", made.id, lambda row: replace(row, body={"n": row.body["n"] + 1}), owner=""
            )

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row = objects.get("job", made.id, owner="")
    assert row.body == {"n": 40}
    assert row.version == 41


def test_each_row_is_claimed_once(objects: Objects) -> None:
    for i in range(20):
        objects.add("batch", "batch", {"i": i}, owner=f"o{i % 3}", status="waiting")
    claimed: list[str] = []

    def work() -> None:
        while (row := objects.claim("batch", status="waiting", becomes="running")) is not None:
            claimed.append(row.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 20


def test_removing_takes_everything_below(objects: Objects) -> None:
    top = objects.add("store", "vs", {}, owner="a")
    middle = objects.add("file", "vsf", {}, owner="a", parent_id=top.id)
    objects.add_all("chunk", [New(id=f"c{i}", body={}) for i in range(1200)], owner="a",
                    parent_id=middle.id)  # fmt: skip
    other = objects.add("store", "vs", {}, owner="a")
    objects.remove("store", top.id, owner="a")
    assert objects.count("chunk", owner="a") == objects.count("file", owner="a") == 0
    assert objects.get("store", other.id, owner="a") == other


def test_what_has_expired_is_gone_and_can_be_swept(objects: Objects) -> None:
    old = objects.add("file", "file", {}, owner="", expires_at=time.time() - 1)
    objects.add("file", "file", {}, owner="", expires_at=time.time() + 1000)
    with pytest.raises(NotFound):
        objects.get("file", old.id, owner="")
    assert objects.count("file", owner="") == 1
    assert [row.id for row in objects.expired("file")] == [old.id]
    objects.discard([old.id])
    assert objects.expired("file") == []


def test_lists_by_status_and_by_members_of_the_body(objects: Objects) -> None:
    objects.add("file", "file", {"purpose": "batch", "n": 1, "ok": True}, owner="", status="a")
    objects.add("file", "file", {"purpose": "evals", "n": 2, "ok": False}, owner="", status="b")
    for matching in ({"purpose": "batch"}, {"n": 1}, {"ok": True}):
        (row,) = objects.listed("file", owner="", matching=matching).items
        assert row.body["n"] == 1
    (row,) = objects.listed("file", owner="", statuses=["b"]).items
    assert row.body["n"] == 2


def test_a_taken_id_is_a_conflict_and_adds_none(objects: Objects) -> None:
    objects.add_all("item", [New(id="x", body={})], owner="a")
    with pytest.raises(Conflict):
        objects.add_all("item", [New(id="y", body={}), New(id="x", body={})], owner="b")
    assert objects.count("item", owner="b") == 0
