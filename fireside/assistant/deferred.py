"""A step whose module is imported when a turn first needs it.

The modules of all steps took a third of the time of `fireside chat "hi"`, whose persona asks for
two of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange, Result
    from fireside.assistant.steps import Stage, Step


@dataclass(slots=True)
class Deferred:
    """stage, name: the step's own.  applies: whether it may have something to do in a turn; the
    step itself decides.  make: the step, made once.  Thread-safe."""

    stage: Stage
    name: str
    applies: Callable[[Exchange], bool]
    make: Callable[[], Step]
    _step: Step | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def step(self) -> Step:
        with self._lock:
            if self._step is None:
                self._step = self.make()
            return self._step

    def run(self, exchange: Exchange) -> Result | None:
        return self.step.run(exchange) if self.applies(exchange) else None
