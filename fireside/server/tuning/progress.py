"""What a run writes down, as a job's events, checkpoints and results.

The rows of `metrics.jsonl` are read from where the last look ended, and an event's id holds its
row's place: read twice, as after a kill, a row is one event.  Refuses to steer the run.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fireside.server.tuned_models import CHECKPOINT, TunedModels
from fireside.server.tuning.jobs import Jobs, model_name
from fireside.storage.files import Files, create
from fireside.storage.objects import New, Stored

if TYPE_CHECKING:
    from fireside.training.control import RunHandle, RunStatus

KEPT: Final = 3  # checkpoints that stay as models: OpenAI's
WEIGHTS: Final = ("adapter_config.json", "adapter_model.safetensors")
# What is told of every step besides; the rest of a row is the method's own.
TECHNICAL: Final = frozenset(
    {"kind", "step", "time", "end", "weight", "seconds", "tokens_per_second", "mfu", "best"}
)
RESULTS: Final = "fine-tune-results"


class Follower:
    def __init__(self, jobs: Jobs, files: Files, tuned: TunedModels, runs_dir: Path) -> None:
        self._jobs, self._files, self._tuned, self._runs = jobs, files, tuned, runs_dir

    def follow(self, job: Stored, handle: RunHandle, status: RunStatus) -> Stored:
        """Tell what is new; returns the job as it is now."""
        read = int(job.body["read"])
        for row in handle.events(start=read):
            read = row["end"]
            self._tell(job, row, status.steps)
        left = status.seconds_left if status.state == "running" else None
        finish = None if left is None else int(time.time() + left)
        if read == job.body["read"] and finish == job.body.get("estimated_finish"):
            return self._jobs.get(job.id, None)
        return self._jobs.set(job, read=read, estimated_finish=finish)

    def succeed(self, job: Stored) -> None:
        """The result as a model, its figures as a file; then the job is done."""
        folder, name = self._runs / job.id, model_name(job)
        self._tuned.add(
            name, folder / "model", owner=job.owner, job_id=job.id, base=job.body["model"]
        )
        results = self._results(job, folder)
        hyper = job.body["method"][job.body["method"]["type"]]["hyperparameters"]
        now = self._jobs.set(
            job,
            status="succeeded",
            settled=True,
            fine_tuned_model=name,
            result_files=[results.id],
            trained_tokens=tokens_in(folder) * int(hyper["n_epochs"]),
            finished_at=int(time.time()),
        )
        if now.status == "succeeded":
            self._jobs.say(job, f"New fine-tuned model created: {name}")
            self._jobs.say(job, "The job has successfully completed")

    def _tell(self, job: Stored, row: dict[str, Any], steps: int | None) -> None:
        kind, step = row["kind"], row["step"]
        data: dict[str, Any] | None = None
        match kind:
            case "step":
                data = {"step": step, "total_steps": steps, **measured(row, "train")}
                message = f"Step {step}/{steps or '?'}: training loss={_short(row.get('loss'))}"
            case "validation":
                data = {"step": step, "total_steps": steps, **measured(row, "valid")}
                message = f"Step {step}/{steps or '?'}: validation loss={_short(row.get('loss'))}"
            case "checkpoint":
                name = self._publish(job, step, row["name"])
                if name is None:
                    return
                message = f"Checkpoint created at step {step} with Snapshot ID: {name}"
            case "note":
                message = row["text"]
            case "resumed":
                message = f"The run goes on after step {step}"
            case _:
                return
        event_id = f"ftevent-{job.id.removeprefix('ftjob-')}-{row['end']:x}"
        self._jobs.say(job, message, data=data, at=row["time"], event_id=event_id)

    def _publish(self, job: Stored, step: int, name: str) -> str | None:
        """A checkpoint's weights under a name of their own, which the run does not let go of.

        Hard links: they take no room as long as the run keeps the checkpoint too.
        """
        folder = self._runs / job.id
        target, beside = folder / name, folder / f".{name}.part"
        shutil.rmtree(beside, ignore_errors=True)
        try:
            if not target.is_dir():
                beside.mkdir()
                for file in WEIGHTS:
                    os.link(folder / "checkpoints" / name / file, beside / file)
                beside.rename(target)
        except OSError:  # the run has let go of it already: there are newer ones
            shutil.rmtree(beside, ignore_errors=True)
            return None
        model = f"{model_name(job)}:ckpt-step-{step}"
        self._tuned.add(model, target, owner=job.owner, job_id=job.id, base=job.body["model"])
        body = {"model": model, "step": step, "metrics": self._figures(folder, step)}
        row_id = f"ftckpt-{job.id.removeprefix('ftjob-')}-{step}"
        if not any(row.id == row_id for row in self.checkpoints(job)):
            row = New(id=row_id, body=body)
            self._jobs.objects.add_all(CHECKPOINT, [row], owner=job.owner, parent_id=job.id)
        self._let_go(job)
        return model

    def checkpoints(self, job: Stored) -> list[Stored]:
        """Newest first."""
        return self._jobs.objects.listed(CHECKPOINT, owner=None, parent_id=job.id, limit=100).items

    def _let_go(self, job: Stored) -> None:
        rows = sorted(self.checkpoints(job), key=lambda row: -int(row.body["step"]))
        for row in rows[KEPT:]:
            model = self._tuned.row(row.body["model"], job.owner)
            self._jobs.objects.discard([row.id, row.body["model"]])
            if model is not None:
                self._tuned.discard(model)

    def _figures(self, folder: Path, step: int) -> dict[str, Any]:
        from fireside.training.metrics import METRICS, curve

        found: dict[str, Any] = {"step": step}
        for kind, prefix in (("step", "train"), ("validation", "valid")):
            rows = [row for row in curve(folder / METRICS, kind) if row["step"] == step]
            if rows:
                found |= measured(rows[-1], prefix)
        if "valid_loss" in found:
            found["full_valid_loss"] = found["valid_loss"]
        return found

    def _results(self, job: Stored, folder: Path) -> Stored:
        """A CSV: a line for each step, with what was measured at it."""
        from fireside.training.metrics import METRICS, curve

        steps: dict[int, dict[str, Any]] = {}
        for kind, prefix in (("step", "train"), ("validation", "valid")):
            for row in curve(folder / METRICS, kind):
                line = steps.setdefault(row["step"], {"step": row["step"]})
                line |= measured(row, prefix)
        columns = dict.fromkeys(name for line in steps.values() for name in line)
        temporary = self._files.temporary()
        create(temporary).close()
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(columns), restval="")
            writer.writeheader()
            writer.writerows(steps[step] for step in sorted(steps))
        return self._files.add(job.owner, "step_metrics.csv", RESULTS, temporary)


def measured(row: dict[str, Any], prefix: str) -> dict[str, float]:
    """Of a row of metrics: `train_loss`, `train_reward_mean`, ..."""
    renamed = {"reward": "reward_mean"}
    return {
        f"{prefix}_{renamed.get(name, name)}": value
        for name, value in row.items()
        if name not in TECHNICAL and isinstance(value, int | float)
    }


def tokens_in(folder: Path) -> int:
    """Of the training file, once through."""
    report = json.loads((folder / "data" / "report.json").read_text(encoding="utf-8"))
    return int(report["counts"]["training tokens"])


def _short(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "?"
