"""`/v1/organization/projects` and their service accounts: whose rows a key sees."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Depends, Query, Request

from fireside.errors import NotFound
from fireside.server.body import Wire, read
from fireside.server.listing import Page
from fireside.server.openapi import Listed, documented
from fireside.server.organization.shapes import (
    Name,
    Seconds,
    actor_of,
    deleted,
    seconds,
    shown_page,
    shown_project,
    shown_service_account,
)
from fireside.server.parameters import Obligation, Table
from fireside.storage import Store

PROJECT = "admin.organization:Project"
ACCOUNT = "admin.organization.projects:ProjectServiceAccount"


class CreateProjectRequest(Wire):
    table: ClassVar[Table] = Table(
        dict.fromkeys(
            ("external_key_id", "geography", "residency"),
            Obligation(why="the data is on your own disk"),
        )
    )

    name: Name


class UpdateProjectRequest(CreateProjectRequest):
    pass


class CreateServiceAccountRequest(Wire):
    name: Name
    create_service_account_only: bool = False
    expires_in_seconds: Seconds | None = None


def routes(store: Store) -> APIRouter:
    router = APIRouter()
    people = store.people

    @router.get("/projects")
    @documented(response=Listed(PROJECT))
    async def list_projects(
        page: Annotated[Page, Depends()], include_archived: Annotated[bool, Query()] = False
    ) -> dict[str, Any]:
        await asyncio.to_thread(people.default_project)
        listed = await asyncio.to_thread(people.projects, archived=include_archived, **page.between)
        return shown_page(listed, shown_project)

    @router.post("/projects")
    @documented(request=CreateProjectRequest, response=PROJECT)
    async def create_project(request: Request) -> dict[str, Any]:
        call = await read(request, CreateProjectRequest)
        made = await asyncio.to_thread(people.add_project, call.name, by=actor_of(request))
        return shown_project(made)

    @router.get("/projects/{project_id}")
    @documented(response=PROJECT)
    async def retrieve_project(project_id: str) -> dict[str, Any]:
        return shown_project(await asyncio.to_thread(people.project, project_id))

    @router.post("/projects/{project_id}")
    @documented(request=UpdateProjectRequest, response=PROJECT)
    async def update_project(request: Request, project_id: str) -> dict[str, Any]:
        call = await read(request, UpdateProjectRequest)
        by = actor_of(request)
        return shown_project(
            await asyncio.to_thread(people.rename_project, project_id, call.name, by=by)
        )

    @router.post("/projects/{project_id}/archive")
    @documented(response=PROJECT)
    async def archive_project(request: Request, project_id: str) -> dict[str, Any]:
        by = actor_of(request)
        return shown_project(await asyncio.to_thread(people.archive_project, project_id, by=by))

    _service_accounts(router, store)
    return router


def _service_accounts(router: APIRouter, store: Store) -> None:
    base = "/projects/{project_id}/service_accounts"
    people = store.people

    @router.get(base)
    @documented(response=Listed(ACCOUNT))
    async def list_accounts(project_id: str, page: Annotated[Page, Depends()]) -> dict[str, Any]:
        await asyncio.to_thread(people.project, project_id)
        listed = await asyncio.to_thread(
            people.users, service_accounts_of=project_id, **page.between
        )
        return shown_page(listed, shown_service_account)

    @router.post(base)
    @documented(
        request=CreateServiceAccountRequest,
        response="admin.organization.projects:ServiceAccountCreateResponse",
    )
    async def create_account(request: Request, project_id: str) -> dict[str, Any]:
        """A user that is a program, with its first key, whose value is shown this once."""
        call = await read(request, CreateServiceAccountRequest)
        by = actor_of(request)
        made = await asyncio.to_thread(
            people.add_user, call.name, by=by, service_account_of=project_id
        )
        shown = shown_service_account(made) | {"api_key": None}
        if call.create_service_account_only:
            return shown | {"role": "none"}
        life = call.expires_in_seconds
        key, secret = await asyncio.to_thread(
            store.keys.add, call.name, by=by, user_id=made.id, project_id=project_id,
            expires_at=None if life is None else time.time() + life,
        )  # fmt: skip
        return shown | {
            "api_key": {
                "object": "organization.project.service_account.api_key",
                "id": key.id,
                "name": key.name,
                "created_at": int(key.created_at),
                "expires_at": seconds(key.expires_at),
                "value": secret,
            }
        }

    def found(project_id: str, account_id: str) -> dict[str, Any]:
        account = people.user(account_id)
        if account.project_id != project_id:
            raise NotFound(f"There is no user {account_id[:100]!r}.")
        return shown_service_account(account)

    @router.get(base + "/{account_id}")
    @documented(response=ACCOUNT)
    async def retrieve_account(project_id: str, account_id: str) -> dict[str, Any]:
        return await asyncio.to_thread(found, project_id, account_id)

    @router.delete(base + "/{account_id}")
    @documented(response="admin.organization.projects:ServiceAccountDeleteResponse")
    async def delete_account(request: Request, project_id: str, account_id: str) -> dict[str, Any]:
        await asyncio.to_thread(found, project_id, account_id)
        await asyncio.to_thread(people.remove_user, account_id, by=actor_of(request))
        return deleted(account_id, "organization.project.service_account")
