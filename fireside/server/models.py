"""`/v1/models`: which models answer here, and the way from a request's name to a loaded model.

A client names models, never files: what is not on this server's list is not looked for on its
disk, so a request cannot make the server open a path of the client's choosing.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter

from fireside.errors import BadRequest, NotFound, UnknownModel

if TYPE_CHECKING:
    from fireside.engine.models import Models
    from fireside.engine.text import TextModel

STARTED = int(time.time())


async def find(models: Models, name: str | None) -> TextModel:
    """The model of that name, loaded.  Loading takes a second or more: never on the event loop.

    Raises:
        UnknownModel: there is none; says which names come near, or how to pull it.
    """
    await check_name(models, name)
    try:
        return await asyncio.to_thread(models.get, name)
    except (NotFound, BadRequest) as error:
        raise UnknownModel(error.message, param="model") from None


async def check_name(models: Models, name: str | None) -> None:
    """Raises UnknownModel for a name that would lead to a file of the client's choosing."""
    if name is not None and is_path(name) and name not in await asyncio.to_thread(models.names):
        raise _unknown(name)


def is_path(name: str) -> bool:
    """Whether a name could lead the hub to a file: all but `family:size` and `hf:ORG/NAME`."""
    if name.startswith("hf:"):
        return ".." in name or "\\" in name
    return any(mark in name for mark in "/\\~\0") or name.startswith(".") or ".gguf" in name


def _unknown(name: str) -> UnknownModel:
    return UnknownModel(
        f"There is no model {name[:100]!r} here. GET /v1/models lists those that are.",
        param="model",
    )


def card(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": STARTED, "owned_by": "fireside"}


def routes(models: Models) -> APIRouter:
    router = APIRouter(tags=["models"])

    @router.get("/v1/models")
    async def list_models() -> dict[str, object]:
        names = await asyncio.to_thread(models.names)
        return {"object": "list", "data": [card(name) for name in names]}

    @router.get("/v1/models/{name:path}")
    async def retrieve_model(name: str) -> dict[str, object]:
        if name not in await asyncio.to_thread(models.names):
            raise _unknown(name)
        return card(name)

    return router
