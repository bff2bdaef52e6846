"""From what was asked to what will be done: every number, tokenizer and data, in that order.

    pretraining   sizes (by the dial, on this machine) -> tokenizer -> data -> batch, rates, steps
    tuning        base -> tokenizer -> data -> batch, rates, steps

After each stage the config stands in the run's `config.toml`, so whoever goes on derives nothing
twice: a second measurement would be another model.  Refuses to train.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from fireside.data import Prepared
from fireside.engine.threads import Threads
from fireside.errors import BadRequest
from fireside.hub.progress import Progress
from fireside.model.architecture import ModelConfig
from fireside.tokenizer import Tokenizer
from fireside.training import calibrate, launch, materials
from fireside.training.clock import Clock
from fireside.training.config import TrainConfig, merged
from fireside.training.derivation import Derivation, Measured
from fireside.training.derive import DEFAULT_MINUTES, finetuning, pretraining
from fireside.training.materials import Base
from fireside.training.memory import (
    USABLE,
    Workload,
    available,
    check,
    parameters,
    rows_that_fit,
)
from fireside.training.optimisers import OptimiserConfig
from fireside.training.overview import summary
from fireside.training.plan import Plan, computes_in_bfloat16
from fireside.training.progress import Listener
from fireside.training.run import RunFolder, write_whole
from fireside.training.schedules import Schedule
from fireside.training.sizes import (
    BYTES_PER_TOKEN,
    DEEPEST,
    SMALL_TEXT_EPOCHS,
    TOKENS_PER_PARAMETER,
    architecture,
    flops_per_token,
    shape,
)
from fireside.training.world import World

RESOLVED = "config.toml"
# Tokens that go through the model at once: more were no quicker (docs/log.md).
MICRO_TOKENS = {"cpu": 4096, "cuda": 65_536}
SHORTEST_SECONDS = 1.0
TUNING_MFU = 0.5
HELD_OUT_BYTES = 2_000_000  # enough for three digits of bits per byte


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Everything that the loop is made of, before it is made."""

    config: TrainConfig
    model: ModelConfig
    base: Base | None
    tokenizer: Tokenizer
    prepared: Prepared


@dataclass(kw_only=True)
class Resolving:
    """What the stages share.  working: hears of preparation, and may end it by an exception."""

    folder: RunFolder
    world: World
    listener: Listener
    working: Progress
    clock: Clock
    found: Derivation
    threads: Threads | None = None
    speed: float | None = None

    def settle(self) -> None:
        """Write down what is known, and say what is new."""
        if self.world.first:
            write_whole(self.folder / RESOLVED, self.found.config.toml())
        for line in self.found.lines:
            self.listener.say(line)
        self.found.lines.clear()


def resolve(stage: Resolving, base: Base | None) -> Resolved:
    """Raises BadRequest, Unavailable (too big), and what reading the data raises."""
    sources = materials.sources_of(stage.found.config)
    size = None if (stage.folder / "data").is_dir() else materials.check_sources(sources)
    if base is None:
        _sizes(stage, size)
        config = stage.found.config
        tokenizer = materials.new_tokenizer(config, sources, stage.folder, stage.working)
        model = architecture(config, tokenizer.vocab_size)
    else:
        chats = stage.found.config.run.method in ("sft", "distill")
        tokenizer = materials.tuned_tokenizer(base, stage.folder, chats=chats)
        model = base.config
        longest = min(model.context, 1024)
        stage.found.set("data.length", longest, "the model's window, at most 1,024")
    length = stage.found.config.data.length or 0
    if length > model.context:
        raise BadRequest(
            f"Rows of {length:,} tokens do not fit the model's window of {model.context:,}: "
            "lower data.length.",
            param="data.length",
        )
    share = 0.05 if base else min(0.1, HELD_OUT_BYTES / max(1, size or 1_000_000_000))
    stage.found.set("data.validation", share, "held out, to see what was learned")
    stage.settle()
    config = stage.found.config
    prepared = materials.prepared_data(config, sources, tokenizer, stage.folder, stage.working)
    _numbers(stage, model, base, prepared)
    _rows(stage, model, base)
    _count(stage)
    stage.settle()
    stage.listener.say(summary(stage.found.config, model, prepared, is_new=base is None))
    return Resolved(
        config=stage.found.config, model=model, base=base, tokenizer=tokenizer, prepared=prepared
    )


