"""The learning rate's course: pure functions of the step, as a factor on the peak rate.

A schedule has no state: resuming needs only the step number.  Steps count from 0; `factor(0)` is
what the first update uses.  This file refuses to know the rate itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Name = Literal["cosine", "wsd"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Both schedules rise linearly for `warmup` steps and come down to `final` of the peak, which
    they would reach one step after the last: an update at a rate of zero would be wasted.

    cosine: half a cosine from the peak to the end (Loshchilov & Hutter 2017).
    wsd: the peak until the last `decay` steps, then linearly down (Hu et al. 2024, MiniCPM; linear
    by Hägele et al. 2024).  decay: None means a fifth of the steps.
    """

    steps: int
    name: Name = "cosine"
    warmup: int = 0
    decay: int | None = None
    final: float = 0.0

    def factor(self, step: int) -> float:
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.name == "cosine":
            way = _share(step - self.warmup, self.steps - self.warmup)
            return self.final + (1 - self.final) * (1 + math.cos(math.pi * way)) / 2
        decay = max(1, self.steps // 5) if self.decay is None else self.decay
        if step < self.steps - decay:
            return 1.0
        return 1.0 + (self.final - 1.0) * _share(step - (self.steps - decay), decay)


def _share(part: float, whole: float) -> float:
    return 1.0 if whole <= 0 else min(max(part / whole, 0.0), 1.0)
