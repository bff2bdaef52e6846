"""Laws of a store: the order of its files, and files that came and went, change no answer."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fireside.errors import BadRequest, FiresideError, NotFound, Unavailable
from fireside.knowledge import child, ingest
from fireside.knowledge.chunks import Strategy
from fireside.knowledge.collection_rows import FILE, Attached
from fireside.knowledge.collections import Collections
from fireside.knowledge.documents import Block, Document
from fireside.knowledge.embedders import Embedders
from fireside.knowledge.filters import Comparison
from fireside.knowledge.ingest import Ingest
from fireside.knowledge.passage import Passage, Ranking
from fireside.knowledge.reading import read
from fireside.knowledge.turns import Turns
from fireside.knowledge.vectors import Memory
from fireside.knowledge.words import wanted, words
from fireside.server.vector_stores.shown import shown_file
from fireside.storage import Store
from fireside.storage.files import Files
from tests.server.fakes import FakeEmbedder

SMALL = Strategy(max_chunk_size_tokens=100, chunk_overlap_tokens=20)
TOPICS = ["tea", "boats", "taxes", "cats", "rain", "music", "bread", "trains"]


class House:
    """A database, a folder of files, and the room above them."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder / "fireside.db")
        self.files = Files(folder / "files", self.store.objects)
        self.embedder = FakeEmbedder()
        embedders = Embedders("fake-embedding", lambda _: self.embedder)
        self.collections = Collections(self.store, self.files, embedders)
        self.ingest = Ingest(self.store, self.files, embedders)

    def upload(self, text: str, name: str, owner: str = "") -> str:
        path = self.files.temporary()
        path.write_text(text)
        return self.files.add(owner, name, "assistants", path).id

    def filled(self, texts: Sequence[str], order: Sequence[int], owner: str = "") -> str:
        """A store with these texts as `0.txt`, ..., read in this order."""
        made = self.collections.create(owner)
        for i in order:
            file_id = self.upload(texts[i], f"{i}.txt", owner)
            one = Attached(file_id=file_id, attributes={"number": i}, strategy=SMALL)
            self.collections.attach(owner, made.id, [one])
        self.read_all()
        return made.id

    def read_all(self) -> None:
        while self.ingest.step():
            pass

    def found(self, store_id: str, query: str, owner: str = "", **how: object) -> list[Passage]:
        return self.collections.search(owner, [store_id], query, limit=50, **how)  # type: ignore[arg-type]


def read_here(path: Path, filename: str, **_: object) -> Document:
    """`reading.read` without its process: the laws below are about what comes after it, and read
    hundreds of files."""
    blocks = []
    for line in child.lines(path, Path(filename).suffix):
        assert line[0] == "block"
        _, text, page, section = line
        blocks.append(Block(text=text, page=page, section=tuple(section)))  # type: ignore[arg-type]
    return Document(blocks=blocks)


@pytest.fixture(scope="module", autouse=True)
def no_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "read", read_here)
        yield


