"""The steps in their order, timed, each with its place in the receipt.

It refuses to know what any step does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.steps import Step


@dataclass(kw_only=True)
class Receipt:
    """What a turn was made of: JSON values only."""

    steps: list[dict[str, Any]] = field(default_factory=list)

    def add(self, step: Step, seconds: float, found: Mapping[str, Any]) -> None:
        row = {"stage": step.stage, "name": step.name, "ms": round(1000 * seconds, 1)}
        self.steps.append(row | dict(found))


def run(steps: Sequence[Step], exchange: Exchange, receipt: Receipt) -> None:
    """Each step once, in order.

    Raises: whatever a step refuses the turn with.
    """
    for step in steps:
        began = time.perf_counter()
        result = step.run(exchange)
        if result is not None:
            exchange.results[step.name] = result
            receipt.add(step, time.perf_counter() - began, result.as_receipt())
