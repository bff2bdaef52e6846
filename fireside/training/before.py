"""The look before the first step of a tuning: what the base makes of held-out data, and whether the
time is enough to change it.

How long the look takes says how quick this machine is at just this model, which no estimate does.
"""

from __future__ import annotations

import math
import time
from typing import Final

from fireside.training.loop import Objective, Plan, State, World, held_out_figures
from fireside.training.progress import duration
from fireside.training.resolve import Resolved
from fireside.training.session import Session

BACKWARD: Final = 3.0
"""Learning from a token takes about three times what looking at it takes (Kaplan et al. 2020)."""
FEW_STEPS: Final = 30


def look(
    session: Session,
    objective: Objective,
    plan: Plan,
    state: State,
    world: World,
    done: Resolved,
) -> None:
    """Keep the held-out figures of the base, and say where the time is too short."""
    began = time.perf_counter()
    figures = held_out_figures(session.model, objective, plan, state=state, world=world)
    seconds = time.perf_counter() - began
    session.folder.update(before=figures)
    if "loss" not in figures:
        return
    name = "reward" if "reward" in figures else "loss"
    session.listener.say(f"held out, before the first step: {name} {figures[name]:.4f}")
    seen = min(done.config.validate_.tokens or 0, done.prepared.validation.tokens)
    batch = done.config.batch.tokens
    if done.config.run.method not in ("sft", "distill") or not seen or not batch:
        return
    line = too_short(session.clock.left, BACKWARD * seconds / seen * batch, plan.steps)
    if line:
        session.listener.say(line)
        session.metrics.row("note", 0, text=line)


def too_short(left: float, each: float, planned: int) -> str:
    """The warning, where `left` seconds at `each` a step make too few steps; else nothing."""
    wanted = min(planned, FEW_STEPS)
    if not math.isfinite(left) or left >= wanted * each:
        return ""
    steps = max(1, int(left / each))
    return (
        f"The time is short for this model and machine: about {steps} step{'s' * (steps > 1)}, "
        f"too few to learn much. {duration(wanted * each - left)} more would make {wanted}; "
        "shorter examples or a smaller model need less."
    )
