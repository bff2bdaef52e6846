"""The owner's facts in memory, for search: each one's vector and words.

Brought up to date before every search by the rows' versions, so two processes over one database
see the same facts, and only what changed is read again.  score = 0.7 cosine + 0.3 of BM25's share
of the question's words; the words alone without an embedding model, and for a question or a fact
that it cannot read.  Ten thousand facts are 15 MB and a few milliseconds.  It refuses to know who
may see what: one index is one owner's.
"""

from __future__ import annotations

import base64
import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np

from fireside.assistant.memory.records import KIND, Memory, memory_of
from fireside.assistant.memory.table import Bools, Floats, Scores, Table
from fireside.errors import Conflict, FiresideError
from fireside.knowledge.embedders import Embeds
from fireside.knowledge.queries import unread
from fireside.knowledge.words import wanted, words
from fireside.storage.objects import New, Objects

VECTOR: Final = "memory_vector"
EMBEDDED_AT_ONCE: Final = 128
"""Facts without a vector that one search embeds, some 5 ms each: the rest waits for the next."""
MOST_FACTS: Final = 200_000
"""Of all owners' indexes together; the least recently used gives way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A fact that bears on a question.  cosine: None without a vector."""

    memory: Memory
    score: float
    cosine: float | None
    words: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """found: best first.  number: of facts that were looked through.
    words_only: why no embeddings were used, if none were.
    pending: facts that have no vector yet, and were looked at by their words."""

    found: list[Found]
    number: int
    words_only: str | None
    pending: int = 0


@dataclass(slots=True)
class _Fact:
    memory: Memory
    version: int
    spelt: tuple[str, ...]
    vector: Floats | None = None


class Index:
    """One owner's."""

    def __init__(self, objects: Objects, owner: str) -> None:
        self._objects = objects
        self._owner = owner
        self._facts: dict[str, _Fact] = {}
        self._table: tuple[list[_Fact], Table] | None = None
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
        self,
        questions: Sequence[str],
        load: Callable[[], tuple[Embeds | None, str | None]],
        seen: Callable[[Memory], bool],
    ) -> Searched:
        """Every fact that is `seen`, with its score for the best of the questions; best first.

        load: the embedding model, or why there is none; asked only if there is a fact.
        """
        with self._lock:
            self._refresh()
            memories = [fact.memory for fact in self._facts.values()]
            if not any(map(seen, memories)):
                return Searched(found=[], number=0, words_only=None)
            embedder, why = load()
            facts, table = self._arrays(embedder)
            memories = [fact.memory for fact in facts]
        mask = np.fromiter(map(seen, memories), np.bool_, len(memories))
        best: Scores | None = None
        for asked in questions:
            vector = None
            if embedder is not None and not unread(embedder, asked):
                vector = vectors([asked], embedder)[0]
            scores = table.scores(wanted(asked), vector, mask)
            best = scores if best is None else _better(best, scores)
        found = [] if best is None else _ranked(memories, best, mask)
        bare = 0 if embedder is None else sum(f.vector is None for f in facts)
        return Searched(found=found, number=int(mask.sum()), words_only=why, pending=bare)

    def _refresh(self) -> None:
        versions = self._objects.versions(KIND, owner=self._owner)
        for each in self._facts.keys() - versions.keys():
            del self._facts[each]
            self._table = None
        stale = [
            each
            for each, version in versions.items()
            if each not in self._facts or self._facts[each].version != version
        ]
        for row in self._objects.chosen(KIND, stale, owner=self._owner):
            memory, old = memory_of(row), self._facts.get(row.id)
            if old is not None and old.memory.text == memory.text:
                old.memory, old.version = memory, row.version  # used, or of another status
            else:
                self._facts[row.id] = _Fact(memory, row.version, _spelt(memory.text))
                self._table = None

    def _arrays(self, embedder: Embeds | None) -> tuple[list[_Fact], Table]:
        model = None if embedder is None else embedder.name
        if self._model != model:
            self._model, self._table = model, None
            for fact in self._facts.values():
                fact.vector = None
        bare = [fact for fact in self._facts.values() if fact.vector is None]
        if bare and embedder is not None:
            self._vectors(bare, embedder)
            self._table = None
        if self._table is None:
            facts = list(self._facts.values())
            width = 1 if embedder is None else embedder.width
            table = Table([f.spelt for f in facts], [f.vector for f in facts], width)
            self._table = facts, table
        return self._table

    def _vectors(self, bare: Sequence[_Fact], embedder: Embeds) -> None:
        kept = self._objects.bodies(VECTOR, [row_id(f.memory, embedder.name) for f in bare])
        for fact in bare:
            body = kept.get(row_id(fact.memory, embedder.name))
            if body is not None:
                fact.vector = np.frombuffer(base64.b64decode(body["f2"]), "<f2").astype(np.float32)
        new = [fact for fact in bare if fact.vector is None][:EMBEDDED_AT_ONCE]
        if not new:
            return
        made = vectors([fact.memory.text for fact in new], embedder)
        made = [
            vector * (not unread(embedder, fact.memory.text))
            for fact, vector in zip(new, made, strict=True)
        ]
        for parent, fact, vector in zip((f.memory.id for f in new), new, made, strict=True):
            fact.vector = vector
            half = base64.b64encode(vector.astype("<f2").tobytes()).decode()
            row = New(id=row_id(fact.memory, embedder.name), body={"f2": half})
            # Another process that was faster has the same numbers.
            with contextlib.suppress(Conflict):
                self._objects.add_all(VECTOR, [row], owner=self._owner, parent_id=parent)


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


def row_id(memory: Memory, model: str) -> str:
    """Another text or another model is another row; all go with the memory."""
    print_ = sha256(f"{model}\0{memory.text}".encode()).hexdigest()[:16]
    return f"{memory.id}/{print_}"


def _better(one: Scores, other: Scores) -> Scores:
    """Of each fact, what it scores for the question that it bears on more."""
    first = one.score >= other.score
    return Scores(
        score=np.where(first, one.score, other.score),
        cosine=np.where(first, one.cosine, other.cosine),
        words=np.where(first, one.words, other.words),
    )


def _ranked(memories: Sequence[Memory], scores: Scores, mask: Bools) -> list[Found]:
    places = np.flatnonzero(mask)
    order = sorted(places.tolist(), key=lambda i: (-scores.score[i], memories[i].id))
    return [
        Found(
            memory=memories[i],
            score=float(scores.score[i]),
            cosine=None if np.isnan(scores.cosine[i]) else float(scores.cosine[i]),
            words=float(scores.words[i]),
        )
        for i in order
    ]
