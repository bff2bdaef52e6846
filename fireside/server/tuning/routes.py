"""`/v1/fine_tuning/jobs`: create, list, get, cancel, pause, resume, events, checkpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request

from fireside.errors import BadRequest, UnknownModel
from fireside.hub import locate
from fireside.server import body
from fireside.server.caller import caller_of
from fireside.server.listing import shown_list
from fireside.server.models import check_name
from fireside.server.openapi import METADATA_QUERY, Listed, documented
from fireside.server.tuned_models import CHECKPOINT, TunedModels
from fireside.server.tuning.foreman import Foreman
from fireside.server.tuning.jobs import (
    EVENT,
    Jobs,
    shown,
    shown_checkpoint,
    shown_event,
)
from fireside.server.tuning.wire import JobRequest, Nothing, no_permissions
from fireside.settings import Settings
from fireside.storage.files import Files
from fireside.storage.objects import Stored
from fireside.training.packages import check_packages

if TYPE_CHECKING:
    from fireside.engine.models import Models

SHAPES = "fireside.server.tuning.shapes:"
Limit = Annotated[int, Query(ge=1, le=100)]
After = Annotated[str | None, Query(max_length=256)]


def routes(
    jobs: Jobs,
    foreman: Foreman,
    files: Files,
    models: Models,
    tuned: TunedModels,
    settings: Settings,
) -> APIRouter:
    router = APIRouter(tags=["fine-tuning"])

    @router.post("/v1/fine_tuning/jobs")
    @documented(request=JobRequest, response=SHAPES + "FineTuningJob")
    async def create_job(request: Request) -> dict[str, Any]:
        owner = caller_of(request).owner
        asked = await body.read(request, JobRequest)
        model = models.aliases.meant(asked.model)
        await check_name(models, model, owner=owner)

        def create() -> Stored:
            check_packages()
            root = _root(tuned, settings, model, owner)
            for param in ("training_file", "validation_file"):
                _check_file(files, getattr(asked, param), owner, param)
            return jobs.create(asked, owner=owner, model=model, root=root)

        job = await asyncio.to_thread(create)
        foreman.wake()
        return shown(job)

    @router.get("/v1/fine_tuning/jobs")
    @documented(
        response=Listed(SHAPES + "FineTuningJob"),
        query=METADATA_QUERY,
    )
    async def list_jobs(request: Request, after: After = None, limit: Limit = 20) -> dict[str, Any]:
        found = await asyncio.to_thread(
            jobs.listed,
            caller_of(request).owner,
            metadata=_metadata(request),
            after=after,
            limit=limit,
        )
        return shown_list(found, shown)

    @router.get("/v1/fine_tuning/jobs/{job_id}")
    @documented(response=SHAPES + "FineTuningJob")
    async def retrieve_job(request: Request, job_id: str) -> dict[str, Any]:
        return shown(await asyncio.to_thread(jobs.get, job_id, caller_of(request).owner))

    async def change(
        request: Request, job_id: str, how: Callable[[str, str], Stored]
    ) -> dict[str, Any]:
        await _nothing(request)
        job = await asyncio.to_thread(how, job_id, caller_of(request).owner)
        foreman.wake()
        return shown(job)

    @router.post("/v1/fine_tuning/jobs/{job_id}/cancel")
    @documented(response=SHAPES + "FineTuningJob")
    async def cancel_job(request: Request, job_id: str) -> dict[str, Any]:
        return await change(request, job_id, jobs.cancel)

    @router.post("/v1/fine_tuning/jobs/{job_id}/pause")
    @documented(response=SHAPES + "FineTuningJob")
    async def pause_job(request: Request, job_id: str) -> dict[str, Any]:
        return await change(request, job_id, jobs.pause)

    @router.post("/v1/fine_tuning/jobs/{job_id}/resume")
    @documented(response=SHAPES + "FineTuningJob")
    async def resume_job(request: Request, job_id: str) -> dict[str, Any]:
        return await change(request, job_id, jobs.resume)

    async def below(
        request: Request, job_id: str, kind: str, after: str | None, limit: int
    ) -> dict[str, Any]:
        owner = caller_of(request).owner
        await asyncio.to_thread(jobs.get, job_id, owner)
        found = await asyncio.to_thread(
            jobs.objects.listed, kind, owner=owner, parent_id=job_id, after=after, limit=limit
        )
        return shown_list(found, shown_event if kind == EVENT else shown_checkpoint)

    @router.get("/v1/fine_tuning/jobs/{job_id}/events")
    @documented(response=Listed(SHAPES + "FineTuningJobEvent"))
    async def list_events(
        request: Request, job_id: str, after: After = None, limit: Limit = 20
    ) -> dict[str, Any]:
        return await below(request, job_id, EVENT, after, limit)

    @router.get("/v1/fine_tuning/jobs/{job_id}/checkpoints")
    @documented(response=Listed("fine_tuning.jobs:FineTuningJobCheckpoint"))
    async def list_checkpoints(
        request: Request, job_id: str, after: After = None, limit: Limit = 10
    ) -> dict[str, Any]:
        return await below(request, job_id, CHECKPOINT, after, limit)

    permissions = "/v1/fine_tuning/checkpoints/{name}/permissions"

    @router.get(permissions)
    @router.post(permissions)
    @documented(refused=True)
    async def checkpoint_permissions(name: str) -> None:
        raise no_permissions()

    @router.delete(permissions + "/{permission_id}")
    @documented(refused=True)
    async def delete_checkpoint_permission(name: str, permission_id: str) -> None:
        raise no_permissions()

    return router


async def _nothing(request: Request) -> None:
    """Raises BadRequest: a body that asks for something."""
    if await request.body():
        await body.read(request, Nothing)


def _metadata(request: Request) -> dict[str, str] | None:
    """`metadata[KEY]=VALUE`, as the SDK writes it."""
    found = {
        name[len("metadata[") : -1]: value
        for name, value in request.query_params.items()
        if name.startswith("metadata[") and name.endswith("]")
    }
    return found or None


def _root(tuned: TunedModels, settings: Settings, name: str, owner: str) -> str:
    """The model that stands at the bottom: what a fine-tuned one is named after.

    Raises:
        UnknownModel: there is none; NotFound: it is not on this machine.
        BadRequest: it is no chat model.
    """
    if name.startswith("ft:"):
        if tuned.row(name, owner) is None:
            raise UnknownModel(f"There is no model {name[:100]!r} here.", param="model")
        return name[3:].rsplit(":ckpt-step-", 1)[0].rsplit(":", 3)[0]
    local = locate(name, settings.models_dir)
    if local.entry is not None and local.entry.kind != "chat":
        raise BadRequest(
            f"{name} makes {local.entry.kind}s: name a chat model to fine-tune.", param="model"
        )
    return local.name


def _check_file(files: Files, file_id: str | None, owner: str, param: str) -> None:
    if file_id is None:
        return
    row = files.get(file_id, owner)
    if row.body["purpose"] != "fine-tune":
        raise BadRequest(
            f"File {file_id} was uploaded for {row.body['purpose']}: upload it again with the "
            "purpose fine-tune.",
            param=param,
            code="invalid_file_purpose",
        )
