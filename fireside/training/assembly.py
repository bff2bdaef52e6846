"""The parts of a run, put together: model, objective, plan, and how its weights are kept.

One function for each; all read a resolved config.  Refuses to derive, and to train.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from fireside.data import IGNORE, Batch, PackedChats, PackedText, Prepared
from fireside.errors import BadRequest
from fireside.model.adapters import load_adapter, save_adapter
from fireside.model.load import load_model
from fireside.model.lora import LoraConfig, inject
from fireside.model.transformer import Transformer
from fireside.training.checkpoint import WeightFiles
from fireside.training.config import TrainConfig
from fireside.training.objective import Objective
from fireside.training.objectives import build
from fireside.training.optimisers import OptimiserConfig
from fireside.training.plan import Plan
from fireside.training.resolve import Resolved, row_length
from fireside.training.run import RunFolder
from fireside.training.samples import continuation
from fireside.training.schedules import Schedule
from fireside.training.tuning import Working, tuning_objective
from fireside.training.weight_files import WholeModel
from fireside.training.world import World

SAMPLE_TOKENS = 100


def device_of(config: TrainConfig) -> torch.device:
    """Raises BadRequest: CUDA was asked for and is not there."""
    there = torch.cuda.is_available()
    if config.run.device == "cuda" and not there:
        raise BadRequest(
            "run.device is cuda, but this PyTorch sees no CUDA device: use cpu or auto.",
            param="run.device",
        )
    return torch.device("cuda" if there and config.run.device != "cpu" else "cpu")


def model_of(done: Resolved, device: torch.device) -> Transformer:
    """Fresh, or the base's weights in float32; with an adapter, where one was asked for."""
    config = done.config
    if done.base is None:
        return Transformer.fresh(done.model, seed=config.run.seed).to(device)
    model = load_model(done.base.local, torch.float32, device).train()
    if config.lora is not None:
        inject(model, LoraConfig(**config.lora.model_dump()), seed=config.run.seed)
    return model


def plan_of(config: TrainConfig, folder: RunFolder) -> Plan:
    rates, course = config.optimiser, config.schedule
    assert rates.learning_rate is not None
    assert course.steps is not None
    return Plan(
        schedule=Schedule(
            steps=course.steps,
            name=course.name,
            warmup=min(course.warmup or 0, course.steps),
            decay=course.decay,
            final=course.final,
        ),
        optimiser=OptimiserConfig(
            name=rates.name or "adamw",
            learning_rate=rates.learning_rate,
            matrix_learning_rate=rates.matrix_learning_rate,
            weight_decay=rates.weight_decay or 0.0,
            beta1=rates.beta1,
            beta2=rates.beta2,
        ),
        clip=rates.clip,
        ema=rates.ema or None,
        validate_every=config.validate_.every or 0,
        checkpoint_every=config.checkpoint.every or 0,
        patience=config.validate_.patience,
        precision=config.run.precision,
        activation_checkpointing=config.run.activation_checkpointing,
        compile=config.run.compile,
        seed=config.run.seed,
        nonfinite_folder=folder.path,
    )


@dataclass(frozen=True)
class AdapterFiles:
    """A checkpoint's weights are the adapter's alone; `base` is named in it."""

    base: str

    def save(self, model: Transformer, folder: Path) -> None:
        save_adapter(model, folder, base=self.base)

    def load(self, model: Transformer, folder: Path) -> None:
        load_adapter(model, folder)


def weight_files(config: TrainConfig, base: str | None) -> WeightFiles:
    return WholeModel() if config.lora is None else AdapterFiles(base or "")


def objective_of(
    done: Resolved,
    model: Transformer,
    world: World,
    *,
    models_dir: Path | None = None,
    working: Working = lambda text, done, total: None,
) -> Objective:
    """Raises BadRequest: data that the method cannot use."""
    config = done.config
    if config.run.method not in ("pretrain", "sft"):
        return tuning_objective(done, model, world, models_dir=models_dir, working=working)
    length, batch, rows = row_length(config), config.batch.tokens, config.batch.rows
    assert batch is not None
    assert rows is not None
    method, data = config.run.method, done.prepared
    packed = PackedText if method == "pretrain" else PackedChats
    sizes = {"length": length, "rows_per_step": max(1, batch // length), "rows_per_batch": rows}
    batches = packed(data.train, **sizes, seed=config.run.seed)
    held = held_out(done, packed, sizes) if len(data.validation) else []
    return build(
        method,
        batches=batches,
        held_out=held,
        bytes_per_token=_bytes_per_token(data, held) if method == "pretrain" else None,
        rank=world.rank,
        ranks=world.size,
        added=world.all_reduce,
    )


def held_out(
    done: Resolved, packed: type[PackedText] | type[PackedChats], sizes: dict[str, int]
) -> list[Batch]:
    """The first held-out batches, of as many tokens as a look may see."""
    split, most = done.prepared.validation, done.config.validate_.tokens or 0
    count = max(1, round(most / sizes["length"] / sizes["rows_per_batch"]))
    return list(islice(packed(split, **sizes, seed=0).once(), count))


def _bytes_per_token(data: Prepared, held: list[Batch]) -> float | None:
    """Of what is predicted in the held-out batches: bits per byte are of these very tokens."""
    targets = [batch.targets[batch.targets != IGNORE].numpy() for batch in held]
    tokens = sum(map(len, targets))
    size = sum(int(data.token_bytes[one].sum()) for one in targets)
    return size / tokens if size else None


def writer_of(done: Resolved, model: Transformer, world: World) -> Callable[[int], list[str]]:
    """What writes samples at a step: the beginnings of held-out documents, or of answers, go on.

    Of several ranks the first writes, with the model in one piece.
    """
    tokenizer, split = done.tokenizer, done.prepared.validation
    split = split if len(split) else done.prepared.train
    special = sorted(tokenizer.special_ids - tokenizer.eos_ids)
    beyond = list(range(tokenizer.vocab_size, done.model.vocab_size))
    stop = frozenset(tokenizer.eos_ids)
    count = done.config.validate_.samples

    def write(step: int) -> list[str]:
        found: list[str] = []
        if not count:
            return found
        whole = world.whole(model)
        if not world.first:
            return found
        was = whole.training
        whole.eval()
        for i in range(min(count, len(split))):
            prompt = _prompt(done, i * len(split) // count)
            ids = continuation(
                whole, prompt, tokens=SAMPLE_TOKENS, stop=stop,
                seed=done.config.run.seed + step + i, forbidden=[*special, *beyond],
            )  # fmt: skip
            found.append(tokenizer.decode(prompt) + "▸" + tokenizer.decode(ids, at_start=False))
        whole.train(was)
        return found

    return write


def _prompt(done: Resolved, number: int) -> list[int]:
    """The first tokens of a document; of a chat, all before what is learned."""
    split = done.prepared.validation if len(done.prepared.validation) else done.prepared.train
    start, length = int(split.column("start")[number]), int(split.lengths[number])
    ids = [int(one) for one in split.ids[start : start + length]]
    if split.kind == "text":
        return ids[:8]
    if split.kind == "chat":
        learned = split.learned[start : start + length]
        return ids[: max(1, int(learned.argmax()))]
    return ids[: max(1, int(split.column("first")[number]))]