@pytest.fixture
def own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real reading after all."""
    monkeypatch.setattr(ingest, "read", read)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.store.close()


def answers(passages: Sequence[Passage]) -> list[tuple[object, ...]]:
    """Without what may differ: ids, and the order of what is equally good."""
    return sorted((round(-p.score, 5), p.filename, p.text, p.page, p.section) for p in passages)


documents = st.lists(
    st.lists(st.sampled_from([*TOPICS, "the.", "\n\n"]), min_size=1, max_size=60)
    .map(" ".join)
    .filter(lambda text: text.strip()),
    min_size=1,
    max_size=3,
)
few = settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(documents, st.randoms(), st.sampled_from(TOPICS))
@few
def test_the_order_of_files_changes_nothing(
    house: House, texts: list[str], dice: random.Random, query: str
) -> None:
    shuffled = dice.sample(range(len(texts)), len(texts))
    one, other = (house.filled(texts, order) for order in (range(len(texts)), shuffled))
    assert answers(house.found(one, query)) == answers(house.found(other, query))


@given(documents, documents, st.sampled_from(TOPICS))
@few
def test_added_and_removed_is_never_there(
    house: House, texts: list[str], others: list[str], query: str
) -> None:
    plain = house.filled(texts, range(len(texts)))
    busy = house.filled(texts + others, range(len(texts + others)))
    house.found(busy, query)  # what is kept in memory must be forgotten too
    for row in house.collections.files("", busy, limit=50).items:
        if row.body["attributes"]["number"] >= len(texts):
            house.collections.detach("", busy, row.body["file_id"])
    assert answers(house.found(busy, query)) == answers(house.found(plain, query))
    house.collections.remove("", busy)
    assert list(house.store.passages.vectors(busy)) == []
    assert [house.store.passages.holding(busy, word, 10) for word in TOPICS] == [[]] * len(TOPICS)


@given(documents, st.sampled_from(TOPICS), st.floats(0, 1), st.integers(0, 4))
@few
def test_search_against_every_passage_by_hand(
    house: House, texts: list[str], query: str, threshold: float, most: int
) -> None:
    store_id = house.filled(texts, range(len(texts)))
    ranking = Ranking(ranker="none", score_threshold=threshold)
    which = Comparison(type="lte", key="number", value=most)
    found = house.found(store_id, query, filters=which, ranking=ranking)
    (asked,), _ = house.embedder.embed([query])
    expected = []
    for row in house.store.objects.listed(FILE, owner="", parent_id=store_id).items:
        if row.body["attributes"]["number"] <= most:
            for passage in house.store.passages.of_file(row.id):
                vector = house.embedder.embed([passage.text.strip()])[0][0]
                expected.append((passage.text.strip(), max(0.0, float(vector @ asked))))
    sure = sorted(each for each in expected if each[1] > threshold + 1e-4)
    near = sorted((p.text, p.score) for p in found if p.score > threshold + 1e-4)
    assert [text for text, _ in near] == [text for text, _ in sure]
    assert [score for _, score in near] == pytest.approx([score for _, score in sure], abs=1e-4)


def test_a_stores_scores_tell_nothing_of_others(house: House) -> None:
    """The rarity of a word is its rarity in the store, whoever else writes it."""
    texts = ["tea and cats", "boats in the rain", "music"]
    store_id = house.filled(texts, range(3))
    before = answers(house.found(store_id, "tea boats"))
    house.filled(["tea tea tea"] * 20, range(20), owner="somebody else")
    assert answers(house.found(store_id, "tea boats")) == before


def test_another_owner_finds_nothing(house: House) -> None:
    store_id = house.filled(["tea"], [0], owner="ann")
    file_id = house.collections.files("ann", store_id).items[0].body["file_id"]
    asks = [
        lambda owner, store: house.collections.get(owner, store),
        lambda owner, store: house.found(store, "tea", owner),
        lambda owner, store: house.collections.files(owner, store),
        lambda owner, store: house.collections.content(owner, store, file_id),
        lambda owner, store: house.collections.remove(owner, store),
        lambda owner, store: house.collections.attach(owner, store, [Attached(file_id=file_id)]),
    ]
    for ask in asks:
        said = []
        for store in (store_id, "vs_nothing"):
            with pytest.raises(NotFound) as caught:
                ask("bob", store)
            said.append(str(caught.value).replace(store, ""))
        assert said[0] == said[1]
    own = house.collections.create("bob").id
    with pytest.raises(NotFound):  # nor can another's file be put into one's own store
        house.collections.attach("bob", own, [Attached(file_id=file_id)])
    with pytest.raises(NotFound):
        house.collections.create("bob", files=[Attached(file_id=file_id)])
    assert len(house.found(store_id, "tea", "ann")) == 1


def test_a_passage_longer_than_the_window_is_found_by_each_part(house: House) -> None:
    long = Strategy(max_chunk_size_tokens=4000, chunk_overlap_tokens=0)
    text = " ".join(["bread"] * 100 + ["trains"] * 10 + ["bread"] * 100)
    store_id = house.collections.create("").id
    one = Attached(file_id=house.upload(text, "long.txt"), strategy=long)
    house.collections.attach("", store_id, [one])
    house.read_all()
    (passage,) = house.found(store_id, "trains", ranking=Ranking(ranker="none"))
    assert passage.text == text
    assert passage.score > 0.3  # the mean of it all would be as good as nothing


def test_headings_help_what_stands_below_them(house: House) -> None:
    text = "# Zebras\n\n" + "They are striped animals. " * 20
    store_id = house.collections.create("").id
    one = Attached(file_id=house.upload(text, "z.md"), strategy=SMALL)
    house.collections.attach("", store_id, [one])
    house.read_all()
    found = house.found(store_id, "zebras")
    assert len(found) > 3
    assert all(passage.section == ("Zebras",) and passage.scores["text"] > 0 for passage in found)


def test_the_same_file_again_is_read_anew_and_there_once(house: House) -> None:
    store_id = house.filled(["tea"], [0])
    file_id = house.collections.files("", store_id).items[0].body["file_id"]
    house.collections.attach("", store_id, [Attached(file_id=file_id)] * 2)
    house.read_all()
    assert len(house.found(store_id, "tea")) == house.collections.counts(store_id).total == 1


def test_a_file_deleted_before_it_is_read(house: House) -> None:
    store_id = house.collections.create("").id
    file_id = house.upload("tea", "t.txt")
    house.collections.attach("", store_id, [Attached(file_id=file_id)])
    house.files.remove(file_id, "")
    house.read_all()
    row = house.collections.files("", store_id).items[0]
    assert row.status == "failed"
    assert "deleted" in row.body["last_error"]["message"]
    house.collections.forget(file_id)
    assert house.collections.files("", store_id).items == []


def test_stopped_in_the_middle_is_done_again(house: House) -> None:
    store_id = house.collections.create("").id
    house.collections.attach(
        "", store_id, [Attached(file_id=house.upload("tea " * 500, "t.txt"), strategy=SMALL)]
    )
    embed, calls = house.embedder.embed, []

    def stopping(texts: Sequence[str], **how: object) -> object:
        calls.append(texts)
        house.ingest.stop()
        assert how["cancelled"]()  # type: ignore[operator]
        from fireside.errors import Interrupted

        raise Interrupted("stopped")

    house.embedder.embed = stopping  # type: ignore[assignment, method-assign]
    try:
        house.read_all()
    finally:
        house.embedder.embed = embed  # type: ignore[method-assign]
    assert len(calls) == 1
    assert house.collections.counts(store_id).in_progress == 1
    house.ingest.start()
    house.read_all()
    assert house.collections.counts(store_id).completed == 1


@pytest.mark.usefixtures("own_process")
def test_what_is_unread_is_kept_and_shown(house: House) -> None:
    store_id = house.collections.create("").id
    file_id = house.upload('a,b\n"x,1\ny,2\n', "t.csv")
    house.collections.attach("", store_id, [Attached(file_id=file_id)])
    house.read_all()
    shown = shown_file(house.collections.file("", store_id, file_id))
    assert shown["status"] == "completed"
    assert len(shown["unread"]) == 1
    assert "line 2" in shown["unread"][0]


def test_a_file_that_ends_the_server_twice_is_not_read_again(house: House, monkeypatch) -> None:
    """Else it would do so at every start.  What ends while it embeds is not the file's fault."""
    store_id = house.collections.create("").id
    file_id = house.upload("tea", "t.txt")
    house.collections.attach("", store_id, [Attached(file_id=file_id)])
    readings = []

    def ends_the_server(*_: object, **__: object) -> None:
        readings.append(1)
        raise KeyboardInterrupt

    monkeypatch.setattr("fireside.knowledge.ingest.read", ends_the_server)
    for _ in range(2):
        house.ingest.start()
        with pytest.raises(KeyboardInterrupt):
            house.ingest.step()
        assert house.collections.counts(store_id).in_progress == 1
    house.ingest.start()
    house.read_all()
    row = house.collections.file("", store_id, file_id)
    assert (row.status, len(readings)) == ("failed", 2)
    assert row.body["last_error"]["code"] == "invalid_file"
    assert "ended 2 times" in row.body["last_error"]["message"]
    house.ingest.start()
    house.read_all()
    assert len(readings) == 2
    monkeypatch.undo()
    house.collections.attach("", store_id, [Attached(file_id=file_id)])  # the user tries again
    house.read_all()
    assert house.collections.file("", store_id, file_id).status == "completed"


