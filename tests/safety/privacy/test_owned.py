"""Everything of one owner: given out whole, deleted to the last byte, another's untouched."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text, update

from fireside.assistant.tickets import Ticket, Tickets
from fireside.errors import Conflict, Corrupt
from fireside.messages import ToolCall
from fireside.safety.privacy.finder import Found
from fireside.safety.privacy.owned import FOLDERS, OTHERS, Owned
from fireside.safety.privacy.retention import Retention
from fireside.safety.privacy.vault import Vault
from fireside.storage import Store
from fireside.storage.erasure import BELOW, OWNED, UNOWNED
from fireside.storage.files import Files
from fireside.storage.items import NewItem
from fireside.storage.objects import New
from fireside.storage.passages import NewPassage
from fireside.storage.schema import conversations, metadata, objects
from fireside.tools.calendar_file import path_of

MARK = "Zqxwvy"
OTHER = "Kjhgtr"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open(home / "fireside.db") as opened:
        yield opened


def test_every_table_is_covered() -> None:
    assert {*OWNED, *BELOW, *UNOWNED} == set(metadata.tables)
    with_owner = {name for name, table in metadata.tables.items() if "owner" in table.c}
    assert with_owner == set(OWNED)


def test_every_place_below_home_is_named() -> None:
    """A new folder of people's data must be deleted too: name it in `owned.py`."""
    package = Path(__file__).parents[3] / "fireside"
    named = re.compile(r"\bhome / \"([A-Za-z_.]+)\"")
    found = {
        name
        for path in package.rglob("*.py")
        for name in named.findall(path.read_text(encoding="utf-8"))
    }
    assert found
    assert found <= {*FOLDERS, *OTHERS}


def fill(store: Store, home: Path, owner: str, mark: str) -> None:
    """Something of everything, each with the mark in it."""
    made = store.create_conversation(owner=owner, title=f"{mark} title", system=f"{mark} system")
    first = store.append(made.id, "user", f"{mark} asked about the{mark}index", parent_id=None)
    call = ToolCall(id="c", name="f", arguments=json.dumps({"a": f"{mark} argument"}))
    answer = store.append(
        made.id, "assistant", "", parent_id=first.id, status="partial", tool_calls=[call]
    )
    store.seal(answer.id, f"{mark} answer", receipt={"steps": [f"{mark} receipt"]})
    rows = store.objects
    for kind in ("response", "memory", "dialogue_state", "chat_completion", "idempotency_key"):
        rows.add(kind, "x", {"text": f"{mark} {kind}"}, owner=owner, status="completed")
    conversation = store.create_conversation(owner=owner, metadata={"m": mark})
    item = {"id": f"msg_{owner}", "text": f"{mark} item"}
    new = NewItem(id=item["id"], item=item, role="user", content=f"{mark} said")
    store.items.append(conversation.id, [new])
    vs = rows.add("vector_store", "vs", {"name": mark}, owner=owner)
    vsf = rows.add(
        "vector_store_file", "vsf", {"file_id": "f"}, owner=owner, parent_id=vs.id,
        status="in_progress",
    )  # fmt: skip
    passage = NewPassage(
        begin=0, page=1, section=[mark], text=f"{mark} passage", words=f"{mark.lower()} passage",
        length=2, vectors=mark.encode() * 20,
    )  # fmt: skip
    assert store.passages.keep(vsf.id, vs.id, vsf.created_at, 0, [passage])
    assert store.passages.complete(vsf.id, vsf.created_at, {})
    files = Files(home / "files", rows)
    path = files.temporary()
    path.write_text(f"{mark} file")
    files.add(owner, f"{mark}.txt", "assistants", path)
    part = files.temporary()
    part.write_text(f"{mark} part")
    rows.add("upload_part", "part", {"name": part.name}, owner=owner)
    batch = rows.add("batch", "batch", {"m": mark}, owner=owner, status="completed")
    job = rows.add("ft_job", "ftjob", {"m": mark}, owner=owner, status="succeeded")
    for folder in (f"batches/{batch.id}", f"runs/{job.id}", f"runs/.data/{job.id}"):
        (home / folder).mkdir(parents=True)
        (home / folder / "data.jsonl").write_text(f"{mark} in {folder}")
    rows.add_all("model", [New(id=f"ft:{mark}", body={"folder": f"{job.id}/model"})], owner=owner)
    hidden, _ = Vault(rows, home).hide(
        owner, conversation.id,
        lambda names: names.hidden(mark, [Found(kind="NAME", start=0, end=len(mark), score=1)]),
    )  # fmt: skip
    assert hidden == "[NAME_1]"
    calendar = path_of(home / "calendars", owner)
    calendar.parent.mkdir(exist_ok=True)
    calendar.write_text(f"{mark} calendar")
    asked = {"role": "user", "content": f"{mark} complained"}
    ticket = Ticket(to="the team", reason="complaint", owner=owner, messages=[asked])
    closed = Tickets(home / "tickets").open(ticket)
    Tickets(home / "tickets").close(closed.number)
    if owner == "":
        (home / "chat_history").write_text(f"{mark} typed")


def holding(home: Path, mark: str) -> list[str]:
    needles = (mark.encode(), mark.lower().encode())
    found = []
    for path in home.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            if any(needle in raw for needle in needles) or mark in path.name:
                found.append(str(path.relative_to(home)))
    return found


