"""Fine-tuning and graders as one piece of the application, and the work beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from fireside.server import grader_routes
from fireside.server.grading import Grading
from fireside.server.inside import Inside
from fireside.server.tuned_models import TunedModels
from fireside.server.tuning.foreman import Foreman
from fireside.server.tuning.jobs import Jobs
from fireside.server.tuning.routes import routes
from fireside.settings import Settings
from fireside.storage.files import Files

if TYPE_CHECKING:
    from fireside.engine.models import Models
    from fireside.storage import Store


def group(
    models: Models,
    store: Store,
    files: Files,
    tuned: TunedModels,
    inside: Inside,
    settings: Settings,
) -> tuple[APIRouter, Foreman]:
    jobs = Jobs(store.objects)
    foreman = Foreman(
        jobs,
        files,
        tuned,
        runs_dir=settings.runs_dir,
        home=settings.home,
        drain_seconds=settings.drain_seconds,
    )
    router = APIRouter()
    router.include_router(routes(jobs, foreman, files, models, tuned, settings))
    router.include_router(grader_routes.routes(Grading(inside)))
    return router, foreman
