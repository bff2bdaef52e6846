"""The application: routers, middleware, and what happens at its start and its end.

`create_app` takes everything from outside, so a test hands it fakes and the command hands it the
real house.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

from fastapi import APIRouter, FastAPI

import fireside
from fireside.assistant import Assistant, Chat
from fireside.assistant.lineup import assistant_of
from fireside.assistant.locks import Locks
from fireside.assistant.memory.memories import Memories
from fireside.assistant.memory.opened import memories_of
from fireside.errors import Unavailable
from fireside.safety.guards import Guards
from fireside.safety.privacy.owned import Owned
from fireside.safety.privacy.retention import Retention
from fireside.safety.privacy.vault import Vault
from fireside.server import (
    attached,
    batches,
    chat_completions,
    chat_store,
    completions,
    conversations,
    dialogue_state,
    embeddings,
    engines,
    errors,
    files,
    health,
    memories,
    metrics,
    models,
    moderations,
    notice,
    openapi,
    organization,
    own_data,
    page,
    session,
    uploads,
)
from fireside.server.admission import Admission
from fireside.server.budgets import Budgets
from fireside.server.door import Door
from fireside.server.evals.group import group as evals_group
from fireside.server.foreground import Counting, Foreground
from fireside.server.guard import Guard, StandardHeaders
from fireside.server.heap import Heap
from fireside.server.idempotency import Idempotency
from fireside.server.inside import Inside
from fireside.server.keys import Keys
from fireside.server.mcp import endpoint as mcp
from fireside.server.mcp.offers import Offers
from fireside.server.metering import metered
from fireside.server.metrics import Measure, Metrics
from fireside.server.parameters import IgnoredHeader
from fireside.server.pulls import Pulls
from fireside.server.ready import Readiness
from fireside.server.responses.group import group as responses_group
from fireside.server.responses.remote import Remote
from fireside.server.responses.state import State
from fireside.server.stopping import STOPPED, LastWord
from fireside.server.sweep import Sweep
from fireside.server.tuned_models import TunedModels
from fireside.server.tuning.group import group as tuning_group
from fireside.server.turns import Turns
from fireside.server.vector_stores.finder import Finder
from fireside.server.vector_stores.group import group as knowledge_group
from fireside.server.vector_stores.reader import Reader
from fireside.settings import Settings
from fireside.storage.files import Files
from fireside.storage.uploads import Uploads

if TYPE_CHECKING:
    from fireside.engine.models import Models
    from fireside.storage import Store
    from fireside.tools.registry import Registry


Knowledge = tuple[APIRouter, list[Reader | Sweep], Finder]


class Service(Protocol):
    """Work beside the requests: jobs, batches, sweeping.  `stop` leaves nothing running."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the groups of endpoints share.  services: started with the server, in this order."""

    models: Models
    store: Store
    settings: Settings
    budgets: Budgets
    counts: Metrics
    admission: Admission
    readiness: Readiness
    turns: Turns
    pulls: Pulls
    tuned: TunedModels
    files: Files
    uploads: Uploads
    foreground: Foreground
    guards: Guards
    memories: Memories
    knowledge: Knowledge
    assistant: Assistant
    locks: Locks
    services: list[Service]

    @classmethod
    def of(cls, models_: Models, store: Store, settings: Settings) -> Parts:
        budgets = Budgets(store.keys)
        counts = Metrics(budgets)
        # Twice the batch for one owner: while one half runs, the other is read and waits for it.
        admission = Admission(2 * settings.max_batch, settings.max_queue)
        counts.watch(models_, admission)
        models_.tuned = tuned = TunedModels(store.objects, settings.runs_dir, settings.models_dir)
        readiness = Readiness(models_, settings.model)
        files_ = Files(settings.files_dir, store.objects)
        uploads_ = Uploads(files_)
        guards = Guards(models_, settings.home / "heads")
        remembered = memories_of(store.objects, models_)
        drop = State(store).delete_response
        old = Retention(store, files_, settings.retention_days, drop)
        measured = metered(models_, counts)
        knowledge = knowledge_group(measured, store, files_, settings.embedding_model)
        assistant = assistant_of(
            measured,
            store,
            settings,
            collections=knowledge[2].collections,
            guards=guards,
            memories=remembered,
        )
        return cls(
            models=measured,
            store=store,
            settings=settings,
            budgets=budgets,
            counts=counts,
            admission=admission,
            readiness=readiness,
            turns=Turns(conversations.revealing(store, Vault(store.objects, settings.home))),
            pulls=Pulls(settings),
            tuned=tuned,
            files=files_,
            uploads=uploads_,
            foreground=Foreground(),
            guards=guards,
            memories=remembered,
            knowledge=knowledge,
            assistant=assistant,
            locks=Locks(),
            services=[
                budgets,
                Sweep(files_.sweep),
                Sweep(uploads_.sweep),
                Sweep(remembered.sweep),
                Sweep(old.sweep, seconds=3600),
                Heap(lambda: readiness.state != "loading"),
                *([] if store.reserve is None else [Sweep(store.reserve.hold)]),
            ],
        )

    def break_off(self) -> None:
        """The time to finish is over: whoever still waits or is being answered hears so."""
        self.admission.refuse_waiting(Unavailable(STOPPED))
        self.turns.interrupt()
        self.models.cancel_all()

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(self.readiness.load())
        for service in self.services:
            await service.start()
        try:
            yield
        finally:
            for service in reversed(self.services):
                try:
                    await service.stop()
                except Exception:  # a broken disk must not leave the others running
                    errors.log.exception("a service did not stop cleanly")
            # The web server has let running answers finish or has cut them off by now.
            loading.cancel()
            self.pulls.stop()
            await self.turns.close()
            await asyncio.to_thread(self.assistant.close)
            await asyncio.to_thread(self.models.close)


