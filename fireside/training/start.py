"""A run from its config to its model: the one function that everything else exists for.

    hold the folder -> data and tokenizer -> model -> objective -> loop -> result

It goes on where an earlier process stopped; it stops between two steps, saved, when it is asked
to.  Refuses to read the environment: folders and wishes come as arguments.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import time

import torch

from fireside.engine.load import set_threads
from fireside.engine.threads import Threads
from fireside.errors import FiresideError, Interrupted
from fireside.hub.progress import Progress as Preparing
from fireside.training import assembly, finish
from fireside.training.calibrate import peak
from fireside.training.checkpoint import Checkpoints
from fireside.training.clock import Clock, Decision
from fireside.training.config import TrainConfig, merged
from fireside.training.control import requested
from fireside.training.derive import Derivation, flops_per_token
from fireside.training.loop import Objective, Plan, State, World, train
from fireside.training.materials import base_of
from fireside.training.metrics import Metrics
from fireside.training.plan import computes_in_bfloat16
from fireside.training.progress import Listener, Silent
from fireside.training.resolve import RESOLVED, Resolved, Resolving, resolve
from fireside.training.run import RunFolder, write_whole
from fireside.training.session import Session


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a run stands in.  models_dir: where models are found by name.  spent: seconds that the
    process had taken before.  stopped: whether somebody in this process asks to stop."""

    models_dir: Path
    listener: Listener
    spent: float = 0.0
    stopped: Callable[[], bool] = lambda: False


def run(
    config: TrainConfig,
    *,
    models_dir: Path,
    listener: Listener | None = None,
    spent: float = 0.0,
    stopped: Callable[[], bool] = lambda: False,
) -> Path:
    """Do the run, or go on with it; returns the folder of its model.

    Raises:
        Interrupted: it was paused or cancelled; the line says how to go on.
        Conflict: the folder is another run's, finished, or in use.
        BadRequest, Unavailable, NonFinite, ...: one line each; `run.json` keeps it.
    """
    around = Around(
        models_dir=models_dir, listener=listener or Silent(), spent=spent, stopped=stopped
    )
    folder = RunFolder(Path(config.run.out))
    with folder.held():
        folder.begin(config)
        try:
            return _work(folder, config, around)
        except Interrupted as asked:
            state = "cancelled" if asked.code == "cancelled" else "paused"
            ended = time() if state == "cancelled" else None
            folder.update(state=state, process=None, ended_at=ended, activity="")
            raise
        except BaseException as error:
            _failed(folder, error)
            raise


def _failed(folder: RunFolder, error: BaseException) -> None:
    line = error.message if isinstance(error, FiresideError) else f"{type(error).__name__}: {error}"
    with suppress(FiresideError):  # a full disk: that the process is gone says as much
        folder.update(state="failed", process=None, error=line, ended_at=time(), activity="")


def _work(folder: RunFolder, config: TrainConfig, around: Around) -> Path:
    threads = _threads(config)
    device = assembly.device_of(config)
    world = World(device=device)
    record = folder.read()
    clock = Clock(
        seconds=None if config.run.minutes is None else 60 * config.run.minutes,
        share=0.0,
        before=record.elapsed + around.spent,
    )
    listener = around.listener
    stage = Resolving(
        folder=folder,
        world=world,
        listener=listener,
        working=_attentive(folder, around),
        threads=threads,
        clock=clock,
        found=Derivation(_known(folder, config)),
    )
    base = base_of(config, around.models_dir)
    done = resolve(stage, base)
    folder.update(
        state="running",
        data={name: one.sha256 for name, one in done.prepared.report.files.items()},
        steps=done.config.schedule.steps,
        elapsed=clock.elapsed,
        activity="loading",
    )
    return _train(folder, done, world, clock, around, threads)


def _threads(config: TrainConfig) -> Threads | None:
    """By the clock, a core that somebody else needs is left to them: OpenMP would wait for it at
    every operation, ten times slower (docs/log.md).  By steps the count stays, for with it the
    last bits of sums change."""
    set_threads(config.run.threads)
    if config.run.minutes is None or config.run.threads:
        return None
    return Threads(torch.get_num_threads(), stale=math.inf)


