"""A job before its run: its files checked and written down, its `auto`s settled.

    validating_files -> queued | failed

What is written down is a copy, so that a file may be deleted while its job runs; it goes when the
job is over.  Refuses to start anything.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

from fireside.errors import FiresideError, NotFound
from fireside.server.tuning import plan
from fireside.server.tuning.jobs import Jobs
from fireside.server.tuning.training_data import BadFile, convert
from fireside.storage.files import Files
from fireside.storage.objects import Stored

DATA: Final = ".data"


class Intake:
    """Below `runs_dir`, in a folder that no run has."""

    def __init__(self, jobs: Jobs, files: Files, runs_dir: Path) -> None:
        self._jobs, self._files, self._runs = jobs, files, runs_dir

    def check(self, job: Stored) -> None:
        kind = job.body["method"]["type"]
        part = job.body["method"][kind]
        try:
            count = self._converted(job, kind, part.get("grader"))
        except (BadFile, NotFound) as wrong:
            param = wrong.param or "training_file"
            self._jobs.fail(job, wrong.code or "invalid_file", wrong.message, param)
            self.forget(job)
            return
        except FiresideError as wrong:
            self._jobs.fail(job, wrong.code or "server_error", wrong.message, None)
            return
        except OSError as wrong:
            self.forget(job)
            said = f"The server cannot keep the training data ({wrong.strerror}): free some space."
            self._jobs.fail(job, "server_error", said, None)
            return
        hyper = plan.settled(part["hyperparameters"], kind, count)
        method = {"type": kind, kind: part | {"hyperparameters": hyper}}
        now = self._jobs.set(job, status="queued", method=method, examples=count)
        if now.status == "queued":
            self._jobs.say(job, "Files validated, moving job to queued state")

    def _converted(self, job: Stored, kind: str, grader: dict[str, Any] | None) -> int:
        from fireside.training.graded import GraderReward

        reward = None
        if grader is not None:
            reward = GraderReward.of(json.dumps(grader)).grader
        count = 0
        for param in ("training_file", "validation_file"):
            if (file_id := job.body[param]) is None:
                continue
            try:
                source = self._files.path(file_id, job.owner)
            except NotFound as wrong:
                raise BadFile(wrong.message, param=param, code=f"invalid_{param}") from None
            target = self.data(job) / f"{param}.jsonl"
            found = convert(source, target, kind, param=param, grader=reward)
            count = found if param == "training_file" else count
        return count

    def data(self, job: Stored) -> Path:
        return self._runs / DATA / job.id

    def forget(self, job: Stored) -> None:
        shutil.rmtree(self.data(job), ignore_errors=True)
