"""Fine-tuning jobs as rows: what is asked of one, what happened to it, and how it is shown.

    ft_job          status: validating_files -> queued -> running -> succeeded | failed | cancelled,
                    and paused; body.settled: no process can be at work on its run
    ft_event        below its job, oldest first        ft_checkpoint   likewise

A request changes a job's status and no more; the foreman makes the run follow.  Refuses to train.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from fireside.errors import BadRequest, Conflict
from fireside.graders.kinds import plain
from fireside.server.tuned_models import ENDED, JOB
from fireside.server.tuning.wire import JobRequest
from fireside.storage.ids import new_id
from fireside.storage.objects import Listed, New, Objects, Stored

EVENT: Final = "ft_event"


def dashed(prefix: str) -> str:
    """As OpenAI's ids: `ftjob-...`."""
    return new_id(prefix).replace("_", "-", 1)


class Jobs:
    """All of a server's.  Thread-safe."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects

    def create(self, asked: JobRequest, *, owner: str, model: str, root: str) -> Stored:
        """model: what is really meant.  root: what the fine-tuned one is named after."""
        job_id = dashed("ftjob")
        seed = secrets.randbelow(2**31) if asked.seed is None else asked.seed
        hyper = asked.asked.model_dump(exclude_none=True)
        hyper = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"} | (
            {"beta": "auto"} if asked.kind == "dpo" else {}
        ) | hyper  # fmt: skip
        method: dict[str, Any] = {"type": asked.kind, asked.kind: {"hyperparameters": hyper}}
        if asked.grader is not None:
            method[asked.kind]["grader"] = plain(asked.grader)
        body = {
            "model": model,
            "training_file": asked.training_file,
            "validation_file": asked.validation_file,
            "seed": seed,
            "suffix": asked.suffix,
            "metadata": asked.metadata,
            "method": method,
            "root": root,
            "settled": True,
            "read": 0,
        }
        new = New(id=job_id, body=body, status="validating_files")
        job = self.objects.add_all(JOB, [new], owner=owner)[0]
        self.say(job, f"Created fine-tuning job: {job_id}")
        self.say(job, f"Validating training file: {asked.training_file}" + (
            f" and validation file: {asked.validation_file}" if asked.validation_file else ""
        ))  # fmt: skip
        return job

    def get(self, job_id: str, owner: str | None) -> Stored:
        return self.objects.get(JOB, job_id, owner=owner)

    def cancel(self, job_id: str, owner: str) -> Stored:
        """Raises NotFound; BadRequest: it is over."""

        def cancelled(job: Stored) -> Stored:
            if job.status in ENDED:
                raise BadRequest(f"Job {job_id} is {job.status} already.", code="job_ended")
            return replace(
                job, status="cancelled", body=job.body | {"finished_at": int(time.time())}
            )

        job = self.objects.change(JOB, job_id, cancelled, owner=owner)
        self.say(job, "The job was cancelled.")
        return job

    def pause(self, job_id: str, owner: str) -> Stored:
        """Raises NotFound; BadRequest: it neither waits nor runs."""

        def paused(job: Stored) -> Stored:
            if job.status not in ("queued", "running"):
                raise BadRequest(
                    f"Job {job_id} is {job.status}: only one that is queued or running can be "
                    "paused.",
                    code="job_not_running",
                )
            return replace(job, status="paused")

        job = self.objects.change(JOB, job_id, paused, owner=owner)
        self.say(job, "The job was paused.")
        return job

    def resume(self, job_id: str, owner: str) -> Stored:
        """Raises NotFound; BadRequest: it is not paused."""

        def resumed(job: Stored) -> Stored:
            if job.status != "paused":
                raise BadRequest(
                    f"Job {job_id} is {job.status}: only a paused one can be resumed.",
                    code="job_not_paused",
                )
            return replace(job, status="queued" if job.body["settled"] else "running")

        job = self.objects.change(JOB, job_id, resumed, owner=owner)
        self.say(job, "The job was resumed.")
        return job

    def set(self, job: Stored, *, status: str | None = None, **body: Any) -> Stored:
        """What the foreman found out.  A status that a request has set meanwhile stands: a job
        that was cancelled or paused does not run again because the foreman had not seen it yet.
        """

        def changed(now: Stored) -> Stored:
            moved = status is not None and now.status == job.status
            return replace(now, status=status if moved else now.status, body=now.body | body)

        return self.objects.change(JOB, job.id, changed, owner=None)

    def fail(self, job: Stored, code: str, message: str, param: str | None) -> None:
        """End a job that has not been cancelled meanwhile."""
        error = {"code": code, "message": message, "param": param}
        now = self.set(
            job, status="failed", settled=True, error=error, finished_at=int(time.time())
        )
        if now.status == "failed":
            self.say(job, message, level="error")

    def say(
        self,
        job: Stored,
        message: str,
        *,
        level: str = "info",
        data: Mapping[str, Any] | None = None,
        at: float | None = None,
        event_id: str | None = None,
    ) -> None:
        """Add an event; one whose id is there already is nothing.

        data: of a metric.  at: when it happened.
        """
        body = {
            "level": level,
            "message": message,
            "type": "message" if data is None else "metrics",
            "data": dict(data or {}),
            "at": int(time.time() if at is None else at),
        }
        new = New(id=event_id or dashed("ftevent"), body=body)
        with suppress(Conflict):
            self.objects.add_all(EVENT, [new], owner=job.owner, parent_id=job.id)

    def listed(
        self, owner: str, *, metadata: Mapping[str, str] | None, after: str | None, limit: int
    ) -> Listed:
        """Newest first.  metadata: pairs that a job's must have; None, any job."""
        found: list[Stored] = []
        while True:
            page = self.objects.listed(JOB, owner=owner, after=after, limit=100)
            for job in page.items:
                own = job.body["metadata"] or {}
                if metadata is None or all(own.get(key) == metadata[key] for key in metadata):
                    if len(found) == limit:
                        return Listed(found, more=True)
                    found.append(job)
            if not page.more:
                return Listed(found, more=False)
            after = page.items[-1].id


