"""`/api/models` and `/api/notice`: who answers on the page, and which model would answer better.

Honest by design: the default model is small and often wrong, and the page says so once.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from fireside.assistant.ability.states import Abilities, abilities_of, unknown_line
from fireside.assistant.assistant import PREFIX
from fireside.assistant.languages import languages
from fireside.assistant.persona import Persona
from fireside.assistant.recommend import advise
from fireside.errors import FiresideError
from fireside.hub import describe
from fireside.hub.catalogue import Entry, catalogue
from fireside.hub.local import installed, locate
from fireside.server import body
from fireside.server.body import Wire
from fireside.server.caller import caller_of
from fireside.server.pulls import Pulls, watched
from fireside.server.ready import Readiness
from fireside.server.streaming import EventStream

if TYPE_CHECKING:
    from fireside.assistant import Assistant
    from fireside.engine.models import Models
    from fireside.settings import Settings


class PullRequest(Wire):
    name: Annotated[str, Field(min_length=1, max_length=1024)]


def shown(entry: Entry) -> dict[str, object]:
    return {
        "name": entry.name,
        "parameters": entry.parameters,
        "size_bytes": entry.size_bytes,
        "memory_bytes": entry.memory_bytes,
        "licence": entry.licence,
        "summary": entry.summary,
        "languages": list(entry.languages),
        "thinks": entry.thinks,
    }


def notice(name: str, settings: Settings) -> dict[str, object]:
    """Reads the disk; measures the machine where that was not done yet, in half a second."""
    here = {model.name for model in installed(settings.models_dir)}
    entry = catalogue().get(name)
    advice = advise(name, entry, settings, _template(name, entry, settings.models_dir))
    better = advice.entry
    return {
        "answers": advice.answers,
        "better": None
        if better is None
        else shown(better)
        | {
            "installed": better.name in here,
            "advice": advice.better,
            "tokens_per_s": round(advice.tokens_per_s, 1),
        },
    }


def with_download(told: dict[str, object], pulls: Pulls) -> dict[str, object]:
    """The notice, and how far the download of the better model is."""
    better = told["better"]
    if not isinstance(better, dict):
        return told
    return told | {"better": better | {"download": pulls.state(better["name"])}}


def unknown(name: str, accepted: str, abilities: Abilities) -> dict[str, object] | None:
    """A line for a reader whose language the model does not know; accepted: what the browser sends
    as Accept-Language, of which the first counts."""
    entry = catalogue().get(name)
    code = accepted[:2].lower()
    if entry is None or code not in languages() or code in entry.languages:
        return None
    return {"language": code, "line": unknown_line(languages()[code], entry, abilities)}


def _template(name: str, entry: Entry | None, models_dir: Path) -> str | None:
    """Of a model that is not the catalogue's: it may only continue a text."""
    try:
        return None if entry else describe(locate(name, models_dir)).template
    except FiresideError:  # `Readiness` says what is wrong with it
        return None


def introductions(
    assistant: Assistant, abilities: Abilities, default: str
) -> dict[str, dict[str, object]]:
    """How each persona greets, and what it can do here; one whose file has a mistake says so when
    it is asked."""
    return {
        PREFIX + one.name: {
            "greeting": one.greeting,
            "description": one.description,
            "ability": abilities.of(one, one.model or default).as_json(),
        }
        for one in assistant.personas.listed
        if isinstance(one, Persona)
    }


def routes(
    models: Models, readiness: Readiness, pulls: Pulls, settings: Settings, assistant: Assistant
) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["page"])
    abilities = abilities_of(settings)
    told: dict[str, dict[str, object]] = {}
    measuring = asyncio.Lock()

    @router.get("/notice")
    async def get_notice(request: Request) -> dict[str, object]:
        async with measuring:  # two measurements at once would each see half the machine
            if readiness.model not in told:
                told[readiness.model] = await asyncio.to_thread(notice, readiness.model, settings)
        return {
            "model": readiness.model,
            "state": readiness.state,
            "problem": readiness.problem,
            **with_download(told[readiness.model], pulls),
            "unknown": await asyncio.to_thread(
                unknown, readiness.model, request.headers.get("accept-language", ""), abilities
            ),
        }

    @router.get("/models")
    async def list_chat_models(request: Request) -> dict[str, object]:
        """The models that can chat here for this owner, the default first; then the personas."""
        names = await asyncio.to_thread(models.names, owner=caller_of(request).owner)
        chat = [n for n in names if n not in catalogue() or catalogue()[n].kind == "chat"]
        ordered = sorted(chat, key=lambda name: (name != readiness.model, name))
        return {
            "data": ordered + await asyncio.to_thread(lambda: assistant.names),
            "personas": await asyncio.to_thread(
                introductions, assistant, abilities, readiness.model
            ),
        }

    @router.post("/models/pull")
    async def pull_model(request: Request) -> Response:
        wanted = await body.read(request, PullRequest)
        download = pulls.start(wanted.name)
        told.clear()
        # A page that is closed does not end the download.
        return EventStream(watched(download), cancel=lambda: None, last=b"")

    @router.post("/models/pull/pause")
    async def pause_pull(request: Request) -> dict[str, object]:
        pulls.pause((await body.read(request, PullRequest)).name)
        return {}

    @router.post("/models/pull/cancel")
    async def cancel_pull(request: Request) -> dict[str, object]:
        name = (await body.read(request, PullRequest)).name
        await asyncio.to_thread(pulls.cancel, name)
        return {}

    return router
