"""Resumed = uninterrupted, bit for bit, and a checkpoint is whole or is not there."""

from __future__ import annotations

import errno
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from fireside.errors import Corrupt, NotFound, Unavailable
from fireside.model.transformer import Transformer
from fireside.training import checkpoint, tensor_files
from fireside.training.checkpoint import Checkpoints, load_checkpoint, save_checkpoint
from fireside.training.loop import Loss, Plan, State, train
from fireside.training.objectives.next_token import NextToken, next_token_loss
from fireside.training.schedules import Schedule
from tests.training import toy


class Noisy(NextToken):
    """A loss that throws dice: torch's and Python's."""

    def loss(self, model: Transformer, micro: Any) -> Loss:
        import random

        noise = 1 + 0.1 * torch.rand(()) + 0.1 * random.random()
        return Loss(total=next_token_loss(model, micro) * noise)


def everything(model: Transformer, state: State) -> dict[str, Any]:
    """All that a run is made of."""
    found: dict[str, Any] = {f"weight/{n}": p.detach() for n, p in model.named_parameters()}
    found |= state.optimiser.tensors()
    if state.ema is not None:
        found |= {f"ema/{n}": t for n, t in state.ema.tensors().items()}
    return found | {name: getattr(state, name) for name in checkpoint.CARRIED if name != "seconds"}


def assert_same(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        if isinstance(value, Tensor):
            assert torch.equal(value, right[name]), name
        else:
            assert value == right[name], name


def run(
    plan: Plan,
    folder: Path,
    *,
    stop_at: int | None = None,
    rows: int = 6,
    **changes: Any,
) -> tuple[dict[str, Any], State, list[float]]:
    """One process's part of a run: new model and state, from the newest checkpoint."""
    model = toy.model(**changes)
    state = State.fresh(model, plan)
    checkpoints = Checkpoints(folder=folder)
    checkpoints.restore(model, state)
    held_out = toy.ToyBatches(seed=77).rows(0)
    losses: list[float] = []
    train(
        model,
        Noisy(batches=toy.ToyBatches(rows_per_batch=rows), held_out=held_out),
        plan,
        state=state,
        on_step=lambda step: losses.append(step.loss),
        on_checkpoint=lambda state: checkpoints.save(model, state) and None,
        should_stop=lambda: state.step == stop_at,
    )
    return everything(model, state), state, losses


@pytest.mark.parametrize(
    ("plan", "more"),
    [
        (toy.plan(7), {}),
        (toy.plan(7), {"rows": 2}),
        (toy.plan(7, "muon", ema=0.9, validate_every=2), {}),
        (
            toy.plan(7, "muon", ema=0.9, validate_every=1, activation_checkpointing=True),
            {"rows": 3},
        ),
        (toy.plan(7, schedule=Schedule(steps=7, name="wsd", warmup=2, decay=3)), {}),
        (toy.plan(7, precision="bfloat16"), {}),
        (
            toy.plan(7),
            {"family": "gpt2", "norm": "layernorm", "activation": "gelu_tanh", "gated_mlp": False,
             "positions": "learned", "rope": None, "attention_bias": True, "output_bias": True,
             "mlp_bias": True, "num_kv_heads": 4},
        ),
    ],
    ids=["adamw", "accumulated", "muon-ema", "muon-recomputed", "wsd", "bfloat16", "gpt2"],
)  # fmt: skip
def test_resumed_is_uninterrupted(tmp_path: Path, plan: Plan, more: dict[str, Any]) -> None:
    whole, _, losses = run(plan, tmp_path / "whole", **more)
    first = run(plan, tmp_path / "parts", stop_at=2, **more)[2]
    second = run(plan, tmp_path / "parts", stop_at=5, **more)[2]
    last, _, third = run(plan, tmp_path / "parts", **more)
    assert first + second + third == losses
    assert_same(last, whole)


def test_early_stopping_is_resumed(tmp_path: Path) -> None:
    """A rate that destroys: no validation beats the first, and patience ends in another run."""
    from fireside.training.optimisers import OptimiserConfig

    wild = OptimiserConfig(learning_rate=3.0)
    plan = toy.plan(30, optimiser=wild, validate_every=1, patience=4, clip=0.0)
    whole, state, _ = run(plan, tmp_path / "whole")
    assert state.ending == "no progress"
    assert state.step < 30
    run(plan, tmp_path / "parts", stop_at=state.step - 2)
    parts, resumed, _ = run(plan, tmp_path / "parts")
    assert resumed.ending == "no progress"
    assert_same(parts, whole)
    again, finished, losses = run(plan, tmp_path / "parts")
    assert losses == []
    assert finished.ending == "no progress"
    assert_same(again, whole)


def test_a_finished_run_does_nothing_more(tmp_path: Path) -> None:
    plan = toy.plan(3)
    whole, _, _ = run(plan, tmp_path)
    again, state, losses = run(plan, tmp_path)
    assert (losses, state.ending) == ([], "finished")
    assert_same(again, whole)


def test_the_last_and_the_best_stay(tmp_path: Path) -> None:
    model, plan = toy.model(), toy.plan(4)
    state = State.fresh(model, plan)
    checkpoints = Checkpoints(folder=tmp_path, keep=2)
    for step, loss in enumerate([3.0, 1.0, 2.0, 2.5, 2.2], start=1):
        state.step = step
        state.judge(loss)
        checkpoints.save(model, state)
    assert checkpoints.steps() == [2, 4, 5]
    assert checkpoints.best() == tmp_path / "step-000002"
    assert checkpoints.latest() == tmp_path / "step-000005"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-000002", "step-000004", "step-000005",
    ]  # fmt: skip