def _train(
    folder: RunFolder,
    done: Resolved,
    world: World,
    clock: Clock,
    around: Around,
    threads: Threads | None,
) -> Path:
    config = done.config
    model = assembly.model_of(done, world.device)
    objective = assembly.objective_of(
        done, model, world, models_dir=around.models_dir, working=_attentive(folder, around)
    )
    plan = assembly.plan_of(config, folder)
    checkpoints = Checkpoints(
        folder=folder / "checkpoints",
        keep=config.checkpoint.keep,
        weights=assembly.weight_files(config, finish.base_name(folder, done)),
    )
    state = State.fresh(model, plan)
    if checkpoints.restore(model, state):
        around.listener.say(f"Going on after step {state.step:,}.")
    clock.share = (config.schedule.decay or 0) / max(1, plan.steps)
    units = float(config.batch.tokens or 1)
    tokens = config.run.method in ("pretrain", "sft", "distill")
    counted = tokens and config.lora is None  # an adapter's backward does less than 6 N
    with Metrics(folder.path, resumed_at=state.step) as metrics:
        session = Session(
            folder=folder,
            model=model,
            metrics=metrics,
            checkpoints=checkpoints,
            listener=around.listener,
            clock=clock,
            steps=plan.steps,
            units=units,
            unit="tok" if tokens else "examples",
            rate=plan.optimiser.learning_rate,
            flops=flops_per_token(done.model, config.data.length or 1) if counted else None,
            peak=_peak(plan, world) if counted else None,
            write=assembly.writer_of(done, model),
            stopped=around.stopped,
            threads=threads,
            decided=folder.read().decided,
        )
        _loop(session, objective, plan, state, world, done)
        return finish.finish(folder, done, session, state)


def _peak(plan: Plan, world: World) -> float:
    low = computes_in_bfloat16(plan.precision, world.device)
    return peak(world.device, torch.bfloat16 if low else torch.float32)


def _loop(
    session: Session, objective: Objective, plan: Plan, state: State, world: World, done: Resolved
) -> None:
    """Train; twice, where the clock says in between when to end."""
    while True:
        train(
            session.model,
            objective,
            plan,
            state=state,
            world=world,
            on_step=session.on_step,
            on_validation=session.on_validation,
            on_checkpoint=session.on_checkpoint,
            should_stop=lambda: session.should_stop(state),
        )
        if session.decision is None:
            break
        plan = _turned(session, plan, session.decision, done.config)
    if session.stop is not None:
        raise _left(session)


def _turned(session: Session, plan: Plan, decision: Decision, config: TrainConfig) -> Plan:
    """The clock has spoken: write down the end, once, and go towards it."""
    end = {"schedule": {"steps": decision.steps, "decay": decision.decay}}
    plain = merged(config.model_dump(mode="json", by_alias=True), end)
    write_whole(session.folder / RESOLVED, TrainConfig.of(plain).toml())
    session.folder.update(decided=True, steps=decision.steps)
    session.metrics.row(
        "note",
        decision.steps - decision.decay,
        text=f"the rate falls from here, to end at step {decision.steps} in time",
    )
    session.follow(decision)
    schedule = replace(plan.schedule, steps=decision.steps, decay=decision.decay)
    return replace(plan, schedule=schedule)


def _left(session: Session) -> Interrupted:
    folder = session.folder
    if session.stop == "cancel":
        return Interrupted(f"{folder.path} was cancelled.", code="cancelled")
    return Interrupted(
        f"Saved. The same command, or `fireside runs resume {folder.path}`, goes on from here."
    )


def _known(folder: RunFolder, config: TrainConfig) -> TrainConfig:
    """What is derived already, by an earlier process on this run; else what was asked."""
    path = folder / RESOLVED
    return TrainConfig.read(path) if path.is_file() else config


def _attentive(folder: RunFolder, around: Around) -> Preparing:
    """Tells of preparation, and ends it when somebody asks."""

    def working(text: str, done: int, total: int) -> None:
        around.listener.working(text, done, total)
        asked = requested(folder, os.getpid())
        if asked == "cancel":
            raise Interrupted(f"{folder.path} was cancelled.", code="cancelled")
        if asked == "pause" or around.stopped():
            raise Interrupted(
                "Stopped while preparing: the same command prepares again, and goes on."
            )

    return working
