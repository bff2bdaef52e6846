"""`/v1/engines` and `/engines`: the address that OpenAI's clients of 2022 use.

An engine is a model, named in the URL: `openai==0.28`'s `Completion.create(engine=…)` works as it
is.  Nothing here does any work of its own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response

from fireside.server import body
from fireside.server.caller import caller_of
from fireside.server.completions import Completions
from fireside.server.models import unknown
from fireside.server.openapi import Listed, documented
from fireside.server.wire import CompletionRequest

if TYPE_CHECKING:
    from fireside.engine.models import Models


ENGINE: Final = {
    "type": "object",
    "required": ["id", "object", "owner", "ready"],
    "properties": {
        "id": {"type": "string"},
        "object": {"enum": ["engine"]},
        "owner": {"type": "string"},
        "ready": {"type": "boolean"},
    },
}
"""OpenAI's of 2022, which its package of today has no type for."""


def routes(models: Models, completions: Completions) -> APIRouter:
    router = APIRouter(tags=["engines"])

    @router.get("/engines")
    @router.get("/v1/engines")
    @documented(response=Listed(ENGINE, paged=False))
    async def list_engines(request: Request) -> dict[str, object]:
        names = await asyncio.to_thread(models.names, owner=caller_of(request).owner)
        return {"object": "list", "data": [engine(name) for name in names]}

    @router.post("/engines/{name:path}/completions")
    @router.post("/v1/engines/{name:path}/completions")
    @documented(response="Completion", events="Completion")
    async def create_engine_completion(request: Request, name: str) -> Response:
        call = await body.read(request, CompletionRequest, given={"model": name})
        return await completions(request, call)

    @router.get("/engines/{name:path}")
    @router.get("/v1/engines/{name:path}")
    @documented(response=ENGINE)
    async def retrieve_engine(request: Request, name: str) -> dict[str, object]:
        meant = models.aliases.meant(name)
        known = await asyncio.to_thread(models.names, owner=caller_of(request).owner)
        if meant not in known:
            raise unknown(name, known, models.aliases)
        return engine(meant)

    return router


def engine(name: str) -> dict[str, object]:
    return {"id": name, "object": "engine", "owner": "fireside", "ready": True}
