"""Several ranks are one process: the same curve, the same weights, the same checkpoints.

Real processes, started by torchrun on gloo; `ranks.py` is what each of them does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from fireside.errors import Corrupt
from fireside.training.checkpoint import load_checkpoint
from fireside.training.derivation import Measured
from fireside.training.memory import Workload, estimate, parameters
from fireside.training.state import State
from fireside.training.world import World
from tests.training import ranks, toy

HERE = Path(__file__).parent.parent.parent
PATIENCE = 600  # seconds, of a machine that does much else
Found = tuple[dict[str, Tensor], dict[str, Any]]


def torchrun(*arguments: str, processes: int = 2, restarts: int = 0) -> list[str]:
    return [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        "--nproc-per-node", str(processes), "--max-restarts", str(restarts), *arguments,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two ranks made of all cases, with one process's halves to go on with."""
    folder = tmp_path_factory.mktemp("ranks")
    for name in ("everything", "muon", "lora"):
        ranks.trained(name, folder / f"{name}.alone", World(), stop_at=ranks.HALF)
    command = torchrun("-m", "tests.training.ranks", str(folder))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        command, env=environment, cwd=HERE, timeout=PATIENCE, capture_output=True, text=True
    )
    warned = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert [line for line in warned if "fireside" in line or "tests" in line] == []
    # At last one rank failed: all ended, and one of them said why.
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("fireside: ")]
    assert lines == ["fireside: process 2 of 2: the disk of this machine is full"], done.stderr
    return folder


def read(out: Path, name: str) -> Found:
    said = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
    return load_file(out / f"{name}.safetensors"), said


def assert_close(one: Found, other: Found) -> None:
    """The same, but for the order in which numbers were added."""
    assert one[0].keys() == other[0].keys()
    for name, weight in one[0].items():
        torch.testing.assert_close(weight, other[0][name], rtol=2e-4, atol=2e-5, msg=name)
    assert one[1]["step"] == other[1]["step"]
    for what in ("steps", "validations"):
        ours, theirs = torch.tensor(one[1][what]), torch.tensor(other[1][what])
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def latter_half(found: Found) -> Found:
    weights, said = found
    seen = said["validations"]
    return weights, {
        **said,
        "steps": said["steps"][ranks.HALF :],
        "validations": seen[len(seen) // 2 :],
    }


@pytest.mark.parametrize("name", ranks.CASES)
def test_two_ranks_are_one_process(out: Path, tmp_path: Path, name: str) -> None:
    alone = ranks.trained(name, tmp_path, World())
    assert len(alone[1]["steps"]) == ranks.STEPS
    assert_close(read(out, name), alone)


@pytest.mark.parametrize("name", ["everything", "muon", "lora"])
def test_resumed_is_uninterrupted(out: Path, name: str) -> None:
    """Bit for bit: the same ranks add in the same order."""
    whole, resumed = read(out, name), read(out, f"{name}.halved")
    for part, weight in whole[0].items():
        assert torch.equal(weight, resumed[0][part]), part
    assert resumed[1] == latter_half(whole)[1]


@pytest.mark.parametrize("name", ["everything", "muon", "lora"])
def test_ranks_go_on_with_what_one_process_began(out: Path, name: str) -> None:
    assert_close(read(out, f"{name}.taken"), latter_half(read(out, name)))


@pytest.mark.parametrize("name", ["everything", "muon", "lora"])
def test_one_process_goes_on_with_what_ranks_began(out: Path, name: str) -> None:
    folder = out / f"{name}.given"
    assert (folder / "step-000002" / "optimiser").is_dir()
    assert_close(ranks.trained(name, folder, World()), latter_half(read(out, name)))


def test_a_checkpoint_of_ranks_is_a_hugging_face_folder_without_pickles(out: Path) -> None:
    folder = out / "everything.run" / "step-000004"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    shards = {f"shard-0000{n}-model-00001-of-00001.safetensors" for n in (1, 2)}
    assert names == {
        "config.json", "model.safetensors", "state.json",
        *(f"{part}/{shard}" for part in ("optimiser", "ema") for shard in shards),
    }  # fmt: skip


def test_a_part_that_is_missing_is_named(out: Path) -> None:
    model, plan = ranks.made(ranks.CASES["muon"])
    folder = out / "muon.given" / "step-000002" / "optimiser"
    part = sorted(folder.iterdir())[0]
    hidden = part.rename(part.with_suffix(".gone"))
    try:
        with pytest.raises(Corrupt, match=r"parts of .* are missing.*use an older checkpoint"):
            load_checkpoint(folder.parent, model, State.fresh(model, plan))
    finally:
        hidden.rename(part)


def test_the_batch_of_a_loss_that_is_no_number_is_saved_by_the_rank_that_had_it(out: Path) -> None:
    message = (out / "poisoned.txt").read_text(encoding="utf-8")
    assert "the loss is nan" in message
    assert "nonfinite-step-0-rank-*.safetensors" in message
    saved = [path.name for path in (out / "poisoned").iterdir()]
    assert saved == ["nonfinite-step-0-rank-1.safetensors"]


def test_ranks_share_what_memory_is_needed_for() -> None:
    config = toy.model(num_layers=8).config
    alone = estimate(config, Workload(rows=1, length=8, trained=parameters(config), ema=True))
    shared = Workload(rows=1, length=8, trained=parameters(config), ema=True, ranks=4)
    four = estimate(config, shared)
    assert four.optimiser == alone.optimiser // 4
    assert four.gradients == alone.gradients // 4
    assert alone.weights // 4 < four.weights < alone.weights
    assert four.activations == alone.activations


def test_a_derived_batch_is_one_that_ranks_can_share() -> None:
    known = Measured(tokens=100, ranks=3)
    assert [known.shared(rows) for rows in (1, 3, 4, 8)] == [3, 3, 6, 9]
