from __future__ import annotations

import errno
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from fireside.errors import Conflict, Corrupt, NotFound, Unavailable
from fireside.training.config import TrainConfig, merged
from fireside.training.run import LOCK, RECORD, Process, RunFolder, code_version, write_whole

from . import tiny


def begun(folder: RunFolder, config: TrainConfig) -> None:
    with folder.held():
        folder.begin(config)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    begun(made, tiny.config(tmp_path))
    return made


def changed(folder: RunFolder, **over: object) -> TrainConfig:
    return TrainConfig.of(merged(folder.read().requested, over))


def test_a_new_run_knows_what_it_was_asked(folder: RunFolder, tmp_path: Path) -> None:
    record = folder.read()
    assert record.state == "preparing"
    assert record.process is not None
    assert record.process.pid == os.getpid()
    assert folder.config() == tiny.config(tmp_path)
    assert record.code == code_version()


def test_the_same_command_goes_on(folder: RunFolder) -> None:
    created = folder.read().created_at
    folder.update(state="failed", error="no room", step=3)
    begun(folder, folder.config())
    record = folder.read()
    assert (record.state, record.error, record.step) == ("preparing", None, 3)
    assert record.created_at == created


def test_another_command_is_a_conflict_that_names_what_differs(folder: RunFolder) -> None:
    (folder / "checkpoints" / "step-000002").mkdir(parents=True)
    with pytest.raises(Conflict, match="repeat its command") as caught:
        begun(folder, changed(folder, run={"seed": 5}, schedule={"steps": 9}))
    assert "run.seed" in caught.value.message
    assert "schedule.steps" in caught.value.message
    begun(folder, changed(folder, run={"threads": 7, "device": "cpu"}))


def test_before_the_first_checkpoint_a_mended_command_begins_anew(folder: RunFolder) -> None:
    (folder / "data").mkdir()
    (folder / "mine.txt").write_text("keep")
    folder.update(state="failed", error="wrong column")
    begun(folder, changed(folder, run={"seed": 5}))
    assert folder.config().run.seed == 5
    assert not (folder / "data").exists()
    assert (folder / "mine.txt").exists()


@pytest.mark.parametrize("state", ["finished", "cancelled"])
def test_what_has_ended_stays(folder: RunFolder, state: str) -> None:
    folder.update(state=state)
    with pytest.raises(Conflict, match=f"holds a {state} run"):
        begun(folder, folder.config())


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "letters.txt").write_text("dear")
    with pytest.raises(Conflict, match=r"holds no run \(letters.txt\)"):
        begun(RunFolder(tmp_path / "run"), tiny.config(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises((Conflict, Unavailable)):
        begun(RunFolder(tmp_path / "file"), tiny.config(tmp_path))


def test_two_at_once(folder: RunFolder) -> None:
    with (
        FileLock(folder / LOCK),
        pytest.raises(Conflict, match=rf"being trained just now \(process {os.getpid()}\)"),
    ):
        begun(folder, folder.config())


def _hold(path: Path, ready: multiprocessing.Event, done: multiprocessing.Event) -> None:  # type: ignore[valid-type]
    with RunFolder(path).held():
        ready.set()
        done.wait(600)


def test_two_processes_at_once(folder: RunFolder) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(folder.path, ready, done))
    other.start()
    try:
        assert ready.wait(600)
        with pytest.raises(Conflict, match="being trained just now"), folder.held():
            pass
    finally:
        done.set()
        other.join()
    with folder.held():
        pass


def test_a_run_whose_process_is_gone_was_interrupted(folder: RunFolder) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    here = Process.here()
    mine = here.model_copy(update={"pid": gone.pid})
    gone.wait()
    folder.update(state="running", process=mine.model_dump())
    assert folder.status().state == "interrupted"
    assert folder.read().state == "running"
    # Another program that was given its number is not it.
    folder.update(process={**here.model_dump(), "started": here.started - 1000})
    assert folder.status().state == "interrupted"
    # Another machine's process cannot be asked.
    folder.update(process={**mine.model_dump(), "host": "elsewhere"})
    assert folder.status().state == "running"
    folder.update(process=here.model_dump())
    assert folder.status().state == "running"


def test_no_run_and_a_damaged_one(tmp_path: Path, folder: RunFolder) -> None:
    with pytest.raises(NotFound, match="holds no run"):
        RunFolder(tmp_path).read()
    (folder / RECORD).write_text('{"format": 1, "kind": "firesi')
    with pytest.raises(Corrupt, match="is damaged"):
        folder.read()


def test_a_record_of_a_later_version_is_read_for_what_we_know(folder: RunFolder) -> None:
    plain = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps({**plain, "colour": "blue"}))
    assert folder.read() == folder.status()


def test_a_full_disk_is_one_line_and_leaves_what_was(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / RECORD).read_text()

    def full(self: Path, *args: object, **how: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(Unavailable, match="is full: make room, then repeat the command"):
        folder.update(step=2)
    monkeypatch.undo()
    assert (folder / RECORD).read_text() == before
    assert [path.name for path in folder.path.iterdir() if "run.json." in path.name] == []


def test_a_folder_that_moved_is_still_itself(folder: RunFolder, tmp_path: Path) -> None:
    folder.path.rename(tmp_path / "moved")
    moved = RunFolder(tmp_path / "moved")
    assert moved.config().run.out == str(tmp_path / "moved")
    begun(moved, moved.config())


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "one")
    write_whole(tmp_path / "a", "two")
    assert (tmp_path / "a").read_text() == "two"
    assert len(list(tmp_path.iterdir())) == 1
