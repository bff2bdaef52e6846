"""A run's folder: who holds it, how far it is, what it was asked.

    DIR/run.json      this file's record: state, step, config as asked, code, hashes, result, error
    DIR/config.toml   the config, resolved          DIR/data, DIR/tokenizer   prepared
    DIR/metrics.jsonl, tensorboard/, loss.png       DIR/samples               what it wrote
    DIR/checkpoints/step-000100                     DIR/model                 the result

The same command on an unfinished folder goes on with it.  A folder that is finished, that another
process holds or that was asked for something else is a `Conflict` that says which.  `run.json` is
written beside and renamed: a reader in any process sees a whole record.  Refuses to train.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import psutil
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import fireside
from fireside.errors import Conflict, Corrupt, FiresideError, NotFound, Unavailable
from fireside.training.config import TrainConfig, differences, merged

State = Literal["preparing", "running", "paused", "finished", "cancelled", "failed", "interrupted"]
ALIVE: Final = ("preparing", "running")
ENDED: Final = ("finished", "cancelled")
RECORD: Final = "run.json"
LOCK: Final = ".lock"
# What a run makes, and what starting over removes: nothing else in the folder is touched.
MADE: Final = (
    "config.toml", "data", "held_out", "tokenizer", "metrics.jsonl", "tensorboard", "samples",
    "checkpoints", "loss.png", "model", "request.json",
)  # fmt: skip
# A process that has stopped, or was killed, may hold the lock until its last thread is gone.
_LEAVING: Final = 30.0
# Where these differ it is still the same run.
FREE: Final = ("run.out", "run.threads", "run.device")


class Process(BaseModel):
    """A process, so that another one with its number is not taken for it."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float
    host: str

    @classmethod
    def here(cls) -> Process:
        own = psutil.Process()
        return cls(pid=own.pid, started=own.create_time(), host=socket.gethostname())

    @property
    def alive(self) -> bool:
        """Whether it runs; of another machine's, which cannot be asked, its word is taken."""
        if self.host != socket.gethostname():
            return True
        try:
            found = psutil.Process(self.pid)
            # Linux derives the start from a clock that may be set meanwhile: seconds, not equality.
            same = abs(found.create_time() - self.started) < 5
            return same and found.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


