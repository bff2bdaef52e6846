"""The steps in their order, timed, each with its place in the receipt.

It refuses to know what any step does.  Before the answer a step may refuse the turn; after it
nothing can be taken back, so a step that fails there fails alone, and the receipt says so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, get_args

from fireside.assistant.steps import Stage
from fireside.errors import FiresideError

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.steps import Step

log = logging.getLogger(__name__)
STAGES: Final = get_args(Stage)
AFTER: Final = STAGES.index("generate")


@dataclass(kw_only=True)
class Receipt:
    """What a turn was made of: JSON values only."""

    steps: list[dict[str, Any]] = field(default_factory=list)

    def add(self, step: Step, seconds: float, found: Mapping[str, Any]) -> None:
        self.note(step.stage, step.name, seconds, found)

    def note(self, stage: Stage, name: str, seconds: float, found: Mapping[str, Any]) -> None:
        row = {"stage": stage, "name": name, "ms": round(1000 * seconds, 1)}
        self.steps.append(row | dict(found))


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A turn's steps, whatever order they are given in: by stage, and in a stage as given."""

    before: Sequence[Step] = ()
    after: Sequence[Step] = ()

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Pipeline:
        ordered = sorted(steps, key=lambda step: STAGES.index(step.stage))
        return cls(
            before=tuple(step for step in ordered if STAGES.index(step.stage) < AFTER),
            after=tuple(step for step in ordered if STAGES.index(step.stage) > AFTER),
        )


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


def note_after(exchange: Exchange, receipt: Receipt) -> None:
    """What a result can only say once the answer is over: how much a filter has masked."""
    for name, result in exchange.results.items():
        after = getattr(result, "after", None)
        if after is not None:
            for row in receipt.steps:
                if row["name"] == name:
                    row.update(after())


def run_after(steps: Sequence[Step], exchange: Exchange, receipt: Receipt) -> None:
    """Each step once, in order, when the answer is over.  Raises nothing."""
    for step in steps:
        began = time.perf_counter()
        try:
            run([step], exchange, receipt)
        except Exception as error:
            if not isinstance(error, FiresideError):
                log.exception("the step %s failed after an answer", step.name)
            known = isinstance(error, FiresideError)
            said = str(error) if known else "It failed; the log says why."
            receipt.add(step, time.perf_counter() - began, {"error": said})
