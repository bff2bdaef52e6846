"""Files of one conversation: read with it, found in it alone, gone with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fireside.errors import BadRequest, NotFound
from fireside.knowledge import attachments as module
from fireside.knowledge.attachments import Attachment, Attachments
from fireside.knowledge.collections import Collections
from fireside.knowledge.embedders import Embedders
from fireside.knowledge.ingest import Ingest
from fireside.storage import Store
from fireside.storage.files import Files
from tests.server.fakes import FakeEmbedder


class Desk:
    def __init__(self, folder: Path, store: Store) -> None:
        self.store = store
        self.files = Files(folder / "files", store.objects)
        embedder = FakeEmbedder()
        embedders = Embedders(embedder.name, lambda _: embedder)
        self.collections = Collections(store, self.files, embedders)
        self.attachments = Attachments(store, self.files, self.collections)
        self.ingest = Ingest(store, self.files, embedders)

    def give(self, conversation_id: str, name: str, text: str, owner: str = "") -> Attachment:
        path = self.files.temporary()
        path.write_text(text)
        made = self.attachments.add(owner, conversation_id, name, path)
        assert made.status == "in_progress"
        return self.attachments.read(owner, conversation_id, made.file_id, self.ingest.step)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Store.open(tmp_path / "fireside.db") as store:
        yield Desk(tmp_path, store)


def test_a_file_is_read_and_found_in_its_conversation(desk: Desk) -> None:
    here, there = (desk.store.create_conversation().id for _ in range(2))
    made = desk.give(here, "tea.txt", "Tea stands in the kitchen.")
    assert (made.filename, made.status, made.problem) == ("tea.txt", "completed", None)
    assert desk.attachments.files_of("", here) == [made]
    assert desk.attachments.files_of("", there) == []
    store_id = desk.collections.of_conversation("", here)
    assert store_id is not None
    found = desk.collections.search("", [store_id], "Where is the tea?")
    assert [each.filename for each in found] == ["tea.txt"]
    assert desk.collections.of_conversation("", there) is None
    assert desk.collections.of_conversation("somebody else", here) is None


def test_what_cannot_be_read_says_why(desk: Desk) -> None:
    made = desk.give(desk.store.create_conversation().id, "tea.pdf", "no PDF")
    assert made.status == "failed"
    assert made.problem


def test_a_file_is_taken_out(desk: Desk) -> None:
    here = desk.store.create_conversation().id
    first, second = (desk.give(here, f"{n}.txt", f"Text {n}.") for n in (1, 2))
    desk.attachments.remove("", here, first.file_id)
    assert desk.attachments.files_of("", here) == [second]
    with pytest.raises(NotFound):
        desk.files.get(first.file_id, "")
    with pytest.raises(NotFound):
        desk.attachments.remove("", here, first.file_id)
    with pytest.raises(NotFound):
        desk.attachments.remove("", desk.store.create_conversation().id, second.file_id)


def test_they_go_with_the_conversation(desk: Desk) -> None:
    here = desk.store.create_conversation().id
    made = desk.give(here, "tea.txt", "Tea stands in the kitchen.")
    desk.store.delete(here)
    assert desk.store.objects.count("file", owner="") == 0
    assert desk.store.objects.count("vector_store", owner="") == 0
    assert desk.store.objects.count("vector_store_file", owner="") == 0
    assert not list(desk.store.erasure.passages(""))
    with pytest.raises(NotFound):
        desk.files.get(made.file_id, "")


def test_there_is_a_most(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    here = desk.store.create_conversation().id
    desk.give(here, "1.txt", "One.")
    with pytest.raises(BadRequest, match="has 1 files"):
        desk.give(here, "2.txt", "Two.")
