"""A question to the facts that bear on it.

It refuses to choose how many are shown and from which score on: its callers do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fireside.assistant.memory.index import Found, Index, available
from fireside.assistant.memory.records import Memory
from fireside.knowledge.embedders import Embeds

PIECE: Final = 400
"""Letters of a long question that are looked up at once: its beginning and its end count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """found: best first.  searched: how many facts there were to look through.

    words_only: why no embeddings were used, if none were.
    pending: facts that were looked at by their words alone, for they have no vector yet.
    """

    found: list[Found]
    searched: int
    words_only: str | None = None
    pending: int = 0


def recollect(
    index: Index,
    load: Callable[[], Embeds] | None,
    question: str,
    seen: Callable[[Memory], bool],
) -> Recollection:
    """Every fact that is `seen`, with its score.  The embedding model is loaded only if there is
    a fact."""
    searched = index.search(pieces(question), lambda: available(load), seen)
    return Recollection(
        found=searched.found,
        searched=searched.number,
        words_only=searched.words_only,
        pending=searched.pending,
    )


def pieces(question: str) -> list[str]:
    """What of a question is looked up: all of a short one, both ends of a long one."""
    question = question.strip()
    if len(question) <= PIECE:
        return [question] if question else []
    return [question[:PIECE], question[-PIECE:]]
