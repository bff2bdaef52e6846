"""`/v1/models`: which models answer here, and the way from a request's name to a loaded model.

A client names models, never files: what is not on this server's list is not looked for on its
disk, so a request cannot make the server open a path of the client's choosing.
"""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

from fireside.assistant.ability.states import Abilities, abilities_of
from fireside.assistant.assistant import PREFIX
from fireside.assistant.persona import Persona
from fireside.errors import BadRequest, NotFound, UnknownModel
from fireside.hub.aliases import Aliases
from fireside.hub.catalogue import catalogue
from fireside.server.caller import caller_of
from fireside.server.openapi import Listed, documented

if TYPE_CHECKING:
    from fireside.assistant import Assistant
    from fireside.engine.models import Models
    from fireside.engine.text import TextModel
    from fireside.server.tuned_models import TunedModels
    from fireside.settings import Settings

STARTED = int(time.time())
PERSONAL = "personal"


async def find(models: Models, name: str | None, *, owner: str = "") -> TextModel:
    """The model of that name, loaded.  Loading takes a second or more: never on the event loop.

    owner: who asks (`caller_of(request).owner`): fine-tuned models are their owner's alone.

    Raises:
        UnknownModel: there is none; says which names come near, or how to pull it.
    """
    name = None if name is None else models.aliases.meant(name)
    await check_name(models, name, owner=owner)
    try:
        return await asyncio.to_thread(models.get, name, owner=owner)
    except UnknownModel:
        assert name is not None
        known = await asyncio.to_thread(models.names, owner=owner)
        raise unknown(name, known, models.aliases) from None
    except (NotFound, BadRequest) as error:
        raise UnknownModel(error.message, param="model") from None


async def check_name(models: Models, name: str | None, *, owner: str = "") -> None:
    """Raises UnknownModel for a name that would lead to a file of the client's choosing."""
    if name is None or not is_path(name):
        return
    known = await asyncio.to_thread(models.names, owner=owner)
    if name not in known:
        raise unknown(name, known, models.aliases)


def is_path(name: str) -> bool:
    """Whether a name could lead the hub to a file: all but `family:size` and `hf:ORG/NAME`."""
    if name.startswith("ft:"):
        return False  # a row's name: found there or not at all
    if name.startswith("hf:"):
        return ".." in name or "\\" in name
    return any(mark in name for mark in "/\\~\0") or name.startswith(".") or ".gguf" in name


def unknown(name: str, known: Iterable[str], aliases: Aliases) -> UnknownModel:
    """Says which names come near: of models that are here or could be, and other names of them."""
    candidates = sorted({*known, *catalogue(), *aliases.names})
    near = difflib.get_close_matches(name[:100], candidates, n=3)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return UnknownModel(
        f"There is no model {name[:100]!r} here. {hint}GET /v1/models lists those that are.",
        param="model",
    )


def card(name: str, created: float = STARTED, owned_by: str = "fireside") -> dict[str, object]:
    return {"id": name, "object": "model", "created": int(created), "owned_by": owned_by}


def knows(name: str) -> dict[str, object]:
    """The languages of a model of the catalogue, beside OpenAI's fields."""
    entry = catalogue().get(name)
    return {} if entry is None else {"fireside": {"languages": list(entry.languages)}}


def able(assistant: Assistant, abilities: Abilities, default: str) -> dict[str, dict[str, object]]:
    """By the name of each persona's model: what it can do with it, as its check has shown."""
    return {
        PREFIX + one.name: abilities.of(one, one.model or default).as_json()
        for one in assistant.personas.listed
        if isinstance(one, Persona)
    }


def routes(
    models: Models, tuned: TunedModels, assistant: Assistant, settings: Settings
) -> APIRouter:
    router = APIRouter(tags=["models"])
    abilities = abilities_of(settings)

    def cards(owner: str) -> list[dict[str, object]]:
        own = {row.id: row for row in tuned.rows(owner)}
        common = [card(name) | knows(name) for name in models.names(owner=owner) if name not in own]
        common += [card(name) | knows(name) for name in models.embedders()]
        states = able(assistant, abilities, settings.model)
        common += [card(name) | {"fireside": state} for name, state in states.items()]
        return common + [card(row.id, row.created_at, owner or PERSONAL) for row in own.values()]

    @router.get("/v1/models")
    @documented(response=Listed("Model", paged=False))
    async def list_models(request: Request) -> dict[str, object]:
        return {
            "object": "list",
            "data": await asyncio.to_thread(cards, caller_of(request).owner),
        }

    @router.get("/v1/models/{name:path}")
    @documented(response="Model")
    async def retrieve_model(request: Request, name: str) -> dict[str, object]:
        known = await asyncio.to_thread(cards, caller_of(request).owner)
        for found in known:
            if found["id"] == models.aliases.meant(name):
                return found
        raise unknown(name, (str(each["id"]) for each in known), models.aliases)

    @router.delete("/v1/models/{name:path}")
    @documented(response="ModelDeleted")
    async def delete_model(request: Request, name: str) -> dict[str, object]:
        """Only what was fine-tuned here: the others are everybody's."""
        owner = caller_of(request).owner
        if await asyncio.to_thread(tuned.row, name, owner) is None:
            if name not in {found["id"] for found in await asyncio.to_thread(cards, owner)}:
                raise unknown(name, models.names(owner=owner), models.aliases)
            raise BadRequest(
                f"{name} was not fine-tuned here: `fireside models rm {name}` removes it.",
                param="model",
            )
        await asyncio.to_thread(tuned.remove, name, owner)
        await asyncio.to_thread(models.forget, name)
        return {"id": name, "object": "model", "deleted": True}

    return router
