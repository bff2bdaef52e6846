"""`file_search`: the passages that an answer may lean on, found before it begins.

The question is the last thing that a person said.  The best passages, at most half the window,
stand numbered in front of it; where the answer says `[2]`, that is a citation of the second, and
where it says nothing, nothing is cited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from fireside.assistant.exchange import Source
from fireside.assistant.items import text_of
from fireside.errors import Unsupported
from fireside.server.responses.items import Item, within
from fireside.server.responses.tools import FileSearchTool

if TYPE_CHECKING:
    from fireside.engine.text import TextModel


class Passage(Protocol):
    """As `fireside.knowledge` finds it."""

    @property
    def file_id(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...


class Finder(Protocol):
    """`fireside.knowledge`'s search over an owner's vector stores."""

    def search(
        self,
        owner: str,
        vector_store_ids: Sequence[str],
        query: str,
        filters: Mapping[str, Any] | None,
        limit: int,
        ranking: Mapping[str, Any] | None,
    ) -> Sequence[Passage]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """passages: those that the model is shown, the best first."""

    queries: list[str]
    passages: Sequence[Passage]

    @property
    def results(self) -> list[Item]:
        return [
            {
                "file_id": each.file_id,
                "filename": each.filename,
                "score": each.score,
                "text": each.text,
                "attributes": dict(each.attributes),
            }
            for each in self.passages
        ]

    @property
    def sources(self) -> list[Source]:
        """As the assistant shows them to the model."""
        return [
            Source(
                number=number,
                text=each.text,
                file_id=each.file_id,
                filename=each.filename,
                score=each.score,
                attributes=each.attributes,
            )
            for number, each in enumerate(self.passages, 1)
        ]


class Search:
    """finder: None where no documents can be kept."""

    def __init__(self, finder: Finder | None) -> None:
        self._finder = finder

    def run(
        self, tool: FileSearchTool, items: Sequence[Item], owner: str, model: TextModel
    ) -> Searched | None:
        """None where nobody asked anything: the last item is no person's message.

        Raises:
            NotFound: one of the stores is not the owner's.
            Unsupported: this server keeps no documents.
        """
        if self._finder is None:
            raise Unsupported("The tool 'file_search' is not supported by this server.",
                              param="tools")  # fmt: skip
        last = items[-1] if items else {}
        if last.get("role") != "user":
            return None
        query = text_of(last["content"])
        with within("tools"):
            found = self._finder.search(
                owner,
                tool.vector_store_ids,
                query,
                tool.filters,
                tool.max_num_results,
                tool.ranking_options.model_dump(exclude_none=True),
            )
        left, shown = model.context // 2, []
        for passage in found:
            left -= len(model.tokenizer.encode(passage.text))
            if left < 0:
                break
            shown.append(passage)
        return Searched(queries=[query], passages=shown)
