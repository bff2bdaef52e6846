"""`limit`, `order`, `after`, `before`: a list as OpenAI's SDKs page through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Query

from fireside.storage.objects import Listed, Stored


@dataclass(frozen=True, slots=True)
class Page:
    """Query parameters of a list.  As a dependency: `page: Annotated[Page, Depends()]`."""

    limit: Annotated[int, Query(ge=1, le=100)] = 20
    order: Annotated[Literal["asc", "desc"], Query()] = "desc"
    after: Annotated[str | None, Query(max_length=256)] = None
    before: Annotated[str | None, Query(max_length=256)] = None

    @property
    def between(self) -> dict[str, Any]:
        """As arguments of `Objects.listed`."""
        return {
            "limit": self.limit,
            "order": self.order,
            "after": self.after,
            "before": self.before,
        }


def shown_list(listed: Listed, show: Callable[[Stored], dict[str, Any]]) -> dict[str, Any]:
    return envelope_of([show(item) for item in listed.items], listed.more)


def envelope_of(data: Sequence[dict[str, Any]], more: bool) -> dict[str, Any]:
    """OpenAI's list: `{object, data, first_id, last_id, has_more}`."""
    return {
        "object": "list",
        "data": list(data),
        "first_id": data[0].get("id") if data else None,
        "last_id": data[-1].get("id") if data else None,
        "has_more": more,
    }
