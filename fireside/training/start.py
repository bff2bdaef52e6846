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

from fireside.engine.threads import Threads
from fireside.engine.torch_runners import set_threads
from fireside.errors import FiresideError, Interrupted
from fireside.hub.progress import Progress as Preparing
from fireside.training import assembly, before, finish, launch
from fireside.training.beside import FolderBeside, MetricsBeside
from fireside.training.calibrate import peak
from fireside.training.checkpoint import Checkpoints
from fireside.training.clock import Clock, Decision
from fireside.training.config import TrainConfig, merged
from fireside.training.control import requested
from fireside.training.derivation import Derivation
from fireside.training.loop import Objective, Plan, State, World, train
from fireside.training.materials import base_of
from fireside.training.metrics import Metrics
from fireside.training.packages import check_packages
from fireside.training.plan import computes_in_bfloat16
from fireside.training.progress import Listener, Silent
from fireside.training.resolve import RESOLVED, Resolved, Resolving, resolve, row_length
from fireside.training.run import RunFolder, write_whole
from fireside.training.session import Session
from fireside.training.sizes import flops_per_token
from fireside.training.world import joined


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

    Of several ranks (`parallel.py`) all do it together; the first alone holds the folder, writes
    and speaks.

    Raises:
        Interrupted: it was paused or cancelled; the line says how to go on.
        Conflict: the folder is another run's, finished, or in use.
        BadRequest, Unavailable, NonFinite, ...: one line each; `run.json` keeps it.
    """
    check_packages(config)
    around = Around(
        models_dir=models_dir, listener=listener or Silent(), spent=spent, stopped=stopped
    )
    with joined(assembly.device_of(config)) as world:
        if not world.first:
            world.once(lambda: "")  # the folder is held, and ours
            quiet = replace(around, listener=Silent())
            return _work(FolderBeside(Path(config.run.out)), config, quiet, world)
        return _held(RunFolder(Path(config.run.out)), config, around, world)


def _held(folder: RunFolder, config: TrainConfig, around: Around, world: World) -> Path:
    with folder.held():
        folder.begin(config)
        world.once(lambda: "")
        try:
            return _work(folder, config, around, world)
        except Interrupted as asked:
            state = "cancelled" if asked.code == "cancelled" else "paused"
            ended = time() if state == "cancelled" else None
            folder.update(state=state, process=None, ended_at=ended, activity="")
            raise
        except KeyboardInterrupt:  # somebody did not wait for the step to end
            folder.update(state="interrupted", process=None, activity="")
            raise
        except BaseException as error:
            _failed(folder, world.cause(error))
            raise


def _failed(folder: RunFolder, error: BaseException) -> None:
    line = error.message if isinstance(error, FiresideError) else f"{type(error).__name__}: {error}"
    with suppress(FiresideError):  # a full disk: that the process is gone says as much
        folder.update(state="failed", process=None, error=line, ended_at=time(), activity="")


def _work(folder: RunFolder, config: TrainConfig, around: Around, world: World) -> Path:
    threads = _threads(config)
    record = folder.read()
    timed = config.run.minutes is not None and world.first
    clock = Clock(
        seconds=60 * (config.run.minutes or 0.0) if timed else None,
        share=0.0,
        before=record.elapsed + around.spent,
    )
    base = base_of(config, around.models_dir)
    if not world.first:
        world.once(lambda: "")  # everything is made, and only to be read
    stage = Resolving(
        folder=folder,
        world=world,
        listener=around.listener,
        working=_attentive(folder, around),
        threads=threads,
        clock=clock,
        found=Derivation(_known(folder, config)),
    )
    done = resolve(stage, base)
    if world.first:
        world.once(lambda: "")
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
    if launch.size() > 1:  # a machine's ranks share its cores
        set_threads(max(1, torch.get_num_threads() // launch.local_size()))
        return None
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
    # Split first and moved then: the device never holds all of it.
    model = assembly.model_of(done, world.device if world.size == 1 else torch.device("cpu"))
    world.spread(model)
    objective = assembly.objective_of(
        done, model, world, models_dir=around.models_dir, working=_attentive(folder, around)
    )
    world.settle(model)
    plan = assembly.plan_of(config, folder)
    checkpoints = Checkpoints(
        folder=folder / "checkpoints",
        keep=config.checkpoint.keep,
        weights=assembly.weight_files(config, finish.base_name(folder, done)),
        world=world,
    )
    state = State.fresh(model, plan)
    if checkpoints.restore(model, state):
        around.listener.say(f"Going on after step {state.step:,}.")
    clock.share = (config.schedule.decay or 0) / max(1, plan.steps)
    units = float(config.batch.tokens or 1)
    tokens = config.run.method in ("pretrain", "sft", "distill")
    counted = tokens and config.lora is None  # an adapter's backward does less than 6 N
    written = Metrics(folder.path, resumed_at=state.step) if world.first else MetricsBeside()
    with written as metrics:
        if not state.step:
            for line in done.prepared.report.lines():
                around.listener.say(line)
                metrics.row("note", 0, text=line)
        session = Session(
            folder=folder,
            world=world,
            model=model,
            metrics=metrics,
            checkpoints=checkpoints,
            listener=around.listener,
            clock=clock,
            steps=plan.steps,
            units=units,
            unit="tok" if tokens else "examples",
            rate=plan.optimiser.learning_rate,
            flops=flops_per_token(done.model, row_length(config)) if counted else None,
            peak=_peak(plan, world) if counted and world.first else None,
            write=assembly.writer_of(done, model, world),
            stopped=around.stopped,
            threads=threads,
            decided=folder.read().decided,
        )
        _loop(session, objective, plan, state, world, done)
        return finish.finish(folder, done, session, state)


def _peak(plan: Plan, world: World) -> float:
    low = computes_in_bfloat16(plan.precision, world.device)
    return world.size * peak(world.device, torch.bfloat16 if low else torch.float32)


def _loop(
    session: Session, objective: Objective, plan: Plan, state: State, world: World, done: Resolved
) -> None:
    """Train; twice, where the clock says in between when to end."""
    if done.base is not None and not state.step:
        before.look(session, objective, plan, state, world, done)
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
    if session.world.first:
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
