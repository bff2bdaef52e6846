"""The owner's facts in memory, for search: each one's vector and words.

Brought up to date before every search by the rows' versions, so two processes over one database
see the same facts, and only what changed is read again.  score = 0.7 cosine + 0.3 of BM25's share
of the question's words; the words alone without an
embedding model, or for a question that it cannot read.  Ten thousand facts are 15 MB
and a few milliseconds.  It refuses to know who may see what: one index is one owner's.
"""

from __future__ import annotations

import base64
import math
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np
import numpy.typing as npt

from fireside.assistant.memory.records import KIND, Memory, memory_of
from fireside.errors import Conflict, FiresideError
from fireside.knowledge.collections import unread
from fireside.knowledge.embedders import Embeds
from fireside.knowledge.words import wanted, words
from fireside.storage.objects import New, Objects

VECTOR: Final = "memory_vector"
EMBEDDED_AT_ONCE: Final = 128
"""Facts without a vector that one search embeds, some 5 ms each: the rest waits for the next."""
MOST_FACTS: Final = 200_000
"""Of all owners' indexes together; the least recently used gives way."""
COSINE, WORDS = 0.7, 0.3
K1, B = 1.2, 0.75

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A fact that bears on a question.  cosine: None without a vector."""

    memory: Memory
    score: float
    cosine: float | None
    words: float


@dataclass(slots=True)
class _Fact:
    memory: Memory
    version: int
    spelt: tuple[str, ...]
    words: Counter[str]
    vector: Floats | None = None


class Index:
    """One owner's."""

    def __init__(self, objects: Objects, owner: str) -> None:
        self._objects = objects
        self._owner = owner
        self._facts: dict[str, _Fact] = {}
        self._matrix: tuple[list[_Fact], Floats | None] | None = None
        self._model: str | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._facts)

    def facts(self) -> list[Memory]:
        """All, the oldest first."""
        with self._lock:
            self._refresh()
            found = [fact.memory for fact in self._facts.values()]
        return sorted(found, key=lambda memory: memory.id)

    def same(self, text: str) -> list[Memory]:
        """The facts that say it in the same words, whatever their case and their marks."""
        spelt = _spelt(text)
        with self._lock:
            self._refresh()
            return [fact.memory for fact in self._facts.values() if fact.spelt == spelt]

    def search(
        self, questions: Sequence[str], embedder: Embeds | None, seen: Callable[[Memory], bool]
    ) -> list[Found]:
        """Every fact that is `seen`, with its score for the best of the questions; best first."""
        with self._lock:
            self._refresh()
            facts, matrix = self._embedded(embedder)
        picked = [i for i, fact in enumerate(facts) if seen(fact.memory)]
        if not picked or not questions:
            return []
        facts = [facts[i] for i in picked]
        rows = None if matrix is None else matrix[picked]
        best: list[Found] = []
        for asked in questions:
            found = _scored(facts, rows, asked, embedder)
            if not best:
                best = found
            else:
                best = [max(a, b, key=_score) for a, b in zip(best, found, strict=True)]
        return sorted(best, key=lambda each: (-each.score, each.memory.id))

    def _refresh(self) -> None:
        versions = self._objects.versions(KIND, owner=self._owner)
        gone = self._facts.keys() - versions.keys()
        for each in gone:
            del self._facts[each]
        stale = [
            each
            for each, version in versions.items()
            if each not in self._facts or self._facts[each].version != version
        ]
        for row in self._objects.chosen(KIND, stale, owner=self._owner):
            memory, old = memory_of(row), self._facts.get(row.id)
            spelt = _spelt(memory.text)
            fact = _Fact(memory, row.version, spelt, Counter(spelt))
            if old is not None and old.memory.text == memory.text:
                fact.vector = old.vector
            self._facts[row.id] = fact
        if gone or stale:
            self._matrix = None

    def _embedded(self, embedder: Embeds | None) -> tuple[list[_Fact], Floats | None]:
        """The facts, and their vectors as rows; those without one have a row of zeros."""
        if embedder is None:
            return list(self._facts.values()), None
        if self._model != embedder.name:
            self._model, self._matrix = embedder.name, None
            for fact in self._facts.values():
                fact.vector = None
        bare = [fact for fact in self._facts.values() if fact.vector is None]
        if bare:
            self._vectors(bare, embedder)
            self._matrix = None
        if self._matrix is None:
            facts = list(self._facts.values())
            nothing = np.zeros(embedder.width, np.float32)
            rows = [nothing if fact.vector is None else fact.vector for fact in facts]
            self._matrix = facts, np.stack(rows) if rows else nothing.reshape(0, -1)[:0]
        return self._matrix

    def _vectors(self, bare: Sequence[_Fact], embedder: Embeds) -> None:
        kept = self._objects.bodies(VECTOR, [_row_id(f.memory, embedder.name) for f in bare])
        for fact in bare:
            body = kept.get(_row_id(fact.memory, embedder.name))
            if body is not None:
                fact.vector = np.frombuffer(base64.b64decode(body["f2"]), "<f2").astype(np.float32)
        new = [fact for fact in bare if fact.vector is None][:EMBEDDED_AT_ONCE]
        if not new:
            return
        for fact, vector in zip(new, vectors([f.memory.text for f in new], embedder), strict=True):
            fact.vector = vector
            half = base64.b64encode(vector.astype("<f2").tobytes()).decode()
            row = New(id=_row_id(fact.memory, embedder.name), body={"f2": half})
            try:
                self._objects.add_all(VECTOR, [row], owner=self._owner, parent_id=fact.memory.id)
            except Conflict:
                continue  # another process was faster, with the same numbers


