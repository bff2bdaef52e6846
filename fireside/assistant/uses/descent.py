"""The lowest place of a smooth function of many numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np
from jaxtyping import Float64

MEMORY: Final = 10
"""Steps whose curvature is remembered."""
ENOUGH: Final = 1e-4
"""Of the fall that the slope promises: a shorter step is tried where a step gives less."""
FLAT: Final = 1e-6

Numbers = Float64[np.ndarray, "..."]
Function = Callable[[Numbers], tuple[float, Numbers]]


def minimum(function: Function, at: Numbers, steps: int) -> Numbers:
    """Where `function`, which gives its value and its slope, is lowest: L-BFGS from `at` on.

    At most so many steps (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 3.1).
    """
    value, slope = function(at)
    past: deque[tuple[Numbers, Numbers]] = deque(maxlen=MEMORY)
    for _ in range(steps):
        if np.abs(slope).max() < FLAT:
            break
        way = _downhill(slope, past)
        fall, length = float(np.vdot(way, slope)), 1.0 if past else 1 / float(np.linalg.norm(slope))
        there, (next_value, next_slope) = at + length * way, function(at + length * way)
        while next_value > value + ENOUGH * length * fall and length > 1e-10:
            length /= 2
            there, (next_value, next_slope) = at + length * way, function(at + length * way)
        moved, turned = there - at, next_slope - slope
        if np.vdot(moved, turned) > 0:
            past.append((moved, turned))
        at, value, slope = there, next_value, next_slope
    return at


def _downhill(slope: Numbers, past: deque[tuple[Numbers, Numbers]]) -> Numbers:
    """Against the slope, corrected by the curvature of the steps so far."""
    way, shares = slope.copy(), []
    for moved, turned in reversed(past):
        share = np.vdot(moved, way) / np.vdot(moved, turned)
        way -= share * turned
        shares.append(share)
    if past:
        moved, turned = past[-1]
        way *= np.vdot(moved, turned) / np.vdot(turned, turned)
    for (moved, turned), share in zip(past, reversed(shares), strict=True):
        way += (share - np.vdot(turned, way) / np.vdot(moved, turned)) * moved
    return -way