def create_app(models_: Models, store: Store, settings: Settings) -> FastAPI:
    parts = Parts.of(models_, store, settings)
    app = FastAPI(
        title="Fireside",
        version=fireside.__version__,
        lifespan=parts.lifespan,
        openapi_url=None,  # `openapi.py` serves it
        docs_url=None,  # its page loads scripts from a CDN; ours works offline
        redoc_url=None,
    )
    app.state.admission = parts.admission
    app.state.break_off = parts.break_off
    errors.install(app)
    openapi.install(app)
    inside = Inside(app)
    app.state.assistant = parts.assistant
    app.state.offers = Offers(inside, store, settings.model, _tools_of(settings))
    parts.services.append(offering := mcp.Endpoint(app.state.offers))
    working = (*_working(parts, inside), mcp.routes(offering))
    # A route is looked for in order: behind all others, `/health` would cost twice as much.
    first = health.routes(parts.readiness, parts.admission)
    for router in (first, *_answering(parts), *working, *_around(parts)):
        app.include_router(router)
    # The last one added is the outermost.
    app.add_middleware(IgnoredHeader)
    app.add_middleware(errors.LastResort)
    app.add_middleware(Counting, foreground=parts.foreground)
    app.add_middleware(Door, admission=parts.admission)
    app.add_middleware(Idempotency, objects=store.objects)
    app.add_middleware(Keys, keyring=store.keys, budgets=parts.budgets, host=settings.host)
    app.add_middleware(Guard, host=settings.host)
    app.add_middleware(Measure, metrics=parts.counts)
    app.add_middleware(StandardHeaders)
    app.add_middleware(LastWord, admission=parts.admission)
    return app


def _tools_of(settings: Settings) -> Callable[[], Registry]:
    """For MCP clients; personas have their own."""

    @cache
    def made() -> Registry:
        from fireside.tools.shipped import shipped  # calendars and e-mail take a while

        return shipped(settings)

    return made


def _answering(parts: Parts) -> Iterator[APIRouter]:
    """Endpoints that answer at once."""
    models_, store, settings = parts.models, parts.store, parts.settings
    yield models.routes(models_, parts.tuned, parts.assistant, settings)
    yield chat_completions.routes(models_, store, parts.assistant)
    yield chat_store.routes(store)
    completing = completions.Completions(models_, settings.max_queue)
    yield completions.routes(completing)
    yield engines.routes(models_, completing)
    yield embeddings.routes(models_, aliases=settings.openai_names)
    yield moderations.routes(parts.guards)
    yield files.routes(parts.files)
    yield uploads.routes(parts.uploads)


def _working(parts: Parts, inside: Inside) -> Iterator[APIRouter]:
    """Endpoints whose work goes on beside the requests, each with its service."""
    models_, store, settings = parts.models, parts.store, parts.settings
    at_once = settings.max_batch // 4 or 1
    runner = batches.BatchRunner(
        settings.home / "batches", parts.files, inside, parts.foreground, at_once
    )
    knowledge, beside_it, finder = parts.knowledge
    remote = Remote(settings.mcp_servers, store)
    responses, in_background = responses_group(
        models_,
        store,
        parts.admission,
        finder=finder,
        assistant=parts.assistant,
        remote=remote,
        locks=parts.locks,
        drain_seconds=settings.drain_seconds,
    )
    tuning, foreman = tuning_group(models_, store, parts.files, parts.tuned, inside, settings)
    evals, eval_runner = evals_group(store.objects, parts.files, inside, parts.foreground, at_once)
    parts.services.extend([runner, *beside_it, remote, in_background, foreman, eval_runner])
    yield from (batches.routes(runner), knowledge, responses, tuning, evals)


def _around(parts: Parts) -> Iterator[APIRouter]:
    """The page, and what looks after the server."""
    models_, store, settings = parts.models, parts.store, parts.settings
    yield metrics.routes(parts.counts)
    yield organization.routes(store)
    yield dialogue_state.routes(store, parts.assistant.personas)
    yield memories.routes(parts.memories, store.objects)
    yield own_data.routes(Owned(store, settings.home), parts.files)
    yield attached.routes(store, parts.files, parts.knowledge[2].collections)
    chat = Chat(models_, store, parts.assistant, parts.locks)
    yield conversations.routes(chat, store, parts.turns, models_)
    yield notice.routes(models_, parts.readiness, parts.pulls, settings, parts.assistant)
    yield page.routes()
    yield session.routes(store.keys)
