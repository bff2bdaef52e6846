"""What a run carries from step to step, besides the weights.

The schedule and the order of the data are pure functions of the step number, and each step seeds
its own random numbers from (seed, step, rank): so the step number is their whole state.  This
file refuses to touch a disk; `checkpoint.py` does.
"""

from __future__ import annotations

import hashlib
import random
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from fireside.training.ema import Ema
from fireside.training.optimisers import Optimiser
from fireside.training.plan import Plan

Ending = Literal["finished", "stopped", "no progress"]


@dataclass(kw_only=True)
class State:
    """step: updates done.  weight: what was learned so far, in the objective's unit (tokens).

    best_loss, best_step: of the validations; stale: how many since then.
    validated: the step of the last validation, so that a resumed run does not repeat it.
    ending: why `train` came back; None before it did.
    """

    optimiser: Optimiser
    ema: Ema | None = None
    step: int = 0
    weight: float = 0.0
    seconds: float = 0.0
    best_loss: float | None = None
    best_step: int | None = None
    stale: int = 0
    validated: int | None = None
    ending: Ending | None = None

    @classmethod
    def fresh(cls, model: nn.Module, plan: Plan) -> State:
        """Before the first step.  Freeze what is not trained first."""
        return cls(
            optimiser=Optimiser(model, plan.optimiser),
            ema=None if plan.ema is None else Ema(model, plan.ema),
        )

    def judge(self, loss: float) -> None:
        """Take note of a validation."""
        self.validated = self.step
        if self.best_loss is None or loss < self.best_loss:
            self.best_loss, self.best_step, self.stale = loss, self.step, 0
        else:
            self.stale += 1

    def averaged(self) -> AbstractContextManager[None]:
        """Inside, the model has the weights that count: the slow copy, where there is one."""
        return nullcontext() if self.ema is None else self.ema.applied()

    @property
    def is_best(self) -> bool:
        """Whether the weights of now are the best that were validated."""
        return self.best_step == self.step


def seed_step(seed: int, step: int, rank: int) -> None:
    """Make this step's random numbers a function of these three, and of nothing before."""
    digest = hashlib.sha256(f"{seed}/{step}/{rank}".encode()).digest()
    number = int.from_bytes(digest[:8], "little", signed=True)
    torch.manual_seed(number)
    random.seed(number)
