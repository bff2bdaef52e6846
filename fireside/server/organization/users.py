"""`/v1/organization/users`: who may have keys, and who of them may make keys for others."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from fireside.server.body import Wire, read
from fireside.server.listing import Page
from fireside.server.openapi import Listed, documented
from fireside.server.organization.shapes import (
    ROLES,
    Name,
    OpenAIRole,
    actor_of,
    deleted,
    shown_page,
    shown_user,
)
from fireside.server.parameters import Obligation, Table
from fireside.storage import Store

USER = "admin.organization:OrganizationUser"


class CreateUserRequest(Wire):
    name: Name
    email: (
        Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")] | None
    ) = None
    role: OpenAIRole = "reader"


class UpdateUserRequest(Wire):
    table: ClassVar[Table] = Table(
        dict.fromkeys(
            ("role_id", "technical_level", "developer_persona"),
            Obligation(why="roles are owner and reader"),
        )
    )

    role: OpenAIRole


def routes(store: Store) -> APIRouter:
    router = APIRouter()
    people = store.people

    @router.get("/users")
    @documented(response=Listed(USER))
    async def list_users(page: Annotated[Page, Depends()]) -> dict[str, Any]:
        return shown_page(await asyncio.to_thread(people.users, **page.between), shown_user)

    @router.post("/users")
    @documented(request=CreateUserRequest, response=USER)
    async def create_user(request: Request) -> dict[str, Any]:
        """OpenAI has none: it invites by mail."""
        call = await read(request, CreateUserRequest)
        made = await asyncio.to_thread(
            people.add_user, call.name, email=call.email, role=ROLES[call.role],
            by=actor_of(request),
        )  # fmt: skip
        return shown_user(made)

    @router.get("/users/{user_id}")
    @documented(response=USER)
    async def retrieve_user(user_id: str) -> dict[str, Any]:
        return shown_user(await asyncio.to_thread(people.user, user_id))

    @router.post("/users/{user_id}")
    @documented(request=UpdateUserRequest, response=USER)
    async def update_user(request: Request, user_id: str) -> dict[str, Any]:
        call = await read(request, UpdateUserRequest)
        by = actor_of(request)
        changed = await asyncio.to_thread(people.set_role, user_id, ROLES[call.role], by=by)
        return shown_user(changed)

    @router.delete("/users/{user_id}")
    @documented(response="admin.organization:UserDeleteResponse")
    async def delete_user(request: Request, user_id: str) -> dict[str, Any]:
        gone = await asyncio.to_thread(people.remove_user, user_id, by=actor_of(request))
        return deleted(gone.id, "organization.user")

    return router
