"""A run's time: how much was spent, and when the end must begin to come out in time.

A run by minutes keeps the full rate (WSD's plateau) until what is left is what the decay takes;
then it writes down `Decision`, once, and from there on it is a run by steps like any other: the
clock is not read again, and resuming gives the same weights.  Time that a run stood still does not
count.  Refuses to shorten a decay: its length is a share of the steps, whatever the clock says.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

# Of the minutes, for what comes after the last step: the model, its card, the picture.
RESERVE: Final = 0.03
FEWEST_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The schedule's end: the rate falls over the last `decay` of `steps`."""

    steps: int
    decay: int


@dataclass(kw_only=True)
class Clock:
    """seconds: what all of it may take; None for a run that no clock ends.

    before: spent by earlier processes on the same run.  share: of the steps, for the decay.
    now: the time, for tests.
    """

    seconds: float | None
    share: float
    before: float = 0.0
    now: Callable[[], float] = time.monotonic
    reserve: float = 0.0
    _began: float = field(init=False)
    _recent: list[tuple[int, float]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._began = self.now()
        self.limit(self.seconds)

    def limit(self, seconds: float | None) -> None:
        """Set the time that all of it may take."""
        self.seconds = seconds
        if seconds is not None:
            self.reserve = max(self.reserve, FEWEST_SECONDS, RESERVE * seconds)

    @property
    def elapsed(self) -> float:
        return self.before + self.now() - self._began

    @property
    def left(self) -> float:
        """Seconds that steps may still take; infinite without a clock."""
        if self.seconds is None:
            return math.inf
        return self.seconds - self.reserve - self.elapsed

    def tick(self, step: int) -> None:
        """One step was made, with all that stands around it."""
        self._recent.append((step, self.now()))
        # A quarter of the way back: old enough to hold validations, new enough for other speeds.
        while len(self._recent) > 20 and self._recent[1][0] < step - max(20, step // 4):
            self._recent.pop(0)

    @property
    def seconds_per_step(self) -> float | None:
        if len(self._recent) < 2:
            return None
        (first, then), (last, now) = self._recent[0], self._recent[-1]
        return (now - then) / (last - first)

    def decide(self, step: int, planned: int) -> Decision | None:
        """The end, when it is time for it: before a step that would make the decay too late.

        planned: the steps of the schedule so far; a run that comes to its own end in time needs no
        decision.
        """
        if self.seconds is None:
            return None
        each = self.seconds_per_step
        if each is None:
            return None if self.left > 0 else Decision(steps=step + 1, decay=1)
        decay = max(1, round(step * self.share / (1 - self.share)))
        if step + decay >= planned or self.left - each > decay * each:
            return None
        return Decision(steps=step + decay, decay=decay)
