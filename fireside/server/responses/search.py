"""`file_search`: the passages that an answer may lean on, found before it begins.

The question is the last thing that a person said.  The best passages, at most half the window,
stand numbered in front of it; where the answer says `[2]`, that is a citation of the second, and
where it says nothing, nothing is cited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from fireside.errors import Unsupported
from fireside.messages import Message
from fireside.server.responses.items import Item, within
from fireside.server.responses.messages import text_of
from fireside.server.responses.tools import FileSearchTool

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

MARK: Final = re.compile(r"\[(\d{1,2})\]")
FOREWORD: Final = (
    "Passages from the files, numbered. Where you use one, write its number in square brackets.\n"
)


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

    def citations(self, text: str, start: int) -> Iterator[tuple[int, Item]]:
        """Of the marks that end after `start`: where each ends, and its annotation."""
        for found in MARK.finditer(text, start):
            number = int(found.group(1))
            if 1 <= number <= len(self.passages):
                passage = self.passages[number - 1]
                yield (
                    found.end(),
                    {
                        "type": "file_citation",
                        "index": found.start(),
                        "file_id": passage.file_id,
                        "filename": passage.filename,
                    },
                )


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


def with_passages(messages: Sequence[Message], searched: Searched | None) -> Sequence[Message]:
    """The passages in front of the question, in the question's own message: many templates take
    no system message there."""
    if searched is None or not searched.passages:
        return messages
    lines = [
        f"[{number}] {passage.filename}: {passage.text}"
        for number, passage in enumerate(searched.passages, 1)
    ]
    question = messages[-1]
    content = FOREWORD + "\n".join(lines) + f"\n\n{question.content}"
    return [*messages[:-1], replace(question, content=content)]
