"""The training loop, as the textbook has it.

    1 prepare the data            data, before this
    2 initialise the weights      Transformer.fresh, or a model that exists
    repeat until it is good:
    3   forward                   objective.loss
    4   loss
    5   backward
    6   update                    clip, then the optimiser at the schedule's rate
    7   look: is it good?         validate, save, stop

The loop knows no objective and no file: what it finds it hands to the callbacks.  The gradient of
a step is (sum of all micro-batches' losses, on all ranks) / (sum of their weights), so that
accumulation changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from fireside.errors import BadRequest
from fireside.model.transformer import Transformer
from fireside.training.nonfinite import check_finite
from fireside.training.objective import Loss, Micro, Objective
from fireside.training.plan import Plan
from fireside.training.state import Ending, State, seed_step
from fireside.training.world import World

__all__ = ["Loss", "Micro", "Objective", "Plan", "State", "Step", "Validation", "World", "train"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One update, as told to `on_step`.

    step: how many there were with it.  loss, metrics: means per unit of weight, over all ranks.
    factor: the schedule's.  norm: of the gradient before clipping.  weight: learned in this step.
    """

    step: int
    loss: float
    metrics: dict[str, float]
    factor: float
    norm: float
    weight: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Validation:
    """One look at held-out data, as told to `on_validation`."""

    step: int
    metrics: dict[str, float]
    best: bool
    seconds: float


