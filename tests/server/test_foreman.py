"""Jobs and their runs: what is asked is done, and whoever dies in between, it is done once."""

from __future__ import annotations

import asyncio
import csv
import errno
import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fireside.server.tuning import intake
from fireside.server.tuning.jobs import model_name, shown
from fireside.storage import Store
from fireside.storage.objects import Stored
from fireside.training.control import RunHandle

from .tuning_base import House, install, lines, until

LONG = {"hyperparameters": {"n_epochs": 50, "batch_size": 1}}


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "models"
    install(folder, tmp_path_factory.mktemp("base"))
    return folder


@pytest.fixture
def house(models_dir: Path, tmp_path: Path) -> Iterator[House]:
    (tmp_path / "models").symlink_to(models_dir)
    with Store.open(tmp_path / "fireside.db") as store:
        house = House(tmp_path, store)
        yield house
        for job in house.store.objects.listed("ft_job", owner=None).items:
            if (house.home / "runs" / job.id / "run.json").exists():
                process = RunHandle(house.home / "runs" / job.id).status().process
                if process is not None and process.alive:
                    os.kill(process.pid, signal.SIGKILL)


def worker(house: House, job: Stored) -> psutil.Process:
    process = RunHandle(house.home / "runs" / job.id).status().process
    assert process is not None
    return psutil.Process(process.pid)


def test_server_and_worker_are_killed_and_the_job_succeeds_once(house: House) -> None:
    hinted = lines(10).replace(b'{"messages"', b'{"parallel_tool_calls": true, "messages"')
    job = house.job(hinted, **LONG, validation_file=house.file(lines(2)), suffix="it")
    first = house.foreman()
    until(first, lambda: len(house.steps(job)) > 2)
    at_work = worker(house, job)
    assert at_work.nice() >= 10
    del first  # kill -9 of a server: nothing is told to anyone, and the worker goes on
    second = house.foreman()
    second.round()
    assert house.now(job).status in ("running", "succeeded")
    assert at_work.is_running()
    at_work.kill()
    until(second, lambda: house.now(job).status not in ("running", "queued"))
    done = house.now(job)
    assert done.status == "succeeded", shown(done)
    assert done.body["fine_tuned_model"] == model_name(done)
    assert done.body["trained_tokens"] > 0
    messages = [event.body["message"] for event in house.events(job)]
    assert messages[0] == f"Created fine-tuning job: {job.id}"
    assert messages[-1] == "The job has successfully completed"
    assert messages.count("The job has successfully completed") == 1
    assert any("validation loss" in message for message in messages)
    assert "not used: parallel_tool_calls, of 10 rows (first training_file.jsonl:1)" in messages
    told = csv.DictReader(io.StringIO(_results(house, done)))
    rows = list(told)
    assert [int(row["step"]) for row in rows] == list(range(1, len(rows) + 1))
    assert rows[-1]["train_loss"]
    assert rows[-1]["valid_loss"]
    # Its models: the result, and three checkpoints with weights of their own.
    names = house.tuned.names("")
    assert len(names) == 4
    assert house.tuned.names("another") == []
    assert house.tuned.local(model_name(done), "another") is None
    for name in names:
        local = house.tuned.local(name, "")
        assert local is not None
        assert local.adapter is not None
    for name in names:
        house.tuned.remove(name, "")
    assert not (house.home / "runs" / job.id).exists()
    assert not (house.home / "runs" / ".data" / job.id).exists()


def _results(house: House, job: Stored) -> str:
    [file_id] = job.body["result_files"]
    assert house.files.get(file_id, "").body["purpose"] == "fine-tune-results"
    with house.files.content(file_id, "") as file:
        return file.read().decode()


