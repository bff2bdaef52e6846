"""Questions to passages: every vector's cosine and BM25 over the words, blended.

score = weighted mean of the cosine (below 0 is 0) and BM25's share, so it means the same in a store
of one passage and of many, and a threshold can be set; reciprocal ranks, which other systems blend,
give the best of a bad lot full marks.  It refuses to look into a store that its caller has not
checked: ids come from `Collections`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fireside.errors import BadRequest
from fireside.knowledge.filters import Filter
from fireside.knowledge.lexical import bm25
from fireside.knowledge.passage import Passage, Ranking
from fireside.knowledge.vectors import Floats, Memory, Vectors
from fireside.knowledge.words import wanted
from fireside.storage import Store


@dataclass(frozen=True, slots=True)
class _Hit:
    score: float
    serial: int
    cosine: float
    text: float


class Search:
    def __init__(self, store: Store, width: int) -> None:
        self._store = store
        self._memory = Memory(store.passages, width)

    def search(
        self,
        stores: Sequence[str],
        queries: Sequence[str],
        asked: Floats,
        *,
        accepts: Filter | None = None,
        limit: int = 10,
        ranking: Ranking = Ranking(),  # noqa: B008  # frozen
    ) -> list[Passage]:
        """The best passages, best first; of several queries, each passage's best score counts.

        asked: the queries' vectors, a row of length 1 each; a row of zeros where the embedding
            model cannot read the query.  Then its words alone count, and the score is the root of
            BM25's: that stands to a threshold as the blended score does (docs/knowledge.md).
        """
        _check(ranking)
        hits = [
            hit for store in stores for hit in self._hits(store, queries, asked, accepts, ranking)
        ]
        # Equal scores stand in the order in which the passages came to be: one answer, always.
        hits.sort(key=lambda hit: (-hit.score, hit.serial))
        return list(self._shown(hits[:limit]))

    def _hits(
        self,
        store: str,
        queries: Sequence[str],
        asked: Floats,
        accepts: Filter | None,
        ranking: Ranking,
    ) -> Iterator[_Hit]:
        vectors = self._memory.of(store)
        if not len(vectors.serials):
            return
        cosines = np.stack([vectors.cosines(query) for query in asked]).clip(0, 1)  # Q P
        texts = np.zeros_like(cosines)
        if ranking.ranker == "none":
            scores = cosines
        else:
            for row, query in zip(texts, queries, strict=True):
                self._weigh(row, store, query, vectors)
            share = _share(ranking)
            scores = share * cosines + (1 - share) * texts
            if ranking.text_weight:
                unread = ~asked.any(1)
                scores[unread] = np.sqrt(texts[unread])
        best = scores.argmax(0)
        every = np.arange(len(vectors.serials))
        scores, cosines, texts = (each[best, every] for each in (scores, cosines, texts))
        good = scores >= ranking.score_threshold
        if accepts is not None:
            attributes = self._attributes(vectors.files)
            taken = np.array([accepts.accepts(attributes[file]) for file in vectors.files])
            good &= taken[vectors.file_of]
        places = np.flatnonzero(good)
        for place in places[np.argsort(-scores[places], kind="stable")[:100]]:
            yield _Hit(
                float(scores[place]),
                int(vectors.serials[place]),
                float(cosines[place]),
                float(texts[place]),
            )

    def _weigh(self, row: Floats, store: str, query: str, vectors: Vectors) -> None:
        mean = float(vectors.lengths.mean())
        found = bm25(self._store.passages, store, wanted(query), len(vectors.serials), mean)
        if found:
            serials = np.fromiter(found, np.int64, len(found))
            places = np.searchsorted(vectors.serials, serials)
            places = places.clip(0, len(vectors.serials) - 1)
            there = vectors.serials[places] == serials  # others came in since it was read
            row[places[there]] = np.fromiter(found.values(), np.float32, len(found))[there]

    def _attributes(self, files: Sequence[str]) -> Mapping[str, Mapping[str, str | float | bool]]:
        found = self._store.objects.bodies("vector_store_file", files)
        return {file: found.get(file, {}).get("attributes") or {} for file in files}

    def _shown(self, hits: Sequence[_Hit]) -> Iterator[Passage]:
        there = self._store.passages.get([hit.serial for hit in hits])
        files = {passage.file for passage in there.values()}
        bodies = self._store.objects.bodies("vector_store_file", sorted(files))
        for hit in hits:
            passage = there.get(hit.serial)
            body = bodies.get(passage.file) if passage is not None else None
            if passage is None or body is None:
                continue  # removed a moment ago
            yield Passage(
                file_id=body["file_id"],
                filename=body["filename"],
                store_id=passage.file.partition("/")[0],
                text=passage.text.strip(),
                score=hit.score,
                page=passage.page,
                section=tuple(passage.section),
                attributes=body.get("attributes") or {},
                scores={"embedding": hit.cosine, "text": hit.text},
            )


def _share(ranking: Ranking) -> float:
    """How much of a score is the cosine."""
    return ranking.embedding_weight / (ranking.embedding_weight + ranking.text_weight)


def _check(ranking: Ranking) -> None:
    weights = (ranking.embedding_weight, ranking.text_weight)
    if min(weights) < 0 or max(weights) <= 0:
        raise BadRequest(
            "The weights of the search must not be negative, and one must be above 0.",
            param="ranking_options",
        )