def _sizes(stage: Resolving, corpus_bytes: int | None) -> None:
    """The dial of a new model."""
    config = stage.found.config
    ends = (config.run.depth, config.run.minutes, config.schedule.steps, config.schedule.epochs)
    if all(end is None for end in ends):
        stage.found.set(
            "run.minutes", DEFAULT_MINUTES, "no end was said: no minutes, depth, steps or epochs"
        )
        stage.clock.limit(60 * DEFAULT_MINUTES)
    depth = config.model.layers or config.run.depth
    if depth is None:
        depth = _measured_depth(stage, corpus_bytes)
    if depth > DEEPEST:
        stage.listener.say(f"{depth} layers are more than were ever tried here ({DEEPEST}).")
    shape(stage.found, depth, corpus_bytes)


def _measured_depth(stage: Resolving, corpus_bytes: int | None) -> int:
    seconds = stage.clock.left
    if seconds == float("inf"):
        return 4
    # Starting may have taken all of a short time: the run then is one step of the smallest model.
    seconds = max(seconds, SHORTEST_SECONDS)

    def sized(depth: int) -> ModelConfig:
        trial = Derivation(stage.found.config)
        shape(trial, depth, corpus_bytes)
        return architecture(trial.config, trial.config.tokenizer.vocab_size or 4096)

    stage.working("measuring this machine", 0, 0)
    # A share of the time: a calibration that takes a fifth of the run is no calibration.
    each = min(1.0, seconds / 100)
    corpus = math.inf if corpus_bytes is None else corpus_bytes / BYTES_PER_TOKEN
    depth, speeds = calibrate.depth_for(
        seconds, sized, lambda model: _speed(stage, model, each), corpus
    )
    stage.speed = speeds[depth]
    tried = ", ".join(f"{d}: {speed:,.0f}" for d, speed in speeds.items())
    stage.found.say("tokens/s by depth", "", tried + " (measured just now)")
    stage.found.say(
        "run.depth",
        str(depth),
        f"20 tokens per parameter in {seconds:,.0f} s (Hoffmann et al. 2022)"
        if SMALL_TEXT_EPOCHS * corpus > TOKENS_PER_PARAMETER * parameters(sized(depth))
        else f"{SMALL_TEXT_EPOCHS:g} epochs of so small a text in {seconds:,.0f} s",
    )
    return depth