def test_paused_resumed_and_cancelled(house: House) -> None:
    job = house.job(lines(300), **LONG)
    foreman = house.foreman()
    other = house.job(lines(10), **LONG)
    until(foreman, lambda: bool(house.steps(job)))
    assert house.now(other).status == "queued"  # one at a time
    house.jobs.cancel(other.id, "")
    house.jobs.pause(job.id, "")
    until(foreman, lambda: house.now(job).body["settled"])
    assert house.now(job).status == "paused"
    before = max(house.steps(job))
    house.jobs.resume(job.id, "")
    until(foreman, lambda: max(house.steps(job)) > before)
    assert house.now(job).status == "running"
    house.jobs.cancel(job.id, "")
    until(foreman, lambda: house.now(job).body["settled"])
    foreman.round()
    assert house.now(job).status == "cancelled"
    assert RunHandle(house.home / "runs" / job.id).status().state == "cancelled"
    assert not (house.home / "runs" / other.id).exists()


def test_a_stop_leaves_no_worker_and_the_job_to_go_on_with(house: House) -> None:
    job = house.job(lines(300), **LONG)

    async def served() -> psutil.Process:
        foreman = house.foreman()
        await foreman.start()
        while not house.steps(job):
            await asyncio.sleep(0.05)
        at_work = worker(house, job)
        await foreman.stop()
        return at_work

    assert not asyncio.run(served()).is_running()
    assert RunHandle(house.home / "runs" / job.id).status().state == "paused"
    assert house.now(job).status == "running"


def test_a_full_disk_fails_the_job_and_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = house.job(lines(10)), house.job(lines(9))
    broken = OSError(errno.ENOSPC, "No space left on device")
    real = intake.convert

    def full(source: Path, *rest: Any, **how: Any) -> int:
        if source.name == first.body["training_file"]:
            raise broken
        return real(source, *rest, **how)

    monkeypatch.setattr(intake, "convert", full)
    house.foreman().round()
    assert "No space left on device" in shown(house.now(first))["error"]["message"]
    assert "has 9 example(s)" in shown(house.now(second))["error"]["message"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has 0 example(s), but must have at least 10 examples"),
        (lines(9), "has 9 example(s), but must have at least 10 examples"),
        (lines(10) + b"\n{", "Line 11: it is not JSON"),
        (lines(10) + b"\n\xff", "Line 11: it is not UTF-8"),
        (lines(10) + b"\n[]", "Line 11: it is no JSON object but list"),
        (b"[" * 60_000, "Line 1: it is not JSON"),
        (b'{"prompt": "a", "completion": "b"}', "Line 1: the line has the unknown field 'prompt'"),
        (
            b'{"messages": [{"role": "user", "content": "a"}]}',
            "Line 1: messages has no turn of the assistant",
        ),
        (b'{"messages": [{"role": "robot", "content": "a"}]}', "the role 'robot'"),
        (
            b'{"messages": [{"role": "user", "content": "a", "mood": 1}, '
            b'{"role": "assistant", "content": "b"}]}',
            "messages[0] has the unknown field 'mood'",
        ),
        (b"PK\x03\x04\x00\x00", "Line 1: it is not"),
        (b'{"messages": [], "messages": []}', "the key 'messages' stands twice"),
        (
            b'{"messages": [{"role": "user", "content": "a"}, '
            b'{"role": "assistant", "content": "b", "refusal": "c"}]}',
            "messages[1].refusal is not read",
        ),
    ],
)
def test_a_broken_file_fails_the_job_by_its_line(house: House, data: bytes, said: str) -> None:
    job = house.job(data)
    house.foreman().round()
    failed = shown(house.now(job))
    assert failed["status"] == "failed"
    assert failed["error"]["code"] == "invalid_training_file"
    assert failed["error"]["param"] == "training_file"
    assert said in failed["error"]["message"]
    assert house.events(job)[-1].body["level"] == "error"


def test_a_file_that_is_gone_fails_the_job(house: House) -> None:
    job = house.job(lines(10))
    house.files.remove(job.body["training_file"], "")
    house.foreman().round()
    assert shown(house.now(job))["error"]["param"] == "training_file"


def test_packages_that_are_gone_fail_the_job_with_the_command(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = house.job(lines(10))
    monkeypatch.setattr("fireside.training.packages.find_spec", lambda name: None)
    house.foreman().round()
    failed = shown(house.now(job))
    assert (failed["status"], failed["error"]["code"]) == ("failed", "packages_missing")
    assert "-m pip install " in failed["error"]["message"]