def shown(job: Stored) -> dict[str, Any]:
    """As OpenAI's `fine_tuning.job`."""
    body = job.body
    hyper = body["method"][body["method"]["type"]]["hyperparameters"]
    common = ("n_epochs", "batch_size", "learning_rate_multiplier")
    return {
        "id": job.id,
        "object": "fine_tuning.job",
        "created_at": int(job.created_at),
        "error": body.get("error"),
        "estimated_finish": body.get("estimated_finish") if job.status == "running" else None,
        "fine_tuned_model": body.get("fine_tuned_model"),
        "finished_at": body.get("finished_at"),
        "hyperparameters": {name: hyper[name] for name in common},
        "integrations": [],
        "metadata": body["metadata"],
        "method": body["method"],
        "model": body["model"],
        "organization_id": organisation(job.owner),
        "result_files": body.get("result_files", []),
        "seed": body["seed"],
        "status": job.status,
        "trained_tokens": body.get("trained_tokens"),
        "training_file": body["training_file"],
        "validation_file": body["validation_file"],
    }


def shown_event(event: Stored) -> dict[str, Any]:
    body = event.body
    return {
        "id": event.id,
        "object": "fine_tuning.job.event",
        "created_at": body["at"],
        "level": body["level"],
        "message": body["message"],
        "type": body["type"],
        "data": body["data"],
    }


def shown_checkpoint(row: Stored) -> dict[str, Any]:
    body = row.body
    return {
        "id": row.id,
        "object": "fine_tuning.job.checkpoint",
        "created_at": int(row.created_at),
        "fine_tuned_model_checkpoint": body["model"],
        "fine_tuning_job_id": row.parent_id,
        "metrics": body["metrics"],
        "step_number": body["step"],
    }


def organisation(owner: str) -> str:
    return f"org-{owner or 'personal'}"


def model_name(job: Stored) -> str:
    """`ft:BASE:ORGANISATION:SUFFIX:ID`."""
    suffix = job.body["suffix"] or ""
    return f"ft:{job.body['root']}:{job.owner or 'personal'}:{suffix}:{job.id[-8:]}"