def _speed(stage: Resolving, model: ModelConfig, seconds: float) -> float:
    config = stage.found.config
    length = config.data.length or model.context
    if stage.threads is not None:
        stage.threads.adjust()
    rows = max(1, MICRO_TOKENS[stage.world.device.type] // length)
    plan = Plan(
        schedule=Schedule(steps=1000),
        optimiser=OptimiserConfig(name=config.optimiser.name or "muon"),
        precision=config.run.precision,
        activation_checkpointing=config.run.activation_checkpointing,
    )
    # The first rank measures, alone: what exchanging costs is not known before.
    alone = World(device=stage.world.device)
    speed = calibrate.throughput(model, plan, alone, rows=rows, length=length, seconds=seconds)
    return speed * stage.world.size


def _numbers(stage: Resolving, model: ModelConfig, base: Base | None, data: Prepared) -> None:
    """Batch, rates and steps."""
    config = stage.found.config
    timed = stage.clock.seconds is not None
    seconds = stage.clock.left if timed else None
    speed = None
    if base is None and config.schedule.steps is None and seconds is not None:
        speed = stage.speed or _speed(stage, model, min(1.0, seconds / 100))
        stage.found.say("tokens/s", f"{speed:,.0f}", "measured just now, on made-up tokens")
    elif base is not None and seconds is not None:
        speed = _reckoned(stage, model)
        stage.found.say(
            "tokens/s", f"about {speed:,.0f}", "from this machine's products per second"
        )
    splits = (data.train, data.validation)
    known = Measured(
        tokens=data.train.tokens,
        examples=len(data.train),
        longest=max((int(one.lengths.max()) for one in splits if len(one)), default=0),
        tokens_per_second=speed,
        seconds=stage.clock.left if timed else None,
        ranks=stage.world.size,
    )
    (pretraining if base is None else finetuning)(stage.found, model, known)


def _reckoned(stage: Resolving, model: ModelConfig) -> float:
    """Tokens per second of tuning, before the model is loaded: within a factor of two."""
    config, device = stage.found.config, stage.world.device
    if stage.threads is not None:
        stage.threads.adjust()
    low = computes_in_bfloat16(config.run.precision, device)
    reached = calibrate.peak(device, torch.bfloat16 if low else torch.float32)
    work = flops_per_token(model, config.data.length or 1)
    if config.lora is not None:
        work *= 2 / 3  # no gradients of the weights
    return TUNING_MFU * reached / work * stage.world.size


def _count(stage: Resolving) -> None:
    """The threads of a run by steps, kept for whoever goes on with it."""
    config = stage.found.config
    if stage.threads is None and not config.run.threads and stage.world.size == 1:
        plain = config.model_dump(mode="json", by_alias=True)
        own = {"run": {"threads": torch.get_num_threads()}}
        stage.found.config = TrainConfig.of(merged(plain, own))


def _rows(stage: Resolving, model: ModelConfig, base: Base | None) -> None:
    """Rows of a micro-batch: as many as pay, and as memory holds."""
    config, device = stage.found.config, stage.world.device
    length = row_length(config)
    batch = config.batch.tokens or length
    by_tokens = config.run.method in ("pretrain", "sft", "distill")
    step = max(1, batch // length) if by_tokens else batch
    step //= stage.world.size  # rows that ranks cannot share evenly are refused by the data
    load = workload(config, model, device, rows=1, ranks=stage.world.size)
    here = launch.local_size() if device.type == "cpu" else 1
    room = int(USABLE * available(device)) // here
    most = min(max(1, step), max(1, MICRO_TOKENS[device.type] // length))
    rows = rows_that_fit(model, load, room, most)
    while step % rows:
        rows -= 1
    rows = stage.found.set("batch.rows", rows, "of a micro-batch: what is quick and fits")
    need = check(model, replace(load, rows=rows), room, tuning=base is not None)
    stage.found.say("memory", "", f"about {need}")


def row_length(config: TrainConfig) -> int:
    """Tokens of a row that goes through the model."""
    return config.batch.length or config.data.length or 1


def workload(
    config: TrainConfig, model: ModelConfig, device: torch.device, *, rows: int, ranks: int = 1
) -> Workload:
    """What memory is reckoned from."""
    whole = parameters(model)
    matrices = sum(
        shape[0] * shape[1]
        for name, shape in model.shapes().items()
        if len(shape) == 2 and ".layers." in name
    )
    trained, others = whole, 0
    if config.lora is not None:
        trained = adapter_parameters(model, config.lora.rank, config.lora.targets)
    elif config.run.method in ("dpo", "kto", "grpo"):
        others = 4 * whole
    pairs = 2 if config.run.method == "dpo" else 1
    return Workload(
        rows=rows * pairs,
        length=row_length(config),
        trained=trained,
        matrices=matrices if config.optimiser.name == "muon" and not config.lora else 0,
        ema=config.optimiser.ema > 0,
        bfloat16=computes_in_bfloat16(config.run.precision, device),
        checkpointing=config.run.activation_checkpointing,
        others=others // ranks,
        ranks=ranks,
    )


def adapter_parameters(model: ModelConfig, rank: int, targets: tuple[str, ...]) -> int:
    """How many numbers an adapter learns."""
    return sum(
        rank * (shape[0] + shape[1])
        for name, shape in model.shapes().items()
        if len(shape) == 2
        and ".layers." in name
        and (not targets or name.split(".")[-2] in targets)
    )
