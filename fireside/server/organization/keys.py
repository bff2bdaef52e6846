"""`/v1/organization/admin_api_keys` and `/projects/{id}/api_keys`.

An admin key reaches /v1/organization alone, and only while its user is an admin.  The value of a
key is in the answer that makes it and in no other.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from fastapi import APIRouter, Depends, Query, Request

from fireside.errors import BadRequest
from fireside.server.body import Wire, read
from fireside.server.caller import caller_of
from fireside.server.listing import Page
from fireside.server.openapi import Listed, documented
from fireside.server.organization.shapes import (
    LimitsWire,
    Name,
    Seconds,
    actor_of,
    deleted,
    shown_admin_key,
    shown_key,
    shown_page,
)
from fireside.storage import Store
from fireside.storage.paging import Listed as Rows
from fireside.storage.persons import Holder, KeyKind

ADMIN_KEY = "admin.organization:AdminAPIKey"
KEY = "admin.organization.projects:ProjectAPIKey"


@dataclass(frozen=True, slots=True)
class OldestFirst(Page):
    order: Annotated[Literal["asc", "desc"], Query()] = "asc"


class CreateAdminKeyRequest(Wire):
    is_exact: ClassVar[bool] = True

    name: Name
    expires_in_seconds: Seconds | None = None


class CreateKeyRequest(LimitsWire):
    """user_id: whose key it is; without it the caller's own."""

    name: Name
    user_id: str | None = None
    expires_in_seconds: Seconds | None = None


def routes(store: Store) -> APIRouter:
    router = APIRouter()
    _admin_keys(router, store)
    _project_keys(router, store)
    return router


def _admin_keys(router: APIRouter, store: Store) -> None:
    @router.get("/admin_api_keys")
    @documented(response=Listed(ADMIN_KEY))
    async def list_admin_keys(page: Annotated[OldestFirst, Depends()]) -> dict[str, Any]:
        listed = await asyncio.to_thread(_holders, store, "admin", None, page)
        return shown_page(listed, shown_admin_key)

    @router.post("/admin_api_keys")
    @documented(
        request=CreateAdminKeyRequest, response="admin.organization:AdminAPIKeyCreateResponse"
    )
    async def create_admin_key(request: Request) -> dict[str, Any]:
        call = await read(request, CreateAdminKeyRequest)
        key, secret = await asyncio.to_thread(
            store.keys.add, call.name, by=actor_of(request), user_id=_own_user(request),
            kind="admin", scopes=["admin"], expires_at=_ends(call.expires_in_seconds),
        )  # fmt: skip
        holder = await asyncio.to_thread(store.keys.holder_of, key.id)
        return shown_admin_key(holder) | {"value": secret}

    @router.get("/admin_api_keys/{key_id}")
    @documented(response=ADMIN_KEY)
    async def retrieve_admin_key(key_id: str) -> dict[str, Any]:
        return shown_admin_key(await asyncio.to_thread(_holder, store, key_id, "admin", None))

    @router.delete("/admin_api_keys/{key_id}")
    @documented(response="admin.organization:AdminAPIKeyDeleteResponse")
    async def delete_admin_key(request: Request, key_id: str) -> dict[str, Any]:
        by = actor_of(request)
        gone = await asyncio.to_thread(store.keys.revoke, key_id, by=by, kind="admin")
        return deleted(gone.id, "organization.admin_api_key")


def _project_keys(router: APIRouter, store: Store) -> None:
    base = "/projects/{project_id}/api_keys"

    @router.get(base)
    @documented(response=Listed(KEY))
    async def list_keys(project_id: str, page: Annotated[Page, Depends()]) -> dict[str, Any]:
        await asyncio.to_thread(store.people.project, project_id)
        listed = await asyncio.to_thread(_holders, store, "project", project_id, page)
        return shown_page(listed, shown_key)

    @router.post(base)
    @documented(request=CreateKeyRequest, response=KEY)
    async def create_key(request: Request, project_id: str) -> dict[str, Any]:
        """OpenAI has none: it makes users' keys on its web site."""
        call = await read(request, CreateKeyRequest)
        key, secret = await asyncio.to_thread(
            store.keys.add, call.name, by=actor_of(request), project_id=project_id,
            user_id=call.user_id or _own_user(request), scopes=call.scopes, limits=call.limits,
            expires_at=_ends(call.expires_in_seconds),
        )  # fmt: skip
        holder = await asyncio.to_thread(store.keys.holder_of, key.id)
        return shown_key(holder) | {"value": secret}

    @router.get(base + "/{key_id}")
    @documented(response=KEY)
    async def retrieve_key(project_id: str, key_id: str) -> dict[str, Any]:
        return shown_key(await asyncio.to_thread(_holder, store, key_id, "project", project_id))

    @router.delete(base + "/{key_id}")
    @documented(response="admin.organization.projects:APIKeyDeleteResponse")
    async def delete_key(request: Request, project_id: str, key_id: str) -> dict[str, Any]:
        gone = await asyncio.to_thread(
            store.keys.revoke, key_id, by=actor_of(request), kind="project", project_id=project_id
        )
        return deleted(gone.id, "organization.project.api_key")


def _own_user(request: Request) -> str:
    user_id = caller_of(request).user_id
    if user_id is None:
        raise BadRequest(
            "There is no key yet, so nobody owns this one: make the first with "
            "`fireside keys create`, or name a user_id.",
            param="user_id",
        )
    return user_id


def _ends(life: int | None) -> float | None:
    return None if life is None else time.time() + life


def _holder(store: Store, key_id: str, kind: KeyKind, project_id: str | None) -> Holder:
    return store.keys.holder_of(store.keys.get(key_id, kind=kind, project_id=project_id).id)


def _holders(store: Store, kind: KeyKind, project_id: str | None, page: Page) -> Rows[Holder]:
    listed = store.keys.listed(kind=kind, project_id=project_id, **page.between)
    return Rows([store.keys.holder_of(key.id) for key in listed.items], listed.more)