@pytest.mark.parametrize("owner", ["", "proj_a", "../b c"])
def test_no_byte_is_left_of_who_is_forgotten(store: Store, home: Path, owner: str) -> None:
    fill(store, home, owner, MARK)
    fill(store, home, "proj_b", OTHER)
    assert holding(home, MARK)
    before = _exported(store, home, "proj_b")
    done = Owned(store, home).forget(owner)
    assert not done.remains
    assert done.rows["conversations"] == 2
    assert holding(home, MARK) == []
    assert _exported(store, home, "proj_b") == before
    assert store.search(OTHER, owner="proj_b")
    assert Owned(store, home).export(owner, io.BytesIO()) == {}
    store.close()
    assert holding(home, MARK) == []


def test_another_process_that_reads_delays_the_log_alone(store: Store, home: Path) -> None:
    fill(store, home, "proj_a", MARK)
    with Store.open(home / "fireside.db") as other:
        with other.erasure._reader.connect() as reading:
            reading.execute(text("SELECT count(*) FROM objects")).scalar()
            done = Owned(store, home).forget("proj_a")
        assert "another process" in done.remains
    assert not store.erasure.scrub()
    assert holding(home, MARK) == []


def test_an_export_holds_every_row_and_every_byte(store: Store, home: Path) -> None:
    fill(store, home, "proj_a", MARK)
    fill(store, home, "proj_b", OTHER)
    found = _exported(store, home, "proj_a")
    counts = json.loads(found["about.json"])["rows"]
    rows = sum(count for name, count in counts.items() if name not in ("messages", "passages"))
    assert rows == sum(store.erasure.kinds("proj_a").values()) + 2
    assert json.loads(found["private_values.jsonl"])["value"] == MARK
    everything = b"".join(found.values())
    for part in (
        "title",
        "asked",
        "answer",
        "receipt",
        "item",
        "memory",
        "passage",
        "file",
        "complained",
    ):
        assert f"{MARK} {part}".encode() in everything, part
    assert f"{MARK} in runs/".encode() in everything
    assert OTHER.encode() not in everything


def test_nothing_is_deleted_under_a_job_that_runs(store: Store, home: Path) -> None:
    fill(store, home, "proj_a", MARK)
    job = store.objects.add("ft_job", "ftjob", {}, owner="proj_a", status="running")
    with pytest.raises(Conflict, match=job.id):
        Owned(store, home).forget("proj_a")
    assert store.erasure.kinds("proj_a")


def test_who_never_was_is_forgotten_too(store: Store, home: Path) -> None:
    done = Owned(store, home).forget("proj_nobody")
    assert done.rows == {}
    assert not done.remains


def test_a_forgotten_owner_begins_anew(store: Store, home: Path) -> None:
    fill(store, home, "proj_a", MARK)
    Owned(store, home).forget("proj_a")
    fill(store, home, "proj_a", OTHER)
    assert b"[NAME_1]" in _exported(store, home, "proj_a")["private_values.jsonl"]


def test_values_without_their_key_are_one_clear_line(store: Store, home: Path) -> None:
    fill(store, home, "proj_a", MARK)
    (home / "vault" / "master.key").unlink()
    with pytest.raises(Corrupt, match="fireside privacy forget"):
        Owned(store, home).export("proj_a", io.BytesIO())
    Owned(store, home).forget("proj_a")
    assert holding(home, MARK) == []


def test_retention_takes_what_is_old_and_unused(store: Store, home: Path) -> None:
    files = Files(home / "files", store.objects)
    dropped: list[str] = []

    def drop(response_id: str, owner: str) -> None:
        dropped.append(response_id)
        store.objects.discard([response_id])

    old = {kind: _old(store, kind) for kind in ("response", "chat_completion")}
    young = store.objects.add("response", "resp", {}, owner="a", status="completed")
    used = store.create_conversation(owner="a").id
    _aged(store, conversations, used, "updated_at")
    new = NewItem(id="msg_a", item={"id": "msg_a"}, role="user", content="Hi")
    store.items.append(used, [new])
    running = _old(store, "response", "in_progress")
    talk = store.create_conversation(owner="a")
    _aged(store, conversations, talk.id, "updated_at")
    fresh = store.create_conversation(owner="a")
    kept, gone = (_file(files, store) for _ in range(2))
    store.objects.add("vector_store_file", "vsf", {"file_id": kept}, owner="a")
    assert Retention(store, files, 0, drop).sweep() == 0
    assert Retention(store, files, 30, drop).sweep() == 4
    assert dropped == [old["response"]]
    left = {row["id"] for row in store.erasure.objects("a")}
    assert {young.id, running, kept} <= left
    assert not {*old.values(), gone} & left
    assert {each.id for each in store.conversations("a")} == {fresh.id, used}
    assert {path.name for path in (home / "files").iterdir()} == {kept}
    assert Retention(store, files, 30, drop).sweep() == 0


def _old(store: Store, kind: str, status: str = "completed") -> str:
    made = store.objects.add(kind, "x", {}, owner="a", status=status)
    _aged(store, objects, made.id, "created_at")
    return made.id


def _file(files: Files, store: Store) -> str:
    path = files.temporary()
    path.write_text("x")
    made = files.add("a", "x.txt", "user_data", path)
    _aged(store, objects, made.id, "created_at")
    return made.id


def _aged(store: Store, table: object, row_id: str, column: str) -> None:
    with store._writer.begin() as connection:
        at = {column: time.time() - 31 * 86_400}
        connection.execute(update(table).where(table.c.id == row_id).values(at))  # type: ignore


def _exported(store: Store, home: Path, owner: str) -> dict[str, bytes]:
    target = io.BytesIO()
    Owned(store, home).export(owner, target)
    with zipfile.ZipFile(target) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != "about.json"} | {
            "about.json": re.sub(rb'"made_at": \d+,', b"", archive.read("about.json"))
        }