def test_a_checkpoint_is_a_hugging_face_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    plan = toy.plan(2)
    run(plan, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "step-000002")
    ours, state = toy.model(), None
    state = State.fresh(ours, plan)
    load_checkpoint(tmp_path / "step-000002", ours, state)
    ids = torch.arange(10)[None]
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, ours(ids), atol=1e-5, rtol=1e-4)


# What can go wrong


def test_another_shape_is_named(tmp_path: Path) -> None:
    plan = toy.plan(1)
    run(plan, tmp_path)
    with pytest.raises(Corrupt, match="width is 16, not 24"):
        run(plan, tmp_path, width=24)


def test_another_optimiser_is_named(tmp_path: Path) -> None:
    run(toy.plan(2), tmp_path)
    model = toy.model()
    for parameter in model.model.layers[0].parameters():
        parameter.requires_grad_(False)
    with pytest.raises(Corrupt, match="which this run does not"):
        Checkpoints(folder=tmp_path).restore(model, State.fresh(model, toy.plan(2)))


@pytest.mark.parametrize("name", ["model.safetensors", "optimiser.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["gone", "half", "empty"])
def test_damage_is_one_line(tmp_path: Path, name: str, damage: str) -> None:
    run(toy.plan(1), tmp_path)
    path = tmp_path / "step-000001" / name
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[: len(content) // 2] if damage == "half" else b"")
    with pytest.raises((Corrupt, NotFound)) as caught:
        run(toy.plan(1), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_slow_copy_that_is_not_there_is_named(tmp_path: Path) -> None:
    run(toy.plan(1), tmp_path)
    with pytest.raises(Corrupt, match="slow copy"):
        run(toy.plan(1, ema=0.9), tmp_path)


@pytest.mark.parametrize("at", ["save_file", "_sync", "rename", "write_text"])
def test_a_full_disk_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    plan = toy.plan(4)
    whole, _, _ = run(plan, tmp_path / "whole")
    run(plan, tmp_path / "run", stop_at=2)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if at == "rename":
            patch.setattr(checkpoint.os, "rename", full)
        elif at == "write_text":
            patch.setattr(Path, "write_text", full)
        elif at == "save_file":
            patch.setattr(tensor_files, at, full)
        else:
            patch.setattr(checkpoint, at, full)
        with pytest.raises(Unavailable, match=r"the disk is full.*start the same command"):
            run(plan, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["step-000002"]
    assert_same(run(plan, tmp_path / "run")[0], whole)


LIMITED = """
import resource, signal, sys
from pathlib import Path
from fireside.errors import Unavailable
from fireside.training.checkpoint import Checkpoints
from fireside.training.loop import State
from tests.training import toy
model, plan = toy.model(), toy.plan(4)
state = State.fresh(model, plan)
checkpoints = Checkpoints(folder=Path(sys.argv[1]))
state.step = 1
checkpoints.save(model, state)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
state.step = 2
try:
    checkpoints.save(model, state)
except Unavailable as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file size there")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The system itself says no, inside the library that writes."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("step 2 could not be saved"), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001"]


KILLED = """
import os, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from fireside.training import checkpoint, tensor_files
from tests.training.test_checkpoint import everything, run
from tests.training import toy
import safetensors.torch

folder, plan = Path(sys.argv[1]), toy.plan(200, "muon", ema=0.9)
run(plan, folder, stop_at=2)
newest = lambda: checkpoint.Checkpoints(folder=folder).steps()[-1]

def bomb(function, countdown):
    def ticking(*args, **more):
        countdown[0] -= 1
        if countdown[0] == 0:
            os.kill(os.getpid(), 9)
        return function(*args, **more)
    return ticking

for moment in range(1, 100):
    before = newest()
    child = os.fork()
    if child == 0:
        left = [moment]
        for owner, name in [(os, "rename"), (os, "fsync"), (os, "unlink"), (os, "rmdir"),
                            (os, "open"), (tensor_files, "save_file"), (Path, "write_text")]:
            setattr(owner, name, bomb(getattr(owner, name), left))
        run(plan, folder, stop_at=before + 1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(newest() - before, flush=True)
    if status == 0:
        break
    assert status == 9, status
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is another thing there")
def test_killed_at_every_moment_of_a_save(tmp_path: Path) -> None:
    """Killed before each call that touches the disk; nothing but the last step may be lost.

    The folder is not put right between the kills, so half-written remains pile up as well.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    moments = done.stdout.split()
    assert set(moments) == {"0", "1"}  # before the rename, and after it
    assert len(moments) > 12
    plan, last = toy.plan(200, "muon", ema=0.9), 3 + moments.count("1")
    parts = run(plan, tmp_path / "run", stop_at=last)[0]
    assert_same(parts, run(plan, tmp_path / "whole", stop_at=last)[0])
    assert [path.name for path in (tmp_path / "run").iterdir()] == [f"step-{last:06d}"]


def test_killed_at_random(tmp_path: Path) -> None:
    """A process that saves after every step, killed from outside at any moment."""
    program = (
        "import sys; from pathlib import Path; import torch; torch.set_num_threads(1)\n"
        "from tests.training.test_checkpoint import run; from tests.training import toy\n"
        "print('go', flush=True)\n"
        "run(toy.plan(100000, checkpoint_every=1), Path(sys.argv[1]))"
    )
    plan = toy.plan(100000, checkpoint_every=1)
    for delay in (0.3, 0.55):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "run")], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        process.stdout.close()
    reached = max([0, *Checkpoints(folder=tmp_path / "run").steps()])
    shutil.copytree(tmp_path / "run", tmp_path / "copy") if reached else None
    last = run(plan, tmp_path / "copy", stop_at=reached + 1)[0]
    whole = run(plan, tmp_path / "whole", stop_at=reached + 1)[0]
    assert_same(last, whole)


def test_saving_the_same_step_again_changes_nothing(tmp_path: Path) -> None:
    model, plan = toy.model(), toy.plan(2)
    state = State.fresh(model, plan)
    path = tmp_path / "step-000000"
    save_checkpoint(path, model, state)
    assert Checkpoints(folder=tmp_path).save(model, state) == path
