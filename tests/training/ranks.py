"""What each rank of `test_parallel.py` does: `torchrun … -m tests.training.ranks OUT CASE ...`.

Several cases stand in one process, because starting costs more than all of them.  The first rank
writes what came out; the same functions make it in one process alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from fireside.errors import NonFinite, Unavailable
from fireside.model.lora import LoraConfig, inject
from fireside.model.transformer import Transformer
from fireside.training.assembly import AdapterFiles
from fireside.training.checkpoint import Checkpoints
from fireside.training.loop import Loss, Plan, State, World, train
from fireside.training.objectives.next_token import NextToken
from fireside.training.weight_files import WholeModel
from fireside.training.world import joined
from tests.training import toy

STEPS, HALF = 4, 2
CASES: dict[str, dict[str, Any]] = {
    "untied": {"model": {"tied_head": False}, "micro": 6, "plan": {}},
    "everything": {
        "model": {"tied_head": True},
        "micro": 1,
        "plan": {"clip": 0.5, "ema": 0.9, "activation_checkpointing": True, "validate_every": 2},
    },
    "muon": {"model": {"tied_head": True}, "micro": 3, "plan": {"name": "muon"}},
    "lora": {"model": {}, "micro": 2, "plan": {"clip": 0.01}, "lora": {"rank": 3}},
    "dora": {"model": {}, "micro": 3, "plan": {}, "lora": {"rank": 2, "dora": True}},
    "gpt2": {
        "model": {
            "family": "gpt2", "num_kv_heads": 4, "mlp_width": 64, "rope": None,
            "norm": "layernorm", "activation": "gelu_tanh", "gated_mlp": False,
            "positions": "learned", "attention_bias": True, "output_bias": True, "mlp_bias": True,
        },
        "micro": 3,
        "plan": {},
    },
}  # fmt: skip


def made(case: dict[str, Any]) -> tuple[Transformer, Plan]:
    model = toy.model(**case["model"])
    if "lora" in case:
        inject(model, LoraConfig(**case["lora"]), seed=1)
    return model, toy.plan(STEPS, **case["plan"])


def checkpoints(case: dict[str, Any], folder: Path, world: World) -> Checkpoints:
    files = AdapterFiles("base") if "lora" in case else WholeModel()
    return Checkpoints(folder=folder, keep=9, weights=files, world=world)


def trained(
    name: str, folder: Path, world: World, *, stop_at: int | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A case from its newest checkpoint to the end (or to `stop_at`): its weights, its curve."""
    case = CASES[name]
    model, plan = made(case)
    world.spread(model)
    data = toy.ToyBatches(rows_per_batch=case["micro"])
    objective = NextToken(
        batches=data,
        held_out=toy.ToyBatches(seed=77, rows_per_batch=2).rows(0),
        rank=world.rank,
        ranks=world.size,
        added=world.all_reduce,
    )
    state = State.fresh(model, plan)
    kept = checkpoints(case, folder, world)
    kept.restore(model, state)
    steps: list[tuple[float, float]] = []
    seen: list[float] = []
    train(
        model,
        objective,
        plan,
        state=state,
        world=world,
        on_step=lambda step: steps.append((step.loss, step.norm)),
        on_validation=lambda found: seen.append(found.metrics["loss"]),
        on_checkpoint=lambda state: kept.save(model, state) and None,
        # One rank asks; all stop.
        should_stop=lambda: stop_at == state.step and world.rank == world.size - 1,
    )
    with state.averaged():
        whole = world.whole(model)
        named = whole.named_parameters() if world.first else ()
        weights = {name: parameter.detach().clone() for name, parameter in named}
    return weights, {"steps": steps, "validations": seen, "step": state.step}


class Poisoned(NextToken):
    """A loss that is no number, on one rank only."""

    def loss(self, model: Transformer, micro: Any) -> Loss:
        found = super().loss(model, micro)
        sick = self.rank == self.ranks - 1
        return Loss(total=found.total * float("nan") if sick else found.total)


def poisoned(folder: Path, world: World) -> str:
    model, plan = toy.model(), toy.plan(2, nonfinite_folder=folder)
    world.spread(model)
    data = toy.ToyBatches(rows_per_batch=3)
    objective = Poisoned(batches=data, rank=world.rank, ranks=world.size)
    try:
        train(model, objective, plan, state=State.fresh(model, plan), world=world)
    except NonFinite as error:
        return error.message
    return ""


def laws(out: Path, world: World) -> None:
    """2 ranks: each case whole, and one that stops in the middle and goes on."""
    for name in CASES:
        save(out, name, trained(name, out / f"{name}.run", world), world)
    for name in ("everything", "muon", "lora"):
        trained(name, out / f"{name}.halves", world, stop_at=HALF)
        save(out, f"{name}.halved", trained(name, out / f"{name}.halves", world), world)
    # What one process alone has begun, and what it will go on with.
    for name in ("everything", "muon", "lora"):
        save(out, f"{name}.taken", trained(name, out / f"{name}.alone", world), world)
        trained(name, out / f"{name}.given", world, stop_at=HALF)
    message = poisoned(out / "poisoned", world)
    if world.first:
        (out / "poisoned.txt").write_text(message, encoding="utf-8")


def save(
    out: Path, name: str, found: tuple[dict[str, Tensor], dict[str, Any]], world: World
) -> None:
    if world.first:
        save_file(found[0], out / f"{name}.safetensors")
        (out / f"{name}.json").write_text(json.dumps(found[1]), encoding="utf-8")


def main(out: Path) -> None:
    with joined(torch.device("cpu")) as world:
        laws(out, world)
        if world.rank == 1:
            raise Unavailable("the disk of this machine is full")
        world.all_reduce(torch.ones(1))  # where the others wait for it


if __name__ == "__main__":
    main(Path(sys.argv[1]))