class Indexes:
    """Of all owners.  Thread-safe."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kept: OrderedDict[str, Index] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, owner: str) -> Index:
        with self._lock:
            index = self._kept.pop(owner, None) or Index(self._objects, owner)
            self._kept[owner] = index
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > MOST_FACTS:
                self._kept.popitem(last=False)
        return index


def vectors(texts: Sequence[str], embedder: Embeds) -> list[Floats]:
    """Of length 1.  A text that is longer than the model's window is read up to there: facts are
    a sentence, and of a question it is `pieces` that cut."""
    tokens = [ids[: embedder.window] for ids in embedder.tokens(texts)]
    found, _ = embedder.embed(tokens)
    return list(found.float().numpy())


def available(get: Callable[[], Embeds] | None) -> tuple[Embeds | None, str | None]:
    """The embedding model, or the line that says why there is none."""
    if get is None:
        return None, "no embedding model is set"
    try:
        return get(), None
    except FiresideError as error:
        return None, error.message


def _spelt(text: str) -> tuple[str, ...]:
    return tuple(words(text)) or (text,)


def _row_id(memory: Memory, model: str) -> str:
    """Another text or another model is another row; all go with the memory."""
    print_ = sha256(f"{model}\0{memory.text}".encode()).hexdigest()[:16]
    return f"{memory.id}/{print_}"


def _score(found: Found) -> float:
    return found.score


def _scored(
    facts: Sequence[_Fact], rows: Floats | None, asked: str, embedder: Embeds | None
) -> list[Found]:
    texts = _bm25(facts, wanted(asked))
    if rows is None or embedder is None or unread(embedder, asked):
        return [
            Found(memory=fact.memory, score=text, cosine=None, words=text)
            for fact, text in zip(facts, texts, strict=True)
        ]
    cosines = (rows @ vectors([asked], embedder)[0]).clip(0, 1).tolist()
    return [
        _found(fact, cosine, text) for fact, cosine, text in zip(facts, cosines, texts, strict=True)
    ]


def _found(fact: _Fact, cosine: float, text: float) -> Found:
    if fact.vector is None:
        return Found(memory=fact.memory, score=text, cosine=None, words=text)
    score = COSINE * cosine + WORDS * text
    return Found(memory=fact.memory, score=score, cosine=cosine, words=text)


def _bm25(facts: Sequence[_Fact], asked: Sequence[str]) -> list[float]:
    """The share of the question's weight that each fact covers, 0 to 1, as `knowledge.lexical`."""
    number = len(facts)
    holding = {word: sum(word in fact.words for fact in facts) for word in asked}
    rarity = {w: math.log(1 + (number - n + 0.5) / (n + 0.5)) for w, n in holding.items()}
    most = sum(rarity.values()) * (K1 + 1)
    if not most or not any(holding.values()):
        return [0.0] * number
    mean = sum(fact.words.total() for fact in facts) / number or 1.0
    scores = []
    for fact in facts:
        norm = K1 * (1 - B + B * fact.words.total() / mean)
        held = sum(
            rarity[word] * fact.words[word] * (K1 + 1) / (fact.words[word] + norm)
            for word in asked
            if word in fact.words
        )
        scores.append(held / most)
    return scores
