"""A model that is tuned in a second, and the house around a foreman."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fireside.hub.local import Manifest
from fireside.server.tuned_models import TunedModels
from fireside.server.tuning.foreman import Foreman
from fireside.server.tuning.jobs import Jobs
from fireside.server.tuning.wire import JobRequest
from fireside.storage import Store
from fireside.storage.files import Files, create
from fireside.storage.objects import Stored
from fireside.training.config import TrainConfig
from fireside.training.start import run

NAME = "hf:test/tiny"


def install(models_dir: Path, work: Path) -> str:
    """A random model of width 32 among the models; returns its name."""
    text = work / "text.txt"
    text.write_text("The quick brown fox jumps over the lazy dog.\n" * 200, encoding="utf-8")
    plain: dict[str, Any] = {
        "run": {"out": str(work / "run"), "threads": 1},
        "data": {"sources": [{"path": str(text)}], "length": 128, "validation": 0.1},
        "model": {
            "layers": 1, "width": 32, "heads": 2, "kv_heads": 1, "mlp_width": 32, "context": 128,
        },
        "tokenizer": {"vocab_size": 300},
        "optimiser": {"learning_rate": 1e-2},
        "schedule": {"steps": 1, "warmup": 0, "decay": 1},
        "batch": {"tokens": 128, "rows": 1},
        "validate": {"samples": 0},
    }  # fmt: skip
    run(TrainConfig.of(plain), models_dir=models_dir)
    target = models_dir / "hf--test--tiny"
    models_dir.mkdir(parents=True, exist_ok=True)
    shutil.copytree(work / "run" / "model", target)
    files = {
        path.name: {"bytes": path.stat().st_size, "digest": "sha256:0"} for path in target.iterdir()
    }
    Manifest(name=NAME, source="test", revision="1", licence="none", files=files).write(target)
    return NAME


def lines(count: int, answer: str = "yes") -> bytes:
    chats = [
        {
            "messages": [
                {"role": "user", "content": f"q{i}"},
                {"role": "assistant", "content": answer},
            ]
        }
        for i in range(count)
    ]
    return "\n".join(json.dumps(chat) for chat in chats).encode()


@dataclass
class House:
    """What a server with a foreman has; `foreman` anew is a server that was started again."""

    home: Path
    store: Store

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.store.objects)
        self.files = Files(self.home / "files", self.store.objects)
        self.tuned = TunedModels(self.store.objects, self.home / "runs", self.home / "models")

    def foreman(self) -> Foreman:
        return Foreman(
            self.jobs, self.files, self.tuned,
            runs_dir=self.home / "runs", home=self.home, drain_seconds=60,
        )  # fmt: skip

    def file(self, data: bytes, purpose: str = "fine-tune") -> str:
        temporary = self.files.temporary()
        with create(temporary) as file:
            file.write(data)
        return self.files.add("", "data.jsonl", purpose, temporary).id

    def job(self, data: bytes, **asked: Any) -> Stored:
        plain = {"model": NAME, "training_file": self.file(data), "seed": 1} | asked
        return self.jobs.create(JobRequest.model_validate(plain), owner="", model=NAME, root=NAME)

    def now(self, job: Stored) -> Stored:
        return self.jobs.get(job.id, None)

    def events(self, job: Stored) -> list[Stored]:
        """Oldest first."""
        return self.store.objects.listed(
            "ft_event", owner="", parent_id=job.id, order="asc", limit=10_000
        ).items

    def steps(self, job: Stored) -> list[int]:
        told = [event.body["data"] for event in self.events(job)]
        return [int(data["step"]) for data in told if "train_loss" in data]


def until(foreman: Foreman, condition: Callable[[], bool], seconds: float = 300.0) -> None:
    """Rounds until it comes true; the time is for machines that are busy."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        foreman.round()
        time.sleep(0.05)
