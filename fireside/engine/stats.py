"""What the engine counts, for `/metrics`, `bench` and whoever wonders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fireside.engine.scheduler import Work


@dataclass(slots=True, kw_only=True)
class Counts:
    """Running totals of an engine."""

    steps: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    proposed_tokens: int = 0
    accepted_tokens: int = 0
    run_seconds: float = 0.0
    other_seconds: float = 0.0

    def add_step(self, works: Iterable[Work], run_seconds: float, seconds: float) -> None:
        """A step is over: `run_seconds` of its `seconds` were the runner's."""
        self.steps += 1
        self.run_seconds += run_seconds
        self.other_seconds += seconds - run_seconds
        self.prompt_tokens += sum(len(w.chunk.token_ids) for w in works if not w.decodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStats:
    """What the engine holds now, and what it has done since it was made."""

    running: int
    waiting: int
    num_blocks: int
    used_blocks: int
    cached_blocks: int
    preemptions: int
    steps: int
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    proposed_tokens: int
    accepted_tokens: int
    run_seconds: float
    other_seconds: float

    @property
    def idle(self) -> bool:
        """Nobody is being answered, and nobody waits."""
        return self.running == self.waiting == 0
