"""One process's work on a run: what the loop calls while it goes on.

Steps become rows, lines and a record that other processes read; checkpoints are saved; the clock
and requests from outside are asked after every step.  Refuses to decide what is trained.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

from fireside.engine.threads import Threads
from fireside.model.transformer import Transformer
from fireside.training.beside import MetricsBeside
from fireside.training.checkpoint import Checkpoints
from fireside.training.clock import Clock, Decision
from fireside.training.control import requested
from fireside.training.loop import Step, Validation
from fireside.training.metrics import Metrics
from fireside.training.progress import Listener, Progress
from fireside.training.run import RunFolder
from fireside.training.state import State
from fireside.training.world import World

_RECORD_SECONDS: Final = 1.0
_SMOOTHED: Final = 0.1

Stop = Literal["pause", "cancel"]


@dataclass(kw_only=True)
class Session:
    """units: tokens (or examples) per step, as a speed is told.  flops: per unit, for MFU.

    rate: the peak learning rate.  write: samples from the model as it is.  stopped: asked for from
    within this process, as by Ctrl-C.
    """

    folder: RunFolder
    world: World = field(default_factory=World)
    model: Transformer
    metrics: Metrics | MetricsBeside
    checkpoints: Checkpoints
    listener: Listener
    clock: Clock
    steps: int
    units: float
    unit: str
    rate: float
    flops: float | None = None
    peak: float | None = None
    write: Callable[[int], list[str]] = lambda step: []
    stopped: Callable[[], bool] = lambda: False
    threads: Threads | None = None
    stop: Stop | None = None
    decided: bool = False
    decision: Decision | None = None
    speed: float | None = None
    loss: float | None = None
    _told: float = field(default=0.0, init=False)
    _steps: int = field(default=0, init=False)

    def on_step(self, step: Step) -> None:
        if self.threads is not None:
            self.threads.adjust()
        self.clock.tick(step.step)
        speed = self.units / max(step.seconds, 1e-9)
        self._steps += 1
        self.speed = self._smooth(self.speed, speed)
        self.loss = self._smooth(self.loss, step.loss)
        mfu = None
        if self.flops is not None and self.peak:
            mfu = self.speed * self.flops / self.peak
        self.metrics.row(
            "step",
            step.step,
            loss=step.loss,
            learning_rate=self.rate * step.factor,
            gradient_norm=step.norm,
            weight=step.weight,
            seconds=step.seconds,
            tokens_per_second=speed,
            **({} if mfu is None else {"mfu": mfu}),
            **step.metrics,
        )
        left = self._left(step.step)
        self.listener.stepped(
            Progress(
                step=step.step,
                steps=self._expected(step.step),
                loss=self.loss,
                learning_rate=self.rate * step.factor,
                norm=step.norm,
                tokens_per_second=self.speed,
                mfu=mfu,
                seconds_left=left,
                unit=self.unit,
            )
        )
        if time.monotonic() - self._told >= _RECORD_SECONDS or step.step == self.steps:
            self._tell(step.step)

    def on_validation(self, validation: Validation) -> None:
        self.metrics.row("validation", validation.step, best=validation.best, **validation.metrics)
        self.listener.validated(validation)
        self.folder.update(validation=validation.metrics)
        for text in self.write(validation.step):
            self.metrics.row("sample", validation.step, text=text)
            self.listener.sampled(text)
            samples = self.folder / "samples"
            samples.mkdir(exist_ok=True)
            with (samples / f"step-{validation.step:06d}.txt").open("a", encoding="utf-8") as file:
                file.write(text.strip() + "\n\n")

    def on_checkpoint(self, state: State) -> None:
        if self.decision is not None:
            return  # the loop only turns to its last part
        began = time.perf_counter()
        path = self.checkpoints.save(self.model, state)
        seconds = time.perf_counter() - began
        self.metrics.row("checkpoint", state.step, name=path.name, seconds=seconds)
        self._tell(state.step)

    def should_stop(self, state: State) -> bool:
        """After every step: is somebody asking, or the clock?  The same answer on all ranks."""
        self.stop = requested(self.folder, os.getpid()) or ("pause" if self.stopped() else None)
        if self.stop is None and not self.decided:
            self.decision = self.clock.decide(state.step, self.steps)
        if self.world.size == 1:
            return self.stop is not None or self.decision is not None
        if not self.world.any(self.stop is not None or self.decision is not None):
            return False
        said = json.loads(self.world.once(self._why))
        self.stop = said["stop"]
        self.decision = None if said["decision"] is None else Decision(**said["decision"])
        return True

    def _why(self) -> str:
        """The first rank's reason; where only another was asked, it is to pause."""
        decision = None if self.decision is None else asdict(self.decision)
        stop = self.stop or (None if decision else "pause")
        return json.dumps({"stop": stop, "decision": decision})

    def follow(self, decision: Decision) -> None:
        """From here on it is a run by steps."""
        self.steps, self.decided, self.decision = decision.steps, True, None

    def _expected(self, step: int) -> int:
        """The steps there will be, as far as can be told now."""
        each = self.clock.seconds_per_step
        if self.decided or self.clock.seconds is None or each is None:
            return self.steps
        return max(step, min(self.steps, step + round(max(0.0, self.clock.left) / each)))

    def _left(self, step: int) -> float | None:
        each = self.clock.seconds_per_step
        if each is None:
            return None
        return (self._expected(step) - step) * each + self.clock.reserve

    def _smooth(self, before: float | None, now: float) -> float:
        """A running mean that the first step does not weigh upon."""
        share = max(_SMOOTHED, 1 / self._steps)
        return now if before is None else before + share * (now - before)

    def _tell(self, step: int) -> None:
        self._told = time.monotonic()
        self.folder.update(
            step=step,
            steps=self._expected(step),
            elapsed=self.clock.elapsed,
            loss=self.loss,
            tokens_per_second=self.speed,
            seconds_left=self._left(step),
            activity="training",
        )