class RunRecord(BaseModel):
    """`run.json`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = 1
    kind: Literal["fireside-run"] = "fireside-run"
    method: str
    state: State = "preparing"
    process: Process | None = None
    step: int = 0
    steps: int | None = None
    decided: bool = Field(False, description="The clock has set the last step (`clock.py`).")
    elapsed: float = 0.0
    loss: float | None = None
    before: dict[str, float] = Field({}, description="A base's held-out figures, untuned.")
    validation: dict[str, float] = Field({}, description="The last held-out figures.")
    tokens_per_second: float | None = None
    seconds_left: float | None = None
    activity: str = Field("", description="What it does just now, in words.")
    requested: dict[str, Any]
    code: str = fireside.__version__
    base: str | None = None
    data: dict[str, str] = Field({}, description="File -> sha256.")
    result: str | None = Field(None, description="The model, relative to the folder.")
    scores: dict[str, float] = {}
    error: str | None = None
    created_at: float
    updated_at: float
    ended_at: float | None = None


class RunFolder:
    """The folder at `path`.  Reading needs nothing; writing needs `held`."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def exists(self) -> bool:
        return (self / RECORD).is_file()

    def read(self) -> RunRecord:
        """Raises NotFound where there is no run, Corrupt where its record cannot be read."""
        try:
            text = (self / RECORD).read_text(encoding="utf-8")
            return RunRecord.model_validate_json(text)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"{self.path} holds no run: there is no {RECORD} in it.") from None
        except (ValidationError, UnicodeDecodeError):
            raise Corrupt(
                f"{self / RECORD} is damaged: its checkpoints are under {self / 'checkpoints'}; "
                "start a new run in another folder."
            ) from None

    def status(self) -> RunRecord:
        """The record as it is true now: one whose process has died is interrupted."""
        record = self.read()
        alive = record.process is not None and record.process.alive
        if record.state in ALIVE and not alive:
            return record.model_copy(update={"state": "interrupted", "process": None})
        return record

    def config(self) -> TrainConfig:
        """What was asked for, of this folder wherever it stands now."""
        asked = merged(self.read().requested, {"run": {"out": str(self.path)}})
        return TrainConfig.of(asked, origin=str(self / RECORD))

    def update(self, **changes: Any) -> RunRecord:
        record = RunRecord.model_validate(
            {**self.read().model_dump(), **changes, "updated_at": time.time()}
        )
        self._write(record)
        return record

    def checkpoints(self) -> list[Path]:
        """Whole ones, oldest first."""
        return sorted(
            path for path in (self / "checkpoints").glob("step-*") if path.name[5:].isdigit()
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else trains here meanwhile.  Raises Conflict, Unavailable."""
        lock = FileLock(self / LOCK)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if not self.exists or self.status().state in ALIVE:
                    raise
                lock.acquire(timeout=_LEAVING)
        except Timeout:
            raise Conflict(self._held_by()) from None
        except FileExistsError:
            raise Conflict(f"{self.path} is a file: name a folder.") from None
        except OSError as error:
            raise _disk(error, self.path) from None
        try:
            yield
        finally:
            lock.release()

    def _held_by(self) -> str:
        who = ""
        if self.exists and (process := self.read().process) is not None:
            who = f" (process {process.pid})"
        return (
            f"{self.path} is being trained just now{who}: `fireside runs watch {self.path}` shows "
            "it; name another folder for another run."
        )

    def begin(self, config: TrainConfig) -> RunRecord:
        """Take the folder for this config: new, or to go on with.  Call it while `held`.

        Raises Conflict: it is finished or cancelled, holds something else, or was asked otherwise.
        """
        if not self.exists:
            others = sorted(path.name for path in self.path.iterdir() if path.name != LOCK)
            if others:
                raise Conflict(
                    f"{self.path} is not empty and holds no run ({others[0]}): name another folder."
                )
            return self._new(config)
        record = self.read()
        if record.state == "finished":
            raise Conflict(
                f"{self.path} holds a finished run: `fireside chat --model {self.path}` talks to "
                "its model; name another folder for another run."
            )
        if record.state == "cancelled":
            raise Conflict(f"{self.path} holds a cancelled run: name another folder.")
        changed = [
            name for name in differences(record.requested, config.plain()) if name not in FREE
        ]
        if changed and not self.checkpoints():
            # Nothing was learned yet: a command that was mended begins anew.
            self.clear()
            return self._new(config)
        if changed:
            raise Conflict(
                f"{self.path} holds a run that was asked for something else "
                f"({_shown(changed)}): repeat its command, `fireside runs resume {self.path}`, "
                "or name another folder."
            )
        return self.update(
            state="preparing", process=Process.here().model_dump(), error=None, ended_at=None
        )

    def clear(self) -> None:
        """Remove all that the run made."""
        for name in MADE:
            path = self / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _new(self, config: TrainConfig) -> RunRecord:
        now = time.time()
        record = RunRecord(
            method=config.run.method,
            process=Process.here(),
            requested=config.plain(),
            base=config.run.base,
            code=code_version(),
            created_at=now,
            updated_at=now,
        )
        self._write(record)
        return record

    def _write(self, record: RunRecord) -> None:
        write_whole(self / RECORD, record.model_dump_json(indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """A small file that is there whole or not at all.  Raises Unavailable: the disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise _disk(error, path) from None


def _disk(error: OSError, path: Path) -> FiresideError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(f"The disk of {path} is full: make room, then repeat the command.")
    return Unavailable(f"{path} cannot be written: {error.strerror}.")


def _shown(names: list[str]) -> str:
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")


def code_version() -> str:
    """Fireside's version, and the commit where it runs from a checkout."""
    head = Path(fireside.__file__).parent.parent / ".git" / "HEAD"
    try:
        commit = head.read_text(encoding="utf-8").strip()
        if commit.startswith("ref: "):
            commit = (head.parent / commit[5:]).read_text(encoding="utf-8").strip()
    except OSError:
        return fireside.__version__
    return f"{fireside.__version__} ({commit[:12]})"
