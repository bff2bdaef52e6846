"""What a run will do, for a person who does not know the terms of training."""

from __future__ import annotations

from fireside.data import Prepared
from fireside.model.architecture import ModelConfig
from fireside.training.config import TrainConfig
from fireside.training.memory import parameters


def summary(config: TrainConfig, model: ModelConfig, data: Prepared, *, is_new: bool) -> str:
    """What the run will do, in a sentence without terms."""
    size = parameters(model) / 1e6
    what = "A new model" if is_new else "The model"
    text = f"{data.train.tokens:,} tokens (pieces of words) of training text"
    steps, batch = config.schedule.steps or 0, config.batch.tokens or 0
    looks = f"up to {steps:,} steps of {batch:,} " + (
        "tokens" if config.run.method in ("pretrain", "sft", "distill") else "examples"
    )
    return (
        f"{what} of {size:.3g} million parameters learns from {text}, in {looks}. Each number "
        "above can be set in a config; docs/training.md explains its name."
    )
