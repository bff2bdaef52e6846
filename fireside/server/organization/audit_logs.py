"""`/v1/organization/audit_logs`: what admins did, the latest first.  Nothing here can change it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from fireside.server.listing import Page
from fireside.server.openapi import Listed, documented
from fireside.server.organization.shapes import shown_deed, shown_page
from fireside.storage import Store


@dataclass(frozen=True, slots=True)
class Which:
    """OpenAI's filters, spelled as its SDKs send them."""

    event_types: Annotated[list[str] | None, Query(alias="event_types[]", max_length=100)] = None
    actor_ids: Annotated[list[str] | None, Query(alias="actor_ids[]", max_length=100)] = None
    project_ids: Annotated[list[str] | None, Query(alias="project_ids[]", max_length=100)] = None
    resource_ids: Annotated[list[str] | None, Query(alias="resource_ids[]", max_length=100)] = None
    gt: Annotated[int | None, Query(alias="effective_at[gt]", ge=0, le=2**40)] = None
    gte: Annotated[int | None, Query(alias="effective_at[gte]", ge=0, le=2**40)] = None
    lt: Annotated[int | None, Query(alias="effective_at[lt]", ge=0, le=2**40)] = None
    lte: Annotated[int | None, Query(alias="effective_at[lte]", ge=0, le=2**40)] = None

    @property
    def since(self) -> float | None:
        """Deeds are kept to the microsecond and shown to the second: `gt` is the next second."""
        return max((at for at in (self.gte, _next(self.gt)) if at is not None), default=None)

    @property
    def before(self) -> float | None:
        return min((at for at in (self.lt, _next(self.lte)) if at is not None), default=None)


def _next(second: int | None) -> int | None:
    return None if second is None else second + 1


def routes(store: Store) -> APIRouter:
    router = APIRouter()

    @router.get("/audit_logs")
    @documented(response=Listed("admin.organization:AuditLogListResponse"))
    async def list_audit_logs(
        page: Annotated[Page, Depends()], which: Annotated[Which, Depends()]
    ) -> dict[str, Any]:
        listed = await asyncio.to_thread(
            store.audit.listed,
            types=which.event_types or (),
            actor_ids=which.actor_ids or (),
            project_ids=which.project_ids or (),
            resource_ids=which.resource_ids or (),
            since=which.since,
            until=which.before,
            **page.between,
        )
        return shown_page(listed, shown_deed)

    return router