def test_embedding_that_is_cut_off_is_tried_again_for_ever(house: House, monkeypatch) -> None:
    store_id = house.collections.create("").id
    file_id = house.upload("tea", "t.txt")
    house.collections.attach("", store_id, [Attached(file_id=file_id)])

    def ends_the_server(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(house.embedder, "embed", ends_the_server)
        for _ in range(4):
            house.ingest.start()
            with pytest.raises(KeyboardInterrupt):
                house.ingest.step()
    house.ingest.start()
    house.read_all()
    assert house.collections.file("", store_id, file_id).status == "completed"


class Endless:
    """A file that is read for ever (a pipe that nobody fills), and a thread that reads it."""

    def __init__(self, house: House, owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store_id = house.collections.create(owner).id
        self.file_id = house.upload("tea", "t.txt", owner)
        path = house.files.path
        pipe = path(self.file_id, owner).with_name("pipe-" + self.file_id)
        os.mkfifo(pipe)

        def at(file_id: str, owner: str | None) -> Path:
            return pipe if file_id == self.file_id else path(file_id, owner)

        monkeypatch.setattr(house.files, "path", at)
        house.collections.attach(owner, self.store_id, [Attached(file_id=self.file_id)])
        self.thread = threading.Thread(target=house.ingest.step, daemon=True)
        self.thread.start()
        while not house.collections.file(owner, self.store_id, self.file_id).body.get("readings"):
            assert self.thread.is_alive()


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("gone", ["file", "attachment", "store"])
def test_deletion_ends_the_reading(house: House, gone: str, monkeypatch) -> None:
    endless = Endless(house, "ann", monkeypatch)
    if gone == "file":
        house.files.remove(endless.file_id, "ann")
        house.collections.forget(endless.file_id)
    elif gone == "attachment":
        house.collections.detach("ann", endless.store_id, endless.file_id)
    else:
        house.collections.remove("ann", endless.store_id)
    endless.thread.join(300)
    assert not endless.thread.is_alive()
    assert house.store.objects.owners(FILE, status="in_progress") == []


@pytest.mark.usefixtures("own_process")
def test_one_owners_files_do_not_hold_up_anothers(house: House, monkeypatch) -> None:
    endless = Endless(house, "ann", monkeypatch)
    for owner, number in (("ann", 5), ("bob", 3), ("eve", 1)):
        own = house.collections.create(owner).id
        names = [f"{owner}{i}.txt" for i in range(number)]
        files = [Attached(file_id=house.upload("tea", name, owner)) for name in names]
        house.collections.attach(owner, own, files)
    order = []
    for _ in range(4):
        before = house.store.objects.owners(FILE, status="queued")
        counts = {each: _queued(house, each) for each in before}
        assert house.ingest.step()
        order += [each for each in before if _queued(house, each) < counts[each]]
    assert order == ["bob", "eve", "bob", "bob"]  # ann has one in work
    assert not house.ingest.step()
    house.collections.detach("ann", endless.store_id, endless.file_id)
    endless.thread.join(300)
    house.read_all()
    assert house.store.objects.owners(FILE, status="queued") == []


def _queued(house: House, owner: str) -> int:
    return len(house.store.objects.listed(FILE, owner=owner, statuses=["queued"], limit=50).items)


def test_turns() -> None:
    turns = Turns()
    assert [turns.take(["ann", "bob"]) for _ in range(3)] == ["ann", "bob", None]
    turns.release("bob")
    turns.release("ann")
    assert turns.take(["bob", "ann", "eve"]) == "eve"  # who has had none
    assert turns.take(["bob", "ann", "eve"]) == "ann"  # whose last is longest ago


def test_a_database_that_is_held_for_a_while(house: House, monkeypatch) -> None:
    """What goes wrong here is no fault of the file: it is done later, and is there once."""
    store_id = house.collections.create("").id
    file_id = house.upload("tea " * 500, "t.txt")
    house.collections.attach("", store_id, [Attached(file_id=file_id, strategy=SMALL)])

    def locked(*_: object) -> bool:
        raise Unavailable("The database is locked.")

    with monkeypatch.context() as patched:
        patched.setattr(house.store.passages, "complete", locked)
        with pytest.raises(Unavailable):
            house.ingest.step()
    assert house.collections.counts(store_id).in_progress == 1
    assert house.found(store_id, "tea") == []  # what was kept already is not found
    house.ingest.recover()
    house.read_all()
    row = house.collections.files("", store_id).items[0]
    begins = [passage.begin for passage in house.store.passages.of_file(row.id)]
    assert len(set(begins)) == len(begins) > 1


def test_the_weights_of_both_searches(house: House) -> None:
    store_id = house.filled(["tea and cats", "boats"], range(2))
    for vector, text in ((1.0, 0.0), (0.0, 1.0), (2.0, 6.0)):
        ranking = Ranking(embedding_weight=vector, text_weight=text)
        for passage in house.found(store_id, "cats", ranking=ranking):
            parts = passage.scores
            mixed = (vector * parts["embedding"] + text * parts["text"]) / (vector + text)
            assert passage.score == pytest.approx(mixed, abs=1e-6)
    for vector, text in ((0.0, 0.0), (-1.0, 1.0)):
        with pytest.raises(BadRequest):
            house.found(
                store_id, "cats", ranking=Ranking(embedding_weight=vector, text_weight=text)
            )


def test_memory_is_bounded(house: House) -> None:
    stores = [house.filled([f"{topic} " * 50], [0]) for topic in TOPICS[:4]]
    memory = Memory(house.store.passages, FakeEmbedder.width, most_bytes=1)
    for store in stores * 2:
        vectors = memory.of(store)
        assert np.isfinite(vectors.rows).all()
        assert len(memory._kept) == 1


def test_nothing_to_find(house: House) -> None:
    empty = house.collections.create("").id
    assert house.found(empty, "tea") == []
    for query in ("", "  "):
        with pytest.raises(BadRequest):
            house.found(empty, query)
    store_id = house.filled(["tea"], [0])
    for query in ('"', "AND OR NOT", "store:x", "*", "words:(", "😀", "x" * 1000, "'; --"):
        try:
            house.found(store_id, query)
        except FiresideError as error:
            assert isinstance(error, BadRequest)  # noqa: PT017


def test_words() -> None:
    assert words("Straße CAFÉ, e-mail_2 cities horses glass") == [
        "strasse", "cafe", "e", "mail", "2", "city", "horse", "glass",
    ]  # fmt: skip
    assert words("东京塔 and 한국") == ["东京", "京塔", "and", "한국"]
    assert wanted("What is the capital of France?") == ["capital", "france"]
    assert wanted("what is this") == ["what", "is", "thi"]


@given(st.text(max_size=200))
def test_words_are_plain(text: str) -> None:
    """Nothing in them that SQLite's tokenizer or query language could take for something else."""
    for word in words(text):
        assert word
        assert all(each.isalnum() for each in word) or not word.isascii()
        assert not set(word) & set(' "*()')
