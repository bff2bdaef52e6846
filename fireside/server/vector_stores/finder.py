"""`file_search` of `/v1/responses`: the same search, with filters and ranking as they were sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fireside.knowledge.collections import Collections
from fireside.knowledge.passage import Passage
from fireside.server.vector_stores.wire import filter_of, ranking_of


class Finder:
    def __init__(self, collections: Collections) -> None:
        self.collections = collections

    def search(
        self,
        owner: str,
        vector_store_ids: Sequence[str],
        query: str,
        filters: Mapping[str, Any] | None,
        limit: int,
        ranking: Mapping[str, Any] | None,
    ) -> Sequence[Passage]:
        """Raises NotFound and BadRequest as `Collections.search`, and for what cannot be read."""
        return self.collections.search(
            owner, vector_store_ids, query, filter_of(filters), limit, ranking_of(ranking)
        )
