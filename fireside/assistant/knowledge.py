"""Documents that a persona answers from: collections -> the passages for one question.

Collections are the API's vector stores, by id or by name.  A passage whose score is below the
threshold is not shown, and where none is left the persona says so, or answers without; the receipt
has it either way.  Passages that do not fit half the window are left out and counted.  It refuses
to judge answers (`citations.py`) and to write prompts (`sources.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from pydantic import Field

from fireside.assistant.ability.size import is_small
from fireside.assistant.exchange import Source
from fireside.errors import BadRequest, NotFound
from fireside.sections import PersonaSection

if TYPE_CHECKING:
    from fireside.engine.text import TextModel
    from fireside.knowledge.passage import Passage
    from fireside.storage.objects import Listed, Stored

LONGEST_QUERY: Final = 2000
"""Characters of a question that are looked for at either end; in between stands what is to be
worked on, and a search for all of it finds nothing in particular."""
NOTHING: Final[Mapping[str, str]] = {
    "en": "I found nothing about this in the documents.",
    "de": "Dazu habe ich in den Dokumenten nichts gefunden.",
    "es": "No he encontrado nada sobre esto en los documentos.",
    "fr": "Je n'ai rien trouvé à ce sujet dans les documents.",
    "it": "Non ho trovato nulla su questo nei documenti.",
    "pt": "Não encontrei nada sobre isto nos documentos.",
    "ja": "これについては、文書に何も見つかりませんでした。",
    "zh": "我在文档中没有找到相关内容。",
}
NO_DOCUMENTS: Final[Mapping[str, str]] = {
    "en": "There is no document yet. Attach a file: by the clip beside the question, by "
    '/attach FILE in the terminal, or by `fireside run reader FILE "QUESTION"`.',
    "zh": "还没有文档。请先添加文件：点击输入框旁的回形针，在终端用 /attach FILE，"
    '或运行 `fireside run reader FILE "问题"`。',
}


class KnowledgeConfig(PersonaSection):
    """`[knowledge]` of a persona.

    collections: vector stores, by id or name; without any there is nothing to look in.
    optional: a collection that is not there is passed over, and the receipt names it.
    passages: at most so many are shown.
    threshold: the least score of a passage that is shown, 0 to 1; docs/knowledge.md has what each
        value lets through.
    cite: the model is asked to write a passage's number where it uses one.
    answer: `model` lets the model answer from the passages; `extract` shows the sentence of theirs
        that answers, or says that none does; `auto` extracts for small models (`is_small`).
    grounded: a sentence of the model's whose numbers, names, dates or negations do not stand in the
        passages is not shown; the passages' own stands in its place.
    verify: each citation is checked once the answer is over.
    attribute: a sentence without a true citation is offered the passage that it depends on.
    when_nothing: `say` that nothing was found, or `answer` without passages.
    nothing_text: what is said then; empty: a sentence in the persona's language.
    """

    collections: list[str] = Field(default_factory=list)
    optional: bool = False
    passages: int = Field(5, ge=1, le=20)
    threshold: float = Field(0.3, ge=0, le=1)
    cite: bool = True
    answer: Literal["auto", "extract", "model"] = "model"
    grounded: bool = False
    verify: bool = True
    attribute: bool = True
    when_nothing: Literal["say", "answer"] = "say"
    nothing_text: str = ""

    def extracts(self, model: TextModel) -> bool:
        """Whether the passages' own sentence is the answer."""
        if self.answer == "auto":
            return is_small(model)
        return self.answer == "extract"

    def nothing(self, language: str) -> str:
        return self.nothing_text or NOTHING.get(language.partition("-")[0].lower(), NOTHING["en"])


OF_FILES: Final = KnowledgeConfig(answer="auto", grounded=True, passages=3, threshold=0.2)
"""For the files that a conversation was given, where the persona has no documents of its own."""


class Collections(Protocol):
    """`fireside.knowledge.collections.Collections`."""

    def get(self, owner: str, store_id: str) -> Stored: ...
    def of_conversation(self, owner: str, conversation_id: str) -> str | None: ...
    def listed(self, owner: str, **page: Any) -> Listed: ...
    def search(
        self, owner: str, store_ids: Sequence[str], query: Sequence[str], *, limit: int
    ) -> list[Passage]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """sources: what the model is shown.  best: the highest score of all.  below: passages under
    the threshold.  unfitting: passages that the window had no room for.  cut: characters in the
    middle of the question that were not looked for.  earlier: the question before was needed.
    missing: collections that are not there.  config: what was looked for with."""

    config: KnowledgeConfig
    sources: Sequence[Source]
    best: float | None
    below: int = 0
    unfitting: int = 0
    cut: int = 0
    earlier: bool = False
    said_so: bool = False
    missing: Sequence[str] = ()

    def as_receipt(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "found": len(self.sources),
            "best": None if self.best is None else round(self.best, 4),
            "threshold": self.config.threshold,
            "below_threshold": self.below,
            "sources": [shown(source) for source in self.sources],
        }
        if self.unfitting:
            told["dropped"] = {"passages": self.unfitting, "reason": "half the window is full"}
        if self.cut:
            told["not_searched_for"] = {"characters": self.cut, "reason": "a long question"}
        if self.earlier:
            told["searched_with"] = "the question before it"
        if self.missing:
            told["missing_collections"] = list(self.missing)
        if not self.sources:
            told["nothing_found"] = "said" if self.said_so else "answered without"
        return told


