"""The application: routers, middleware, and what happens at its start and its end.

`create_app` takes everything from outside, so a test hands it fakes and the command hands it the
real house.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from fastapi import FastAPI

import fireside
from fireside.assistant import Chat
from fireside.server import (
    batches,
    chat_completions,
    chat_store,
    completions,
    conversations,
    embeddings,
    engines,
    errors,
    files,
    health,
    metrics,
    models,
    moderations,
    notice,
    openapi,
    organization,
    page,
    session,
    uploads,
)
from fireside.server.admission import Admission, Door
from fireside.server.budgets import Budgets
from fireside.server.evals.group import group as evals_group
from fireside.server.foreground import Counting, Foreground
from fireside.server.guard import Guard, StandardHeaders
from fireside.server.idempotency import Idempotency
from fireside.server.inside import Inside
from fireside.server.keys import Keys
from fireside.server.metering import metered
from fireside.server.metrics import Measure, Metrics
from fireside.server.pulls import Pulls
from fireside.server.ready import Readiness
from fireside.server.responses.group import group as responses_group
from fireside.server.sweep import Sweep
from fireside.server.tuned_models import TunedModels
from fireside.server.tuning.group import group as tuning_group
from fireside.server.turns import Turns
from fireside.server.vector_stores.group import group as knowledge_group
from fireside.settings import Settings
from fireside.storage.files import Files
from fireside.storage.uploads import Uploads

if TYPE_CHECKING:
    from fireside.engine.models import Models
    from fireside.storage import Store


class Service(Protocol):
    """Work beside the requests: jobs, batches, sweeping.  `stop` leaves nothing running."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


def create_app(models_: Models, store: Store, settings: Settings) -> FastAPI:
    budgets = Budgets(store.keys)
    counts = Metrics(budgets)
    # Twice the batch: while one half runs, the other is read and waits for it.
    admission = Admission(2 * settings.max_batch, settings.max_queue)
    counts.watch(models_, admission)
    readiness = Readiness(models_, settings.model)
    turns = Turns(conversations.shown_message)
    pulls = Pulls(settings.models_dir)
    models_.tuned = tuned = TunedModels(store.objects, settings.runs_dir, settings.models_dir)

    models_ = metered(models_, counts)

    services: list[Service] = [budgets]
    files_ = Files(settings.files_dir, store.objects)
    services.append(Sweep(files_.sweep))
    uploads_ = Uploads(files_)
    services.append(Sweep(uploads_.sweep))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(readiness.load())
        for service in services:
            await service.start()
        try:
            yield
        finally:
            for service in reversed(services):
                await service.stop()
            # The web server has let running answers finish or has cut them off by now.
            loading.cancel()
            pulls.stop()
            await turns.close()
            await asyncio.to_thread(models_.close)

    app = FastAPI(
        title="Fireside",
        version=fireside.__version__,
        lifespan=lifespan,
        openapi_url=None,  # `openapi.py` serves it
        docs_url=None,  # its page loads scripts from a CDN; ours works offline
        redoc_url=None,
    )
    app.state.admission = admission
    errors.install(app)
    openapi.install(app)
    app.include_router(models.routes(models_, tuned))
    app.include_router(chat_completions.routes(models_, store))
    app.include_router(chat_store.routes(store))
    completing = completions.Completions(models_, settings.max_queue)
    app.include_router(completions.routes(completing))
    app.include_router(engines.routes(models_, completing))
    app.include_router(embeddings.routes(models_, aliases=settings.openai_names))
    app.include_router(health.routes(readiness, admission))
    app.include_router(metrics.routes(counts))
    app.include_router(organization.routes(store))
    app.include_router(files.routes(files_))
    app.include_router(uploads.routes(uploads_))
    foreground = Foreground()
    runner = batches.BatchRunner(
        settings.home / "batches", files_, Inside(app), foreground, settings.max_batch // 4 or 1
    )
    services.append(runner)
    app.include_router(batches.routes(runner))
    app.include_router(moderations.routes())
    knowledge, beside_it, finder = knowledge_group(models_, store, files_, settings.embedding_model)
    services.extend(beside_it)
    app.include_router(knowledge)
    responses, in_background = responses_group(models_, store, admission, finder=finder)
    services.append(in_background)
    app.include_router(responses)
    tuning, foreman = tuning_group(models_, store, files_, tuned, Inside(app), settings)
    services.append(foreman)
    app.include_router(tuning)
    evals, eval_runner = evals_group(
        store.objects, files_, Inside(app), foreground, settings.max_batch // 4 or 1
    )
    services.append(eval_runner)
    app.include_router(evals)
    app.include_router(conversations.routes(Chat(models_, store), store, turns, models_))
    app.include_router(notice.routes(models_, readiness, pulls, settings.models_dir))
    app.include_router(page.routes())
    app.include_router(session.routes(store.keys))
    # The last one added is the outermost.
    app.add_middleware(errors.LastResort)
    app.add_middleware(Counting, foreground=foreground)
    app.add_middleware(Door, admission=admission)
    app.add_middleware(Idempotency, objects=store.objects)
    app.add_middleware(Keys, keyring=store.keys, budgets=budgets, host=settings.host)
    app.add_middleware(Guard, host=settings.host)
    app.add_middleware(Measure, metrics=counts)
    app.add_middleware(StandardHeaders)
    return app
