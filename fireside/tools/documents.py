"""`search_documents`: the owner's vector stores that the persona or the conversation names.

What it finds is other people's text: data, never orders.  It refuses to search stores that the
context does not name, whoever owns them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fireside.errors import BadRequest
from fireside.tools.outcome import Outcome
from fireside.tools.tool import Tool, ToolContext, tool

if TYPE_CHECKING:
    from fireside.knowledge.collections import Collections

PASSAGES: Final = 4
LONGEST: Final = 2000  # letters of a query


def document_tools(collections: Collections | None) -> list[Tool]:
    """collections: None where no documents can be kept."""

    @tool(seconds=20.0)
    def search_documents(context: ToolContext, query: str) -> Outcome:
        """Search the person's documents."""
        if not query.strip() or len(query) > LONGEST:
            raise BadRequest(f"query: 1 to {LONGEST} letters.", param="query")
        if collections is None or not context.documents:
            return Outcome(text="There are no documents to search.", data=[])
        found = collections.search(context.owner, list(context.documents), query, limit=PASSAGES)
        if not found:
            return Outcome(text="The documents have nothing on that.", data=[])
        blocks = [
            f"[{number}] {each.filename}{_page(each.page)}\n{each.text.strip()}"
            for number, each in enumerate(found, 1)
        ]
        data = [
            {"file_id": each.file_id, "filename": each.filename, "page": each.page,
             "score": round(each.score, 4)}
            for each in found
        ]  # fmt: skip
        return Outcome(text="\n\n".join(blocks), data=data, untrusted=True)

    return [search_documents]


def _page(page: int | None) -> str:
    return "" if page is None else f", page {page}"
