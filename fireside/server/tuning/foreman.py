"""Runs the jobs, one at a time, in a worker process beside the server.

Every round each job's status, which requests change, is compared with the state of its run, which
the worker writes (`run.json`), and the one is made to follow the other.  So it does not matter who
died in between: a worker that outlived its server is followed on, one that died with it is started
again and goes on from its last checkpoint.

It refuses to train, and to run two workers at once: chats come first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from fireside.errors import BadRequest, Conflict, FiresideError, NotFound, Unavailable
from fireside.server.errors import log
from fireside.server.tuned_models import JOB, TunedModels
from fireside.server.tuning import plan
from fireside.server.tuning.intake import Intake
from fireside.server.tuning.jobs import Jobs
from fireside.server.tuning.progress import Follower
from fireside.storage.files import Files
from fireside.storage.objects import Stored
from fireside.training.packages import check_packages

if TYPE_CHECKING:
    from fireside.training.control import RunHandle, RunStatus

GLANCE: Final = 0.5  # seconds between two rounds while a run is at work
IDLE: Final = 5.0
DEATHS: Final = 3  # of workers, at the same step: then the job has failed


class Foreman:
    """A `Service`."""

    def __init__(
        self,
        jobs: Jobs,
        files: Files,
        tuned: TunedModels,
        *,
        runs_dir: Path,
        home: Path,
        drain_seconds: float,
    ) -> None:
        self._jobs, self._tuned = jobs, tuned
        self._runs, self._home, self._drain = runs_dir, home, drain_seconds
        self._intake = Intake(jobs, files, runs_dir)
        self._follower = Follower(jobs, files, tuned, runs_dir)
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    # Service

    async def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="fine-tuning", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """The worker saves and leaves; its job goes on with the next start of the server."""
        import asyncio

        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, self._drain + 60)

    def wake(self) -> None:
        """Something was asked for: look now."""
        self._wake.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            busy = False
            try:
                busy = self.round()
            except Exception:
                log.exception("the fine-tuning jobs could not be looked after; trying again")
            self._wake.wait(GLANCE if busy else IDLE)
            self._wake.clear()
        try:
            self._leave()
        except Exception:
            log.exception("a fine-tuning worker could not be stopped")

    def _leave(self) -> None:
        """Nothing of ours keeps running: pause, and at the end of patience, kill."""
        for job in self._unsettled():
            handle = self._handle(job)
            process = None if handle is None else handle.status().process
            if handle is None or process is None or not process.alive:
                continue
            with contextlib.suppress(Conflict):
                handle.pause()
            end = time.monotonic() + self._drain
            while process.alive and time.monotonic() < end:
                time.sleep(0.05)
            if process.alive:
                with contextlib.suppress(psutil.Error):
                    psutil.Process(process.pid).send_signal(signal.SIGTERM)
                with contextlib.suppress(psutil.Error):
                    psutil.Process(process.pid).kill()

    # One round

    def round(self) -> bool:
        """Whether something is at work, or about to be."""
        for job in self._with("validating_files"):
            self._one(job, self._intake.check)
        for job in self._unsettled():
            self._one(job, self._tend)
        if self._unsettled():
            return True
        for job in self._with("queued"):
            now = self._jobs.set(job, status="running", settled=False)
            if now.status == "running":
                self._jobs.say(job, "Fine-tuning job started" if not job.body["read"] else
                               "Fine-tuning job goes on")  # fmt: skip
                self._tend(now)
                return True
            self._jobs.set(now, settled=True)
        return bool(self._with("validating_files", "queued"))

    def _one(self, job: Stored, look: Callable[[Stored], None]) -> None:
        """What goes wrong with one job keeps nobody from the others."""
        try:
            look(job)
        except Exception:
            log.exception("fine-tuning job %s could not be looked after; trying again", job.id)

    def _with(self, *statuses: str) -> list[Stored]:
        page = self._jobs.objects.listed(JOB, owner=None, statuses=statuses, order="asc", limit=100)
        return page.items

    def _unsettled(self) -> list[Stored]:
        page = self._jobs.objects.listed(
            JOB, owner=None, matching={"settled": False}, order="asc", limit=100
        )
        return page.items

    # A run

    def _tend(self, job: Stored) -> None:
        handle = self._handle(job)
        status = None if handle is None else handle.status()
        if handle is not None and status is not None:
            job = self._follower.follow(job, handle, status)
        match job.status:
            case "running":
                self._running(job, handle, status)
            case "paused":
                self._stop(job, status, lambda: handle.pause() if handle else None)
            case "cancelled":
                self._stop(job, status, lambda: handle.cancel() if handle else None)
            case _:
                self._jobs.set(job, settled=True)

    def _stop(self, job: Stored, status: RunStatus | None, ask: Callable[[], None]) -> None:
        if status is not None and status.state in ("preparing", "running"):
            with contextlib.suppress(Conflict):  # it has just ended, or not begun yet
                ask()
            return
        self._jobs.set(job, settled=True)
        if job.status == "cancelled":
            self._intake.forget(job)

    def _running(self, job: Stored, handle: RunHandle | None, status: RunStatus | None) -> None:
        state = None if status is None else status.state
        if state in ("preparing", "running"):
            return
        if state == "finished":
            self._follower.succeed(job)
            self._intake.forget(job)
        elif status is not None and state == "failed":
            said = (status.error or "The worker failed.").replace(str(self._runs / job.id), "run")
            self._jobs.fail(job, "training_failed", said, None)
            self._intake.forget(job)
        elif state == "cancelled":
            self._jobs.set(job, status="cancelled", settled=True, finished_at=int(time.time()))
        else:
            self._go(job, handle, status)

    def _go(self, job: Stored, handle: RunHandle | None, status: RunStatus | None) -> None:
        """Start the worker, or start it again where it was stopped or died."""
        if self._stopping.is_set():
            return
        try:
            check_packages()  # they may have gone since the job was made
        except Unavailable as absent:
            self._jobs.fail(job, "packages_missing", absent.message, None)
            return
        if status is not None and status.state == "interrupted":
            same = job.body.get("died_at") == status.step
            deaths = job.body.get("deaths", 0) + 1 if same else 1
            if deaths > DEATHS:
                self._jobs.fail(
                    job, "worker_died",
                    f"The worker died {DEATHS} times at step {status.step}: the log in the run's "
                    "folder says why. There may be too little memory.", None,
                )  # fmt: skip
                return
            job = self._jobs.set(job, deaths=deaths, died_at=status.step)
            self._jobs.say(
                job, f"The worker stopped after step {status.step}: going on from its last "
                "checkpoint", level="warn",
            )  # fmt: skip
        try:
            if handle is not None:
                handle.resume(environment=self._environment())
            else:
                self._launch(job)
        except Conflict:
            return  # the one before is still leaving: the next round sees
        except FiresideError as wrong:
            again = self._handle(job)
            if again is None or again.status().state not in ("interrupted", "failed"):
                said = wrong.message.replace(str(self._runs / job.id), "run")
                self._jobs.fail(job, "training_failed", said, wrong.param)

    def _launch(self, job: Stored) -> None:
        from fireside.training.control import RunHandle

        data = self._intake.data(job)
        validation = data / "validation_file.jsonl" if job.body["validation_file"] else None
        config = plan.config_of(
            job,
            folder=self._runs / job.id,
            base=self._base(job),
            training=data / "training_file.jsonl",
            validation=validation,
        )
        RunHandle.launch(config, environment=self._environment())

    def _base(self, job: Stored) -> str:
        """Raises BadRequest: a fine-tuned base that was deleted meanwhile."""
        name = str(job.body["model"])
        if not name.startswith("ft:"):
            return name
        folder = self._tuned.folder(name, job.owner)
        if folder is None:
            raise BadRequest(f"The model {name} is no longer here.", param="model")
        return str(folder)

    def _environment(self) -> dict[str, str]:
        threads = str(plan.threads())
        return {**os.environ, "FIRESIDE_HOME": str(self._home), "OMP_NUM_THREADS": threads}

    def _handle(self, job: Stored) -> RunHandle | None:
        from fireside.training.control import RunHandle

        try:
            return RunHandle(self._runs / job.id)
        except NotFound:
            return None
