"""A job as the config of a run: OpenAI's hyperparameters to the training room's.

`auto` is settled here, by the number of examples, so that a job shows what it was done with.
Refuses to derive what the training room derives: rates, lengths, rhythm.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from fireside.storage.objects import Stored

METHODS: Final = {"supervised": "sft", "dpo": "dpo", "reinforcement": "grpo"}
GROUP: Final = 8


def settled(hyper: dict[str, Any], kind: str, examples: int) -> dict[str, Any]:
    """`auto` as numbers."""
    found = dict(hyper)
    if found["n_epochs"] == "auto":
        found["n_epochs"] = epochs(examples) if kind == "supervised" else 1
    if found["batch_size"] == "auto":
        many = max(1, examples // 100)
        usual = {"supervised": min(256, many), "dpo": 16, "reinforcement": 8}[kind]
        found["batch_size"] = min(usual, examples)
    if found["learning_rate_multiplier"] == "auto":
        found["learning_rate_multiplier"] = 1.0
    if found.get("beta") == "auto":
        found["beta"] = 0.1
    return found


def epochs(examples: int) -> int:
    """OpenAI's rule (its cookbook, "Data preparation and analysis for chat model fine-tuning"):
    three, more for less than 100 examples in all, fewer for more than 25,000."""
    if examples * 3 < 100:
        return min(25, 100 // examples)
    if examples * 3 > 25_000:
        return max(1, 25_000 // examples)
    return 3


def config_of(
    job: Stored, *, folder: Path, base: str, training: Path, validation: Path | None
) -> Any:
    """The `TrainConfig` of a job whose `auto`s are settled.  base: a name or a path."""
    from fireside.training.config import TrainConfig

    kind = job.body["method"]["type"]
    part = job.body["method"][kind]
    hyper = part["hyperparameters"]
    plain: dict[str, Any] = {
        "run": {
            "out": str(folder),
            "method": METHODS[kind],
            "seed": job.body["seed"],
            "base": base,
            "threads": threads(),
        },
        "data": {
            "sources": [{"path": str(training)}],
            "validation": 0.0,
            "held_out": None if validation is None else str(validation),
            "cleaning": {"duplicates": "keep"},
        },
        "optimiser": {"multiplier": hyper["learning_rate_multiplier"]},
        "schedule": {"epochs": float(hyper["n_epochs"])},
        "batch": {"examples" if kind == "supervised" else "tokens": hyper["batch_size"]},
        "lora": {},
        "objective": _objective(kind, part),
        "checkpoint": {"keep": 2},
        "validate": {"samples": 0},
    }
    every = hyper.get("eval_interval")
    if every not in (None, "auto"):
        plain["validate"]["every"] = every
    if validation is None:
        del plain["data"]["held_out"]
    return TrainConfig.of(plain)


def _objective(kind: str, part: dict[str, Any]) -> dict[str, Any]:
    hyper = part["hyperparameters"]
    if kind == "dpo":
        return {"beta": hyper["beta"]}
    if kind == "supervised":
        return {}
    times = hyper.get("compute_multiplier")
    group = GROUP if times in (None, "auto") else max(2, round(GROUP * times))
    return {"group": group, "grader": json.dumps(part["grader"])}


def threads() -> int:
    """Half of the cores: the other half answers."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    return max(1, cores // 2)