class Knowledge:
    """collections: None where no documents can be kept."""

    def __init__(self, collections: Collections | None) -> None:
        self._collections = collections

    def find(
        self,
        owner: str,
        config: KnowledgeConfig,
        question: str,
        *,
        model: TextModel,
        earlier: str = "",
        first: int = 1,
        own: str | None = None,
    ) -> Found:
        """
        own: the store of the files that the conversation was given.
        earlier: the question before, looked for together with this one where this one alone finds
            nothing: "and when did she die?"

        Raises:
            NotFound: a collection that is not the owner's, and not optional.
            BadRequest: a collection has expired, or two have the name.
        """
        if self._collections is None and config.optional:
            return Found(config=config, sources=(), best=None, missing=config.collections)
        collections = self._here()
        stores, missing = self._resolved(owner, config)
        stores += [own] if own is not None else []
        queries, cut = ends(question)
        if not queries or not stores:
            return Found(config=config, sources=(), best=None, missing=missing)
        found = collections.search(owner, stores, queries, limit=config.passages)
        again = False
        if earlier.strip() and not _above(found, config.threshold):
            both = [f"{ends(earlier)[0][0]}\n{query}" for query in queries]
            wider = collections.search(owner, stores, both, limit=config.passages)
            if again := bool(_above(wider, config.threshold)):
                found = wider
        good = _above(found, config.threshold)
        sources, unfitting = numbered(good, model, first=first)
        return Found(
            config=config,
            sources=sources,
            best=max((each.score for each in found), default=None),
            below=len(found) - len(good),
            unfitting=unfitting,
            cut=cut,
            earlier=again,
            missing=missing,
        )

    def of_conversation(self, owner: str, conversation_id: str | None) -> str | None:
        """The store of the files that a conversation was given, if there are any."""
        if self._collections is None or conversation_id is None:
            return None
        return self._collections.of_conversation(owner, conversation_id)

    def _resolved(self, owner: str, config: KnowledgeConfig) -> tuple[list[str], list[str]]:
        """The ids of a persona's collections, and the names of optional ones that are not there."""
        stores, missing = list[str](), list[str]()
        for name in config.collections:
            try:
                stores.append(self.resolve(owner, name))
            except NotFound:
                if not config.optional:
                    raise
                missing.append(name)
        return stores, missing

    def resolve(self, owner: str, name: str) -> str:
        """The id of a collection, from its id or its name."""
        collections = self._here()
        if name.startswith("vs_"):
            return collections.get(owner, name).id
        ids = [store.id for store in _all(collections, owner) if store.body["name"] == name]
        if not ids:
            raise NotFound(
                f"There is no collection {name[:100]!r}: make a vector store of this name, or name "
                "one by its id.",
                param="persona",
            )
        if len(ids) > 1:
            raise BadRequest(
                f"{len(ids)} collections are called {name[:100]!r}: name one by its id, e.g. "
                f"{ids[0]!r}.",
                param="persona",
            )
        return ids[0]

    def _here(self) -> Collections:
        if self._collections is None:
            raise BadRequest("This server keeps no documents, and the persona needs some.",
                             param="persona")  # fmt: skip
        return self._collections


def numbered(
    passages: Sequence[Passage], model: TextModel, *, first: int = 1
) -> tuple[list[Source], int]:
    """The best passages that half the window holds, numbered; and how many it does not hold."""
    left, sources = model.context // 2, list[Source]()
    for passage in passages:
        left -= len(model.tokenizer.encode(passage.text))
        if left < 0:
            break
        sources.append(
            Source(
                number=first + len(sources),
                text=passage.text,
                file_id=passage.file_id,
                filename=passage.filename,
                score=passage.score,
                page=passage.page,
                section=" › ".join(passage.section) or None,
                attributes=passage.attributes,
            )
        )
    return sources, len(passages) - len(sources)


def ends(question: str) -> tuple[list[str], int]:
    """What to look for of a question: all of it, or both ends of a long one; and how many
    characters are not looked for."""
    if len(question) <= 2 * LONGEST_QUERY:
        return ([question] if question.strip() else []), 0
    parts = [question[:LONGEST_QUERY], question[-LONGEST_QUERY:]]
    return [part for part in parts if part.strip()], len(question) - 2 * LONGEST_QUERY


def shown(source: Source) -> dict[str, Any]:
    """A source for a receipt: document, page, section, exact text."""
    return {
        "number": source.number,
        "file_id": source.file_id,
        "filename": source.filename,
        "page": source.page,
        "section": source.section,
        "score": round(source.score, 4),
        "text": source.text,
    }


def _above(found: Sequence[Passage], threshold: float) -> list[Passage]:
    return [passage for passage in found if passage.score >= threshold]


def _all(collections: Collections, owner: str) -> Iterator[Stored]:
    after = None
    while True:
        page = collections.listed(owner, limit=100, after=after)
        yield from page.items
        if not page.more:
            return
        after = page.items[-1].id
