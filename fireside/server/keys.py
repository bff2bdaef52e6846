"""Who asks: every request gets its `Caller` here, or its 401, before anything of it is read.

Where no key was ever made and the server listens on loopback alone, it is one person's and open.
From the first key on it is closed, to this machine too; revoking the last key does not open it.
The page sends its key once and keeps it in a cookie that no script can read, sent to `/api` alone.

It refuses to say of a wrong key more than that it is wrong, and to write a key anywhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fireside.errors import FiresideError, NotFound
from fireside.server.budgets import Account, Budgets, QuotaSpent
from fireside.server.caller import Caller
from fireside.server.errors import refuse
from fireside.server.loopback import is_loopback
from fireside.server.metering import paying
from fireside.server.scopes import is_open, scope_of
from fireside.storage.persons import Holder

if TYPE_CHECKING:
    from fireside.storage.keyring import Keyring

COOKIE = "fireside_key"
SUBPROTOCOL = "openai-insecure-api-key."
"""How a WebSocket of a browser, which cannot set headers, names its key at OpenAI."""
LONGEST = 256
Charge = Callable[[], Awaitable[None]]


class Unauthorized(FiresideError):
    status = 401
    type = "invalid_request_error"
    default_code = "invalid_api_key"


class MissingScope(FiresideError):
    status = 403
    type = "invalid_request_error"
    default_code = "missing_scope"


class Keys:
    """Puts the `Caller` into the request's state and lets the key's budget pay."""

    def __init__(self, app: ASGIApp, keyring: Keyring, budgets: Budgets, host: str) -> None:
        self.app = app
        self._keyring = keyring
        self._budgets = budgets
        self._loopback = is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        account: Account | None = None
        try:
            caller, holder = await self._caller(scope)
            self._check_scope(caller, scope)
            if holder is not None and scope["type"] == "websocket":
                scope.setdefault("state", {})["charge"] = self._charging(scope)
            elif holder is not None and scope["path"].startswith(("/v1", "/mcp")):
                account = self._budgets.admit(holder.key)
        except FiresideError as error:
            await refuse(error, scope, receive, send, _headers(error))
            return
        scope.setdefault("state", {})["caller"] = caller
        told = send if account is None else self._telling(account, send)
        token = paying.set(caller.key_id)
        try:
            await self.app(scope, receive, told)
        finally:
            paying.reset(token)

    def _charging(self, scope: Scope) -> Charge:
        """For a WebSocket, whose every message is a request: asked before each."""
        secret = secret_of(scope)

        async def charge() -> None:
            holder = await asyncio.to_thread(self._holder, secret)  # or it was revoked meanwhile
            if holder is not None:
                self._budgets.admit(holder.key)

        return charge

    async def _caller(self, scope: Scope) -> tuple[Caller, Holder | None]:
        """Who asks, and the key that pays for the request itself."""
        given = scope.get("state", {}).get("caller")
        if isinstance(given, Caller):  # of this process's own work; it pays for its tokens
            await asyncio.to_thread(self._check_may_go_on, given)
            return given, None
        secret = secret_of(scope)
        holder = await asyncio.to_thread(self._holder, secret)
        if holder is None:
            return Caller(), None
        return caller_from(holder), holder

    def _holder(self, secret: str | None) -> Holder | None:
        """None on an open server, whatever key was sent: SDKs insist on sending one."""
        if self._loopback and not self._keyring.any():
            return None
        if secret is None:
            raise Unauthorized(
                "No API key was sent: send it as `Authorization: Bearer fs-...`; "
                "`fireside keys create` makes one."
            )
        holder = self._keyring.holder(secret)
        if holder is None:
            raise Unauthorized("The API key is wrong: `fireside keys list` shows which there are.")
        objection = objection_to(holder, time.time())
        if objection is not None:
            raise Unauthorized(objection)
        return holder

    def _check_may_go_on(self, caller: Caller) -> None:
        """Work goes on that a key began before it expired, but not what it began if revoked, nor
        beyond its total of tokens."""
        if caller.key_id is None:
            return
        try:
            holder = self._keyring.holder_of(caller.key_id)
        except NotFound:
            raise Unauthorized("The API key that began this is gone.") from None
        if objection_to(holder, 0.0) is not None:
            raise Unauthorized("The API key that began this was revoked.")
        self._budgets.check_total(holder.key)

    def _check_scope(self, caller: Caller, scope: Scope) -> None:
        needed = scope_of(scope.get("method", "GET"), scope["path"])
        if needed == "admin" and not caller.admin:
            raise MissingScope("This is for admins: ask with an admin's key.")
        if caller.scopes is not None and needed not in caller.scopes:
            raise MissingScope(
                "This key has insufficient permissions for this operation. "
                + (f"Missing scopes: {needed}." if needed else "It needs a key without scopes.")
            )

    def _telling(self, account: Account, send: Send) -> Send:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._budgets.headers(account))
            await send(message)

        return told


def objection_to(holder: Holder, now: float) -> str | None:
    """Why this key opens nothing; None if it does."""
    key = holder.key
    if key.revoked_at is not None or holder.user.removed_at is not None:
        return "The API key was revoked."
    if holder.project.archived_at is not None:
        return "The API key's project is archived."
    if key.expires_at is not None and key.expires_at <= now:
        return "The API key has expired: ask for a new one."
    return None


def caller_from(holder: Holder) -> Caller:
    key = holder.key
    scopes = None if key.scopes is None else frozenset(key.scopes)
    return Caller(
        owner=holder.project.owner,
        key_id=key.id,
        user_id=holder.user.id,
        admin=holder.user.role == "admin" and (scopes is None or "admin" in scopes),
        scopes=scopes,
    )


def secret_of(scope: Scope) -> str | None:
    """The key as it was sent: in the header, a WebSocket's protocols, or the page's cookie."""
    headers = Headers(scope=scope)
    kind, _, secret = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and secret.strip():
        return secret.strip()[:LONGEST]
    if scope["type"] == "websocket":
        for name in scope.get("subprotocols", ()):
            if name.startswith(SUBPROTOCOL):
                return str(name.removeprefix(SUBPROTOCOL))[:LONGEST]
    if scope["path"].startswith("/api/"):
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        return found.value[:LONGEST] if found is not None else None
    return None


def _headers(error: FiresideError) -> dict[str, str]:
    if isinstance(error, Unauthorized):
        return {"www-authenticate": "Bearer"}
    # OpenAI's SDKs obey it.
    return {"x-should-retry": "false"} if isinstance(error, QuotaSpent) else {}
