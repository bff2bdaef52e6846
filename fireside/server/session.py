"""`/api/session`: the page hands in its key and gets a cookie; signing out takes it back.

The cookie is the key itself, so revoking the key ends it everywhere at once.  No script can read
it, no other site's page can send it, it goes to `/api` alone, and it ends with the browser.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from fireside.server.body import Wire, read
from fireside.server.keys import COOKIE, LONGEST, Unauthorized, objection_to

if TYPE_CHECKING:
    from fireside.storage.keyring import Keyring


class SignIn(Wire):
    key: Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=r"^[A-Za-z0-9_\s-]+$")]


def routes(keyring: Keyring) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["page"])

    @router.post("/session")
    async def sign_in(request: Request) -> Response:
        secret = (await read(request, SignIn)).key.strip()
        holder = await asyncio.to_thread(keyring.holder, secret)
        if holder is None:
            raise Unauthorized("That key is wrong: `fireside keys create` makes another.")
        objection = objection_to(holder, time.time())
        if objection is not None:
            raise Unauthorized(objection)
        response = JSONResponse({"name": holder.user.name, "project": holder.project.name})
        response.set_cookie(
            COOKIE, secret, path="/api", httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return response

    @router.delete("/session")
    async def sign_out() -> Response:
        response = JSONResponse({"signed_out": True})
        response.delete_cookie(COOKIE, path="/api", httponly=True, samesite="strict")
        return response

    return router
