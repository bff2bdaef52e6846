"""State to disk, whole or not at all, and back bit for bit.

    checkpoints/step-000100/
        config.json, model.safetensors     a Hugging Face folder: any tool can read it
        optimiser.safetensors              "exp_avg/NAME", "exp_avg_sq/NAME", "momentum/NAME" ...;
                                           of several ranks: optimiser/, a file of each
        ema.safetensors                    the slow copy, where there is one
        state.json                         step, best so far, and so on (`state.py`)

A checkpoint is written beside, brought to the disk and renamed; an old one is renamed before it is
removed.  So whatever has the name `step-N` is whole, also after kill -9, and a full disk leaves
the old one.  One run writes to a folder at a time: the run's lock sees to that.  Several ranks
write one checkpoint together, and any number of ranks reads it.  Nothing here is unpickled.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from safetensors import SafetensorError

from fireside.errors import Corrupt, NotFound, Unavailable
from fireside.model.transformer import Transformer
from fireside.training.state import State
from fireside.training.tensor_files import read_tensors, there, write_tensors
from fireside.training.weight_files import WholeModel
from fireside.training.world import World

FORMAT = 1
OPTIMISER, EMA, STATE = "optimiser.safetensors", "ema.safetensors", "state.json"
CARRIED = ("step", "weight", "seconds", "best_loss", "best_step", "stale", "validated")
_NAME = re.compile(r"step-(\d{6,})")


class WeightFiles(Protocol):
    """How a model's weights stand in a checkpoint: whole, or an adapter alone."""

    def save(self, model: Transformer, folder: Path) -> None:
        """Make `folder`, which is not there yet."""
        ...

    def load(self, model: Transformer, folder: Path) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """The checkpoints of a run.  keep: how many of the newest stay, besides the best.

    Every rank of `world` must call `save` and `restore`.
    """

    folder: Path
    keep: int = 1
    weights: WeightFiles = field(default_factory=WholeModel)
    world: World = field(default_factory=World)

    def save(self, model: Transformer, state: State) -> Path:
        """Write the state of now, then let go of what is older.  Errors: Unavailable."""
        path = self.path(state.step)
        missing = self.world.once(lambda: self._missing(path))
        if missing:  # a step has one state: resumed = uninterrupted
            save_checkpoint(path, model, state, weights=self.weights, world=self.world)
        if self.world.first:
            self._let_go(state)
        return path

    def _missing(self, path: Path) -> str:
        self._tidy()
        return "" if path.exists() else "missing"

    def _let_go(self, state: State) -> None:
        kept = {*self.steps()[-max(1, self.keep) :], state.step, state.best_step}
        for step in self.steps():
            if step not in kept:
                _remove(self.path(step))

    def restore(self, model: Transformer, state: State, path: Path | None = None) -> bool:
        """Bring model and state to `path`, or to the newest; False where there is none.

        Errors: Corrupt, when it is of another model or damaged.
        """
        path = path or self.latest()
        if path is None:
            return False
        load_checkpoint(path, model, state, weights=self.weights, world=self.world)
        return True

    def steps(self) -> list[int]:
        """Of which steps there are checkpoints, oldest first."""
        if not self.folder.is_dir():
            return []
        names = (_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(name.group(1)) for name in names if name)

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}"

    def latest(self) -> Path | None:
        steps = self.steps()
        return self.path(steps[-1]) if steps else None

    def best(self) -> Path | None:
        """The one with the best validation; the newest where nothing was validated."""
        latest = self.latest()
        if latest is None:
            return None
        step = read_state(latest)["best_step"]
        path = latest if step is None else self.path(int(step))
        return path if path.exists() else latest

    def _tidy(self) -> None:
        """Remove what a killed process left half written or half removed."""
        if self.folder.is_dir():
            for path in self.folder.glob(".*-step-*"):
                shutil.rmtree(path, ignore_errors=True)


def save_checkpoint(
    folder: Path,
    model: Transformer,
    state: State,
    *,
    weights: WeightFiles | None = None,
    world: World | None = None,
) -> None:
    """Write one checkpoint; `folder` appears whole.  Errors: Unavailable."""
    world = world or World()
    files = weights or WholeModel()
    with disk_errors(folder, state.step):
        whole = world.whole(model)
        room = Path(world.once(lambda: _room(folder, files, whole)))
        del whole
        try:
            beside = room / folder.name
            write_tensors(beside / OPTIMISER, state.optimiser.tensors())
            if state.ema is not None:
                write_tensors(beside / EMA, state.ema.tensors())
            world.once(lambda: _appear(beside, folder, state))
        finally:
            if world.first:
                shutil.rmtree(room, ignore_errors=True)


def _room(folder: Path, files: WeightFiles, whole: Transformer) -> str:
    """A new folder beside the checkpoints, with the weights in it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    room = tempfile.mkdtemp(prefix=".new-step-", dir=folder.parent)
    try:
        files.save(whole, Path(room) / folder.name)
    except BaseException:
        shutil.rmtree(room, ignore_errors=True)
        raise
    return room


def _appear(beside: Path, folder: Path, state: State) -> str:
    """Complete it, bring it to the disk, give it its name."""
    said = {"format": FORMAT, **{name: getattr(state, name) for name in CARRIED}}
    (beside / STATE).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    for path in (*sorted(beside.rglob("*")), beside):
        _sync(path)
    os.rename(beside, folder)
    _sync(folder.parent)
    return ""


def load_checkpoint(
    folder: Path,
    model: Transformer,
    state: State,
    *,
    weights: WeightFiles | None = None,
    world: World | None = None,
) -> None:
    """Bring a model and its `State.fresh` to what they were.  Errors: NotFound, Corrupt."""
    said = read_state(folder)
    with (world or World()).loading(model) as whole:
        (weights or WholeModel()).load(whole, folder)
    owners = {name: parameter for parameter, name in state.optimiser.names.items()}
    state.optimiser.load(read_tensors(folder / OPTIMISER, owners))
    if state.ema is not None:
        if not there(folder / EMA):
            raise Corrupt(f"{folder} holds no slow copy (ema), which this run has: start anew")
        state.ema.load(read_tensors(folder / EMA, owners))
    for name in CARRIED:
        setattr(state, name, said[name])
    state.ending = None


def read_state(folder: Path) -> Mapping[str, float | None]:
    """state.json.  Errors: NotFound, Corrupt."""
    try:
        said = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"{folder} is no checkpoint: it lacks {STATE}") from None
    except (OSError, ValueError) as error:
        raise Corrupt(f"{folder / STATE} cannot be read ({error}): use an older one") from None
    if not isinstance(said, dict) or said.get("format") != FORMAT or not {*CARRIED} <= said.keys():
        raise Corrupt(f"{folder / STATE} is of another version: train with the one that wrote it")
    return said


def _remove(folder: Path) -> None:
    """Half a checkpoint may never carry a checkpoint's name."""
    gone = folder.with_name(f".old-{folder.name}")
    os.rename(folder, gone)
    shutil.rmtree(gone, ignore_errors=True)


def _sync(path: Path) -> None:
    """Bring a file or a folder's names to the disk; folders cannot be opened on Windows."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(folder: Path, step: int) -> Iterator[None]:
    """Errors of the disk as one line that says what is safe."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        number = getattr(error, "errno", None)
        full = number in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} or "os error 28" in str(error)
        why = "the disk is full" if full else f"{error}"
        raise Unavailable(
            f"step {step} could not be saved in {folder.parent}: {why}. The checkpoint before it "
            "is whole: free some space, then start the same command again."
        ) from error
