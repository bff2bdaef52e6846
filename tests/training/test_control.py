"""Runs in a worker process, watched and stopped from here."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from safetensors.torch import load_file

from fireside.errors import Conflict, Unavailable
from fireside.training.config import TrainConfig
from fireside.training.control import RunHandle
from fireside.training.run import RunFolder
from fireside.training.start import run

from . import tiny
from .test_start import MODELS


@pytest.fixture
def slow(tmp_path: Path) -> TrainConfig:
    """More steps than anybody waits for."""
    tiny.text(tmp_path)
    return tiny.config(tmp_path, schedule={"steps": 100_000}, validate={"every": 50_000})


def wait_for(handle: RunHandle, kind: str) -> None:
    for row in handle.events(follow=True):
        if row["kind"] == kind:
            return
    raise AssertionError(f"no {kind}: {handle.status()}")


def test_started_watched_paused_and_cancelled_from_here(slow: TrainConfig) -> None:
    handle = RunHandle.launch(slow)
    wait_for(handle, "step")
    status = handle.status()
    assert status.state == "running"
    assert status.process is not None
    with pytest.raises(Conflict, match="being trained just now"):
        RunHandle.launch(slow)
    other = RunHandle(slow.run.out)  # as another process would
    other.pause()
    paused = other.wait(timeout=120)
    assert paused.state == "paused"
    assert paused.step > 0
    assert RunFolder(Path(slow.run.out)).checkpoints()[-1].name == f"step-{paused.step:06d}"
    with pytest.raises(Conflict, match="no process works on it"):
        handle.pause()
    handle.resume()
    wait_for(handle, "resumed")
    handle.cancel()
    assert handle.wait(timeout=120).state == "cancelled"
    with pytest.raises(Conflict, match="is cancelled already"):
        handle.cancel()
    with pytest.raises(Conflict, match="holds a cancelled run"):
        handle.resume()


def test_killed_at_any_moment_it_goes_on_as_if_nothing_had_been(
    tmp_path: Path,
) -> None:
    tiny.text(tmp_path)
    long = {"schedule": {"steps": 60, "warmup": 1, "decay": 2}}
    whole, killed = (tiny.config(tmp_path, run={"out": str(tmp_path / name)}, **long)
                     for name in ("whole", "killed"))  # fmt: skip
    run(whole, models_dir=MODELS)
    handle = RunHandle.launch(killed)
    wait_for(handle, "checkpoint")
    status = handle.status()
    if status.process is not None:  # else it was quicker than we were
        with suppress(ProcessLookupError):
            os.kill(status.process.pid, signal.SIGKILL)
    assert handle.wait(timeout=600).state in ("interrupted", "finished")
    if handle.status().state == "interrupted":
        run(killed, models_dir=MODELS)
    one, other = (load_file(tmp_path / name / "model" / "model.safetensors")
                  for name in ("whole", "killed"))  # fmt: skip
    assert all(bool((one[name] == other[name]).all()) for name in one)


def test_a_worker_that_cannot_begin_says_why(tmp_path: Path) -> None:
    config = tiny.config(tmp_path)  # without its text
    with pytest.raises(Unavailable, match="There is no file or folder"):
        # Whoever is quicker, the worker or we, the line is the same.
        raise Unavailable(RunHandle.launch(config).wait(timeout=120).error or "none")
