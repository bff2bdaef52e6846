"""A question as an embedding model can read it: cut into parts, or not at all.

It refuses to search (`collections.py`), and questions of more than `MOST_PARTS` windows.
"""

from __future__ import annotations

from typing import Final

from fireside.errors import BadRequest
from fireside.knowledge.chunks import Strategy, spans
from fireside.knowledge.embedders import Embeds

MOST_PARTS: Final = 16  # of a long query
MOST_UNKNOWN: Final = 0.2


def unread(embedder: Embeds, query: str) -> bool:
    """The model's vocabulary lacks so much of it that its vector would say nothing.

    Of XQuAD's questions, minilm:l6 lacks no word of any in English, and a quarter to all of the
    tokens of each in Chinese.
    """
    ids = embedder.tokens([query])[0]
    return bool(ids) and ids.count(embedder.unknown_id) > MOST_UNKNOWN * len(ids)  # type: ignore[arg-type]


def parts_of(query: str, embedder: Embeds) -> list[str]:
    """A query as it is, or, if it is longer than the model reads, parts of it to look for."""
    tokens = embedder.tokens([query], param="query")[0]
    if len(tokens) <= embedder.window:
        return [query]
    if len(tokens) > MOST_PARTS * embedder.window:
        raise BadRequest(
            f"query has {len(tokens)} tokens; {MOST_PARTS * embedder.window} are read: "
            "ask a shorter question.",
            param="query",
        )
    whole = Strategy(max_chunk_size_tokens=embedder.window, chunk_overlap_tokens=0)
    found = spans(query, whole, lambda texts: [len(ids) for ids in embedder.tokens(texts)])
    return [query[begin:end] for begin, end in found if query[begin:end].strip()]
