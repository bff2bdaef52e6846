"""Retrieval on real questions with the real model: XQuAD's first articles, with a floor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fireside.engine.embedding import Embedder, load_embedder
from fireside.hub import LocalModel
from fireside.knowledge.collection_rows import Attached
from fireside.knowledge.collections import Collections
from fireside.knowledge.embedders import Embedders
from fireside.knowledge.ingest import Ingest
from fireside.knowledge.passage import Ranking
from fireside.knowledge.queries import unread
from fireside.settings import load_settings
from fireside.storage import Store
from fireside.storage.files import Files

PARAGRAPHS = 25


@pytest.fixture(scope="module")
def embedder(minilm_path: Path) -> Iterator[Embedder]:
    made = load_embedder(LocalModel(name="m", path=minilm_path, format="hf"), load_settings())
    yield made
    made.close()


def test_recall(embedder: Embedder, shared_data: Path, tmp_path: Path) -> None:
    articles = json.loads((shared_data / "xquad_en.json").read_text())["data"]
    paragraphs = [each for article in articles for each in article["paragraphs"]][:PARAGRAPHS]
    with Store.open(tmp_path / "fireside.db") as store:
        files = Files(tmp_path / "files", store.objects)
        embedders = Embedders("minilm:l6", lambda _: embedder)
        collections = Collections(store, files, embedders)
        attached = []
        for number, paragraph in enumerate(paragraphs):
            path = files.temporary()
            path.write_text(paragraph["context"])
            file = files.add("", f"{number}.txt", "assistants", path)
            attached.append(Attached(file_id=file.id))
        vs = collections.create("", files=attached).id
        ingest = Ingest(store, files, embedders)
        while ingest.step():
            pass
        assert collections.counts(vs).completed == PARAGRAPHS
        asked = [
            (question["question"], f"{number}.txt")
            for number, paragraph in enumerate(paragraphs)
            for question in paragraph["qas"][:2]
        ]
        recall = {}
        for ranking in (Ranking(), Ranking(ranker="none")):
            hits = 0
            for question, name in asked:
                found = collections.search("", [vs], question, limit=1, ranking=ranking)
                hits += found[0].filename == name
            recall[ranking.ranker] = hits / len(asked)
    assert recall["auto"] >= 0.94
    assert recall["none"] >= 0.84
    assert recall["auto"] >= recall["none"]


def test_words_alone_where_the_model_cannot_read_the_question(
    embedder: Embedder, tmp_path: Path
) -> None:
    """minilm:l6 knows English only: its vector of a Chinese question is noise."""
    assert not unread(embedder, "Who repairs the kettle?")
    assert not unread(embedder, "")
    assert not unread(embedder, "Was sagt Müller über den Wasserkocher in Raum 黑?")
    assert unread(embedder, "黑豹队的防守丢了多少分？")
    with Store.open(tmp_path / "fireside.db") as store:
        files = Files(tmp_path / "files", store.objects)
        embedders = Embedders("minilm:l6", lambda _: embedder)
        collections = Collections(store, files, embedders)
        attached = []
        for text in ("黑豹队的防守只丢了308分。", "茶壶在厨房里。"):
            path = files.temporary()
            path.write_text(text, encoding="utf-8")
            attached.append(Attached(file_id=files.add("", "a.txt", "assistants", path).id))
        vs = collections.create("", files=attached).id
        ingest = Ingest(store, files, embedders)
        while ingest.step():
            pass
        found = collections.search("", [vs], "黑豹队的防守丢了多少分？")
        assert found[0].text.startswith("黑豹")
        assert all(each.score**2 == pytest.approx(each.scores["text"]) for each in found)
        assert found[0].scores["embedding"] == 0
