"""The objectives of dpo, kto, grpo and distill, from a resolved config.

What the config leaves open is filled in here, with the values that `docs/training.md` states.
Refuses, before the first step, data and models that the method cannot use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import torch

from fireside.data import Examples, PackedChats
from fireside.errors import BadRequest
from fireside.hub.local import locate
from fireside.model.load import load_model
from fireside.model.tokenizer import load_tokenizer
from fireside.model.transformer import Transformer
from fireside.training.config import ObjectiveSection
from fireside.training.graded import GraderReward
from fireside.training.objective import Objective
from fireside.training.objectives import build
from fireside.training.objectives.distill import same_vocabulary
from fireside.training.plan import computes_in_bfloat16
from fireside.training.resolve import Resolved, row_length
from fireside.training.rewards import Reward, Rule
from fireside.training.world import World

BETA: Final = 0.1
GROUP: Final = 8
MAX_NEW_TOKENS: Final = 64
REWARD: Final = "number"
# Looked at ten times in a run; problems cost an answer each.
MOST_HELD_OUT: Final = {"preference": 256, "judged": 512, "problem": 64}
REFERENCE: Final = "reference.safetensors"

Working = Callable[[str, int, int], None]


def tuning_objective(
    done: Resolved,
    model: Transformer,
    world: World,
    *,
    models_dir: Path | None = None,
    working: Working = lambda text, done, total: None,
) -> Objective:
    """models_dir: where a teacher is found by its name.  Raises BadRequest, UnknownModel."""
    method = done.config.run.method
    if method == "distill":
        return _distill(done, model, world, models_dir)
    if method == "grpo":
        return _grpo(done, model, world)
    config = done.config
    low = computes_in_bfloat16(config.run.precision, world.device)
    # The reference is reckoned here: as precisely as what it is compared with.
    with torch.autocast(world.device.type, torch.bfloat16, enabled=low):
        return build(
            method,
            model=model,
            examples=_examples(done),
            held_out=_held_out(done),
            beta=config.objective.beta or BETA,
            rows=config.batch.rows or 1,
            kept=Path(config.run.out) / REFERENCE,
            rank=world.rank,
            ranks=world.size,
            progress=lambda done, total: working("asking the base", done, total),
        )


def _grpo(done: Resolved, model: Transformer, world: World) -> Objective:
    config, wanted = done.config, done.config.objective
    return build(
        "grpo",
        model=model,
        tokenizer=done.tokenizer,
        examples=_examples(done),
        held_out=_held_out(done),
        reward=_reward(wanted),
        group=wanted.group or GROUP,
        max_new_tokens=wanted.max_new_tokens or MAX_NEW_TOKENS,
        temperature=wanted.temperature or 1.0,
        beta=wanted.beta or 0.0,
        rows=(config.batch.rows or 1) * 2,  # answers are shorter than the rows memory was kept for
        seed=config.run.seed,
        ranks=world.size,
    )


def _reward(wanted: ObjectiveSection) -> Rule:
    if wanted.grader is not None:
        return GraderReward.of(wanted.grader)
    return Reward.of(wanted.reward or REWARD)


def _distill(
    done: Resolved, model: Transformer, world: World, models_dir: Path | None
) -> Objective:
    config, data = done.config, done.prepared
    name = config.objective.teacher
    if name is None or models_dir is None:
        raise BadRequest(
            "distill learns from a teacher: name it (objective.teacher)", param="objective.teacher"
        )
    found = locate(name, models_dir)
    same_vocabulary(done.tokenizer, load_tokenizer(found))
    length, batch, rows = row_length(config), config.batch.tokens, config.batch.rows
    assert batch is not None
    assert rows is not None
    sizes: dict[str, Any] = {
        "length": length, "rows_per_step": max(1, batch // length), "rows_per_batch": rows,
    }  # fmt: skip
    held = PackedChats(data.validation, **sizes, seed=0).once() if len(data.validation) else ()
    return build(
        "distill",
        model=model,
        teacher=load_model(found, torch.float32, world.device),
        batches=PackedChats(data.train, **sizes, seed=config.run.seed),
        held_out=list(islice(held, max(1, 16 // rows))),
        temperature=config.objective.temperature or 1.0,
        rank=world.rank,
        ranks=world.size,
    )


def _examples(done: Resolved) -> Examples:
    per_step = done.config.batch.tokens
    assert per_step is not None
    return Examples(done.prepared.train, per_step=per_step, seed=done.config.run.seed)


def _held_out(done: Resolved) -> Sequence[Any]:
    split = done.prepared.validation
    if not len(split):
        return ()
    return list(islice(Examples(split, per_step=1, seed=0).once(), MOST_HELD_OUT[split.kind]))
