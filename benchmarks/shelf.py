"""XQuAD as a shelf: paragraphs in a vector store, questions about them, and two figures.

Not a program: `reading.py` and `uncertainty.py` use it.
"""

from __future__ import annotations

import bisect
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fireside.engine.models import Models
from fireside.knowledge.collection_rows import Attached
from fireside.knowledge.collections import Collections
from fireside.knowledge.embedders import Embedders
from fireside.knowledge.ingest import Ingest
from fireside.knowledge.passage import Passage, Ranking
from fireside.settings import load_settings
from fireside.storage import Store
from fireside.storage.files import Files

RANKINGS = {
    "both": Ranking(),
    "vectors": Ranking(ranker="none"),
    "words": Ranking(embedding_weight=0.0, text_weight=1.0),
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question, its answer, and where that stands."""

    question: str
    answer: str
    paragraph: int
    article: int


@dataclass(frozen=True, kw_only=True)
class Book:
    paragraphs: Sequence[str]
    articles: Sequence[int]  # of each paragraph
    asked: Sequence[Asked]

    @classmethod
    def read(cls, path: Path) -> Book:
        paragraphs, articles, asked = list[str](), list[int](), list[Asked]()
        for article, part in enumerate(json.loads(path.read_text(encoding="utf-8"))["data"]):
            for paragraph in part["paragraphs"]:
                for each in paragraph["qas"]:
                    one = Asked(
                        question=each["question"],
                        answer=each["answers"][0]["text"],
                        paragraph=len(paragraphs),
                        article=article,
                    )
                    asked.append(one)
                paragraphs.append(paragraph["context"])
                articles.append(article)
        return cls(paragraphs=paragraphs, articles=articles, asked=asked)

    def some(self, most: int) -> list[Asked]:
        """The same questions at every call, from all articles."""
        drawn = random.Random(0).sample(range(len(self.asked)), min(most, len(self.asked)))
        return [self.asked[i] for i in sorted(drawn)]


class Shelf:
    """The paragraphs in a vector store."""

    def __init__(self, collections: Collections, store_id: str, models: Models) -> None:
        self._collections, self.store_id, self.models = collections, store_id, models

    def search(self, question: str, limit: int, ranking: Ranking = RANKINGS["both"]) -> list[Found]:
        found = self._collections.search(
            "", [self.store_id], question, limit=limit, ranking=ranking
        )
        return [Found(int(each.filename.removesuffix(".txt")), each) for each in found]


@dataclass(frozen=True)
class Found:
    paragraph: int
    passage: Passage


@contextmanager
def shelved(book: Book, models: Models) -> Iterator[Shelf]:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder, "db")) as store:
        files = Files(Path(folder, "files"), store.objects)
        embedders = Embedders(load_settings().embedding_model, models.embedder)
        collections = Collections(store, files, embedders)
        attached = []
        for number, text in enumerate(book.paragraphs):
            path = files.temporary()
            path.write_text(text, encoding="utf-8")
            attached.append(Attached(file_id=files.add("", f"{number}.txt", "assistants", path).id))
        made = collections.create("", files=attached)
        ingest = Ingest(store, files, embedders)
        while ingest.step():
            pass
        yield Shelf(collections, made.id, models)


def share(hits: int, of: int) -> str:
    part = hits / of
    return f"{part:.3f} ± {(part * (1 - part) / of) ** 0.5:.3f}"


def auroc(higher: Sequence[float], lower: Sequence[float]) -> float:
    """How often one of the first is above one of the second (ties count half)."""
    order = sorted(lower)
    won = sum(
        (bisect.bisect_left(order, each) + bisect.bisect_right(order, each)) / 2 for each in higher
    )
    return won / (len(higher) * len(lower))
