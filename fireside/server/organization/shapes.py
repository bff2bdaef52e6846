"""Users, projects, keys and deeds as OpenAI shows them, and what a request may say of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from fastapi import Request
from pydantic import Field

from fireside.server.body import Wire
from fireside.server.caller import caller_of
from fireside.server.listing import envelope_of
from fireside.server.scopes import ScopeName
from fireside.storage.paging import Listed
from fireside.storage.persons import Actor, Deed, Holder, Key, Limits, Project, Role, User

T = TypeVar("T")
Json = dict[str, Any]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Seconds = Annotated[int, Field(ge=1, le=365 * 86_400)]
OpenAIRole = Literal["owner", "reader"]

ROLES: dict[OpenAIRole, Role] = {"owner": "admin", "reader": "member"}


class LimitsWire(Wire):
    """Ours: what a key may do and use; None is without end."""

    is_exact: ClassVar[bool] = True

    scopes: list[ScopeName] | None = None
    requests_per_minute: Annotated[int, Field(ge=1, le=10**6)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1, le=10**9)] | None = None
    tokens_total: Annotated[int, Field(ge=1, le=10**12)] | None = None

    @property
    def limits(self) -> Limits:
        return Limits(
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            tokens_total=self.tokens_total,
        )


def actor_of(request: Request) -> Actor:
    caller = caller_of(request)
    return Actor(key_id=caller.key_id, user_id=caller.user_id)


def shown_page(listed: Listed[T], show: Callable[[T], Json]) -> Json:
    return envelope_of([show(item) for item in listed.items], listed.more)


def deleted(row_id: str, kind: str) -> Json:
    return {"object": f"{kind}.deleted", "id": row_id, "deleted": True}


def shown_user(user: User) -> Json:
    return {
        "object": "organization.user",
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": "owner" if user.role == "admin" else "reader",
        "added_at": int(user.created_at),
    }


def shown_service_account(user: User) -> Json:
    return {
        "object": "organization.project.service_account",
        "id": user.id,
        "name": user.name,
        "role": "owner" if user.role == "admin" else "member",
        "created_at": int(user.created_at),
    }


def shown_project(project: Project) -> Json:
    return {
        "object": "organization.project",
        "id": project.id,
        "name": project.name,
        "created_at": int(project.created_at),
        "archived_at": seconds(project.archived_at),
        "status": "active" if project.archived_at is None else "archived",
    }


def shown_key(holder: Holder) -> Json:
    key, user = holder.key, holder.user
    owner: Json = {
        "id": user.id,
        "name": user.name,
        "created_at": int(user.created_at),
        "role": "owner" if user.role == "admin" else "member",
    }
    if user.kind == "user":
        owner["email"] = user.email or ""
    return _any_key(key, "organization.project.api_key") | {
        "owner": {"type": user.kind, user.kind: owner},
        "owner_project_access": "active",
        "scopes": None if key.scopes is None else list(key.scopes),
        "requests_per_minute": key.limits.requests_per_minute,
        "tokens_per_minute": key.limits.tokens_per_minute,
        "tokens_total": key.limits.tokens_total,
        "tokens_used": key.tokens_used,
    }


def shown_admin_key(holder: Holder) -> Json:
    user = holder.user
    return _any_key(holder.key, "organization.admin_api_key") | {
        "owner": {
            "type": "user",
            "object": "organization.user",
            "id": user.id,
            "name": user.name,
            "created_at": int(user.created_at),
            "role": "owner",
        },
    }


def _any_key(key: Key, kind: str) -> Json:
    return {
        "object": kind,
        "id": key.id,
        "name": key.name,
        "redacted_value": key.redacted,
        "created_at": int(key.created_at),
        "expires_at": seconds(key.expires_at),
        "last_used_at": seconds(key.last_used_at),
    }


def shown_deed(deed: Deed) -> Json:
    """Of a person at the machine itself there is neither key nor address: a bare session."""
    key_id, user_id = deed.actor.get("key_id"), deed.actor.get("user_id")
    user = {"id": user_id}
    actor: Json = (
        {"type": "session", "session": {"user": user if user_id else None, "ip_address": None}}
        if key_id is None
        else {"type": "api_key", "api_key": {"id": key_id, "type": "user", "user": user}}
    )
    shown: Json = {
        "id": deed.id,
        "type": deed.type,
        "effective_at": int(deed.at),
        "actor": actor,
        deed.type: dict(deed.details),
    }
    return shown if deed.project_id is None else shown | {"project": {"id": deed.project_id}}


def seconds(at: float | None) -> int | None:
    return None if at is None else int(at)