def train(
    model: Transformer,
    objective: Objective,
    plan: Plan,
    *,
    state: State,
    world: World | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
    on_validation: Callable[[Validation], None] = lambda validation: None,
    on_checkpoint: Callable[[State], None] = lambda state: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> State:
    """Train until the plan is done, `should_stop`, or validation gets no better.

    `on_checkpoint` is called when a checkpoint is due, and at the end in any case; it saves, or
    not.  The state comes back with its `ending`.  Errors: NonFinite, and whatever callbacks raise.
    """
    world = world or World()
    model.model.activation_checkpointing = plan.activation_checkpointing
    if plan.compile:
        # Layer by layer: one graph serves all, and the names of the weights stay as they are.
        for layer in model.model.layers:
            layer.compile(dynamic=False)
    state.ending = _no_progress(state, plan)
    while state.step < plan.steps and state.ending is None:
        on_step(update(model, objective, plan, state=state, world=world))
        if _due(state.step, plan.validate_every, plan.steps):
            _look(model, objective, plan, state, world, on_validation)
        state.ending = _no_progress(state, plan)
        if state.ending is None and state.step < plan.steps and world.any(should_stop()):
            state.ending = "stopped"
        if state.ending is None and _save_now(state, plan):
            on_checkpoint(state)
    state.ending = state.ending or "finished"
    on_checkpoint(state)
    return state


def update(
    model: Transformer, objective: Objective, plan: Plan, *, state: State, world: World
) -> Step:
    """Steps 3 to 6: one update of the weights."""
    began = time.perf_counter()
    seed_step(plan.seed, state.step, world.rank)
    micros = objective.micro_batches(state.step)
    weight = _weight(micros, world)
    model.train()
    losses = _accumulate(model, objective, plan, micros, weight, world)
    world.add_gradients(state.optimiser.parameters)
    norm = world.gradient_norm(state.optimiser.parameters)
    loss, metrics = _reported(losses, weight, world)
    check_finite(loss, float(norm), state.step, micros, losses, plan.nonfinite_folder, world)
    if plan.clip and norm > plan.clip:
        torch._foreach_mul_(
            [p.grad for p in state.optimiser.parameters if p.grad is not None],
            plan.clip / (norm + 1e-6),
        )
    factor = plan.schedule.factor(state.step)
    state.optimiser.step(factor)
    state.optimiser.clear()
    if state.ema is not None:
        state.ema.update(state.step)
    seconds = time.perf_counter() - began
    state.step += 1
    state.weight += weight
    state.seconds += seconds
    return Step(
        step=state.step,
        loss=loss,
        metrics=metrics,
        factor=factor,
        norm=float(norm),
        weight=weight,
        seconds=seconds,
    )


def _weight(micros: Sequence[Any], world: World) -> float:
    """Of the step, on all ranks.  Errors: BadRequest, where ranks could not keep step."""
    count = len(micros)
    mine = [sum(micro.weight for micro in micros), count, count * count]
    whole = world.all_reduce(torch.tensor(mine, dtype=torch.float64, device=world.device))
    weight, counts, squares = (float(number) for number in whole)
    if counts * counts != squares * world.size:
        raise BadRequest(
            f"this step's {counts:.0f} micro-batches do not come out even over {world.size} "
            "processes: choose batch.tokens and batch.rows so that each has equally many."
        )
    return weight


def _accumulate(
    model: Transformer,
    objective: Objective,
    plan: Plan,
    micros: Sequence[Any],
    weight: float,
    world: World,
) -> list[Loss]:
    """Forward and backward of each micro-batch; gradients add up in `.grad`."""
    losses = []
    for micro in micros:
        with plan.autocast(world.device):
            loss = objective.loss(model, micro)
        (loss.total * (world.gradient_scale / max(weight, 1e-12))).backward()  # type: ignore[no-untyped-call]
        losses.append(Loss(total=loss.total.detach(), metrics=loss.metrics))
    return losses


def _reported(
    losses: Sequence[Loss], weight: float, world: World
) -> tuple[float, dict[str, float]]:
    """Means over the step, of all ranks, in one exchange."""
    names = sorted({name for loss in losses for name in loss.metrics})
    sums = [sum((float(loss.total) for loss in losses), 0.0)]
    sums += [sum(loss.metrics.get(name, 0.0) for loss in losses) for name in names]
    whole = world.all_reduce(torch.tensor(sums, dtype=torch.float64, device=world.device))
    mean, *rest = (whole / max(weight, 1e-12)).tolist()
    return mean, dict(zip(names, rest, strict=True))


def _look(
    model: Transformer,
    objective: Objective,
    plan: Plan,
    state: State,
    world: World,
    on_validation: Callable[[Validation], None],
) -> None:
    """Step 7: validate, with the slow copy where there is one."""
    began = time.perf_counter()
    metrics = held_out_figures(model, objective, plan, state=state, world=world)
    if "loss" not in metrics:
        return
    state.judge(metrics["loss"])
    seconds = time.perf_counter() - began
    on_validation(Validation(step=state.step, metrics=metrics, best=state.is_best, seconds=seconds))


def held_out_figures(
    model: Transformer, objective: Objective, plan: Plan, *, state: State, world: World
) -> dict[str, float]:
    """Loss and metrics of held-out data; empty where nothing was held out."""
    seed_step(plan.seed, state.step, -1)
    model.eval()
    with torch.no_grad(), plan.autocast(world.device), state.averaged():
        metrics = _agreed(objective.validate(model), world)
        world.settle(model)
    return metrics


def _agreed(metrics: dict[str, float], world: World) -> dict[str, float]:
    """The same figures on all ranks, to the last bit: what is decided by them must be the same."""
    values = torch.tensor([*metrics.values()], dtype=torch.float64, device=world.device)
    mean = world.all_reduce(values) / world.size
    return dict(zip(metrics, mean.tolist(), strict=True))


def _no_progress(state: State, plan: Plan) -> Ending | None:
    return "no progress" if plan.patience is not None and state.stale >= plan.patience else None


def _save_now(state: State, plan: Plan) -> bool:
    """Whether to save in the middle: when it is due, and the best as soon as it is known."""
    if state.step == plan.steps:
        return False  # the end saves in any case
    best = plan.checkpoint_best and state.is_best
    return best or _due(state.step, plan.checkpoint_every, plan.steps)


def _due(step: int, every: int, last: int) -> bool:
    return step == last or (every > 0 and step % every == 0)
