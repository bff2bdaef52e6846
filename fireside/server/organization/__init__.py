"""`/v1/organization`: users, projects, keys and the audit log, in OpenAI's shapes, for admins.

Where OpenAI has people invited or keys made on its web site, `POST` on the list does it here.  It
refuses what a server of one team does not have: invitations, certificates, spending, residency.
"""

from __future__ import annotations

from fastapi import APIRouter

from fireside.server.organization import audit_logs, keys, projects, users
from fireside.storage import Store


def routes(store: Store) -> APIRouter:
    router = APIRouter(prefix="/v1/organization", tags=["organization"])
    for module in (users, projects, keys, audit_logs):
        router.include_router(module.routes(store))
    return router
