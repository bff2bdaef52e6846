"""Reading: does the search find the passage, does the answer match, does the citation hold?

    python benchmarks/reading.py retrieval --data ../shared/data/xquad_en.json
    python benchmarks/reading.py retrieval --data ../shared/data/xquad_zh.json
    python benchmarks/reading.py nothing   --data ../shared/data/xquad_en.json
    python benchmarks/reading.py answers   --data ../shared/data/xquad_en.json --questions 300
    python benchmarks/reading.py citations --data ../shared/data/xquad_en.json --questions 150

Every part puts all paragraphs, each as a file, into one vector store of a database of its own and
asks it as `file_search` does.  `retrieval`: how often the right paragraph is among the passages
found.  `nothing`: how well a passage's score tells questions that the store can answer from those
that it cannot: the question's own paragraph is taken out of what was found (near), or its whole
article (far).  `answers`: exact match and F1, as SQuAD has them, of the model's answers.
`citations`: answers that are right, cited rightly and wrongly, and what verification makes of both.
Each figure stands with its standard error over the questions.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fireside.engine.models import Models
from fireside.knowledge.collections import Attached, Collections
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

    def __init__(self, collections: Collections, store_id: str) -> None:
        self._collections, self.store_id = collections, store_id

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
        yield Shelf(collections, made.id)


def retrieval(book: Book, shelf: Shelf, asked: Sequence[Asked]) -> None:
    for name, ranking in RANKINGS.items():
        at = {1: 0, 5: 0}
        began = time.perf_counter()
        for one in asked:
            found = [each.paragraph for each in shelf.search(one.question, 5, ranking)]
            for most in at:
                at[most] += one.paragraph in found[:most]
        each = (time.perf_counter() - began) / len(asked)
        shares = "  ".join(f"recall@{k} {share(n, len(asked))}" for k, n in at.items())
        print(f"{name:8} {shares}  {each * 1000:.0f} ms a question", flush=True)


def nothing(book: Book, shelf: Shelf, asked: Sequence[Asked]) -> None:
    """Best scores where the answer is there, where only its article is, and where nothing is."""
    rows: dict[str, dict[str, list[float]]] = {}
    for one in asked:
        found = shelf.search(one.question, 40)
        near = [each for each in found if each.paragraph != one.paragraph]
        far = [each for each in near if book.articles[each.paragraph] != one.article]
        for kind, left in (("there", found), ("near", near), ("far", far)):
            for signal in ("score", "embedding", "text"):
                values = [
                    each.passage.score if signal == "score" else each.passage.scores[signal]
                    for each in left
                ]
                rows.setdefault(signal, {}).setdefault(kind, []).append(max(values, default=0.0))
    for signal, kinds in rows.items():
        told = (f"{kind} {auroc(kinds['there'], kinds[kind]):.3f}" for kind in ("near", "far"))
        print(f"{signal:10} AUROC {'  '.join(told)}")
    print("threshold: share of answerable questions kept, of near and far ones refused")
    scores = rows["score"]
    for step in range(30, 75, 5):
        line = step / 100
        kept = sum(each >= line for each in scores["there"])
        shut = [sum(each < line for each in scores[kind]) for kind in ("near", "far")]
        n = len(asked)
        refused = f"near {share(shut[0], n)}  far {share(shut[1], n)}"
        print(f"  {line:.2f}  kept {share(kept, n)}  {refused}")


def share(hits: int, of: int) -> str:
    part = hits / of
    return f"{part:.3f} ± {(part * (1 - part) / of) ** 0.5:.3f}"


def auroc(higher: Sequence[float], lower: Sequence[float]) -> float:
    """How often one of the first is above one of the second (ties count half)."""
    import bisect

    order = sorted(lower)
    won = sum(
        (bisect.bisect_left(order, each) + bisect.bisect_right(order, each)) / 2 for each in higher
    )
    return won / (len(higher) * len(lower))


PARTS = {"retrieval": retrieval, "nothing": nothing}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", type=Path, required=True, help="XQuAD or SQuAD, as JSON")
    parser.add_argument("--questions", type=int, default=10**9, help="at most so many")
    args = parser.parse_args()
    book = Book.read(args.data)
    models = Models(load_settings())
    try:
        with shelved(book, models) as shelf:
            PARTS[args.part](book, shelf, book.some(args.questions))
    finally:
        models.close()


if __name__ == "__main__":
    main()
