"""`torchrun … -m fireside pretrain`: one run of several ranks, killed, stopped and gone on with.

What is waited for is rows in `metrics.jsonl` and the end of processes, never a time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from fireside.training.control import RunHandle
from fireside.training.metrics import curve, read_rows
from tests.training import tiny
from tests.training.test_parallel import HERE, PATIENCE, torchrun

STEPS = 80
Trained = subprocess.Popen[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny.text(tmp_path)
    slow = {"schedule": {"steps": STEPS}, "checkpoint": {"every": 4}, "validate": {"every": 40}}
    config = tiny.config(tmp_path, **slow)
    (tmp_path / "run.toml").write_text(config.toml(), encoding="utf-8")
    return tmp_path


@contextmanager
def training(folder: Path, *more: str, restarts: int = 0) -> Iterator[Trained]:
    command = torchrun(
        "-m", "fireside", "pretrain", "--config", str(folder / "run.toml"), *more,
        restarts=restarts,
    )  # fmt: skip
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(HERE),
        "FIRESIDE_HOME": str(folder / "home"),
    }
    process = subprocess.Popen(
        command, env=environment, cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        for left in ranks_of(process):
            left.kill()
        process.kill()
        process.communicate()


def ranks_of(process: Trained) -> list[psutil.Process]:
    """The ranks in order; none when torchrun is gone."""
    try:
        children = psutil.Process(process.pid).children()
        ours = [one for one in children if "fireside" in one.cmdline()]
        return sorted(ours, key=lambda one: int(one.environ()["RANK"]))
    except psutil.Error:
        return []


def until_step(run: Path, step: int, process: Trained) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(row["kind"] == "step" and row["step"] >= step for row in rows(run)):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def rows(run: Path) -> list[dict[str, Any]]:
    return list(read_rows(run / "metrics.jsonl"))


def said(errors: str) -> list[str]:
    return [line for line in errors.splitlines() if line.startswith("fireside: ")]


def record(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return found


def test_killed_then_paused_then_gone_on_with_by_one_process(folder: Path) -> None:
    """The steps of each life follow on its last checkpoint; together they are one run."""
    run = folder / "run"
    with training(folder, restarts=1) as process:
        until_step(run, 6, process)
        _, second = ranks_of(process)
        second.kill()
        until_step(run, 12, process)
        RunHandle(run).pause()
        _, errors = process.communicate(timeout=PATIENCE)
    # To be paused is no failure: torchrun has nothing to start again, and one rank has said so.
    assert process.returncode == 0, errors
    assert len([line for line in said(errors) if "Saved." in line]) == 1
    assert record(run)["state"] == "paused"
    (resumed,) = [row["step"] for row in rows(run) if row["kind"] == "resumed"]
    assert resumed >= 4
    go_on(run)


def test_ctrl_c_saves(folder: Path) -> None:
    run, config = folder / "run", folder / "run.toml"
    endless = 100_000  # a busy machine may be late with the signal
    text = config.read_text(encoding="utf-8").replace(f"steps = {STEPS}", f"steps = {endless}")
    config.write_text(text, encoding="utf-8")
    with training(folder) as process:
        until_step(run, 2, process)
        # As a terminal does: to torchrun and to all ranks at once.
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert len([line for line in said(errors) if "Saved." in line]) == 1, errors
    assert record(run)["state"] == "paused"
    last = max(row["step"] for row in rows(run) if row["kind"] == "step")
    assert last < endless
    assert (run / "checkpoints" / f"step-{last:06d}" / "optimiser").is_dir()


def go_on(run: Path) -> None:
    """In one process, to the end."""
    RunHandle(run).resume(environment={**os.environ, "PYTHONPATH": str(HERE)})
    assert RunHandle(run).wait(PATIENCE).state == "finished"
    assert [row["step"] for row in curve(run / "metrics.jsonl")] == [*range(1, STEPS + 1)]
    assert (run / "model" / "model.safetensors").is_file()
