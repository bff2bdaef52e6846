"""A run's remote control: start, watch, pause, resume and cancel it, from any process.

Everything goes through files in the run's folder: `run.json` says how it is, `request.json` what
is asked of it, `metrics.jsonl` what happened.  A request names the process it is meant for, so one
that comes too late asks nothing of the next.  Refuses to kill: a worker stops between two steps,
when its state is safe.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from fireside.errors import Conflict, FiresideError, Unavailable
from fireside.training.config import TrainConfig
from fireside.training.metrics import METRICS, read_rows
from fireside.training.run import ALIVE, ENDED, RunFolder, RunRecord, write_whole

RunStatus = RunRecord
Request = Literal["pause", "cancel"]
REQUEST: Final = "request.json"
LOG: Final = "worker.log"
_PATIENCE: Final = 60.0  # for a worker to import torch and say that it is there


class RunHandle:
    """The run in `path`, whichever process works on it."""

    def __init__(self, path: Path | str) -> None:
        self.folder = RunFolder(Path(path))
        self.folder.read()  # NotFound

    def __repr__(self) -> str:
        return f"RunHandle({str(self.folder.path)!r})"

    @classmethod
    def launch(
        cls, config: TrainConfig, *, environment: Mapping[str, str] | None = None
    ) -> RunHandle:
        """Start (or go on with) a run in a worker process of low priority.

        Returns when the worker has the folder.  `environment`: the worker's, None for this one's.
        Raises what `RunFolder.begin` raises; Unavailable where the worker died.
        """
        folder = RunFolder(Path(config.run.out))
        with folder.held():
            folder.begin(config)
        handle = cls(folder.path)
        handle._work(environment)
        return handle

    def resume(self, *, environment: Mapping[str, str] | None = None) -> None:
        """Go on after a pause, a death or a failure.  Raises Conflict where nothing is to do."""
        config = self.folder.config()
        with self.folder.held():
            self.folder.begin(config)
        self._work(environment)

    def status(self) -> RunStatus:
        return self.folder.status()

    def pause(self) -> None:
        """Ask for a checkpoint and leave; `wait` waits for it."""
        self._ask("pause")

    def cancel(self) -> None:
        """End it for good.  What it made stays in the folder."""
        if self.status().state in ALIVE:
            self._ask("cancel")
            return
        with self.folder.held():
            state = self.folder.read().state
            if state in ENDED:
                raise Conflict(f"{self.folder.path} is {state} already.")
            self.folder.update(state="cancelled", process=None, ended_at=time.time())

    def wait(self, timeout: float | None = None) -> RunStatus:
        """The status when no process works on it any more.  Raises Unavailable after `timeout`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.status()).state in ALIVE:
            if deadline is not None and time.monotonic() > deadline:
                raise Unavailable(f"{self.folder.path} is still {status.state}: wait longer.")
            time.sleep(0.1)
        return status

    def events(self, *, follow: bool = False, start: int = 0) -> Iterator[dict[str, Any]]:
        """The rows of `metrics.jsonl` from byte `start`; with `follow`, until the run has stopped.

        Each row holds `end`, the byte after it: where to go on another time.
        """
        path = self.folder / METRICS
        while True:
            # Asked before reading: what was written before the end is read after it.
            going = self.status().state in ALIVE
            for row in read_rows(path, start=start):
                start = row["end"]
                yield row
            if not (follow and going):
                return
            time.sleep(0.1)

    def _ask(self, request: Request) -> None:
        status = self.status()
        if status.process is None or status.state not in ALIVE:
            raise Conflict(f"{self.folder.path} is {status.state}: no process works on it.")
        text = json.dumps({"request": request, "pid": status.process.pid})
        write_whole(self.folder / REQUEST, text + "\n")

    def _work(self, environment: Mapping[str, str] | None) -> None:
        with (self.folder / LOG).open("ab") as log:
            worker = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "fireside.training", str(self.folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C here is not meant for it
                env=None if environment is None else dict(environment),
            )
        deadline = time.monotonic() + _PATIENCE
        while worker.poll() is None:
            process = self.folder.read().process
            if process is not None and process.pid == worker.pid:
                _reap(worker)
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        if worker.poll() != 0:  # a short run may be over already
            raise _died(self.folder, worker)


def _reap(worker: subprocess.Popen[bytes]) -> None:
    """Collect the worker when it ends: a zombie keeps its number, and Popen complains of it."""
    threading.Thread(target=worker.wait, name="reaping", daemon=True).start()


def _died(folder: RunFolder, worker: subprocess.Popen[bytes]) -> FiresideError:
    record = folder.read()
    if record.error:
        return Unavailable(record.error)
    return Unavailable(
        f"The worker of {folder.path} did not begin (exit code {worker.poll()}): "
        f"{folder / LOG} says why."
    )


def requested(folder: RunFolder, pid: int) -> Request | None:
    """What is asked of the process `pid`, which is this one."""
    try:
        asked = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if asked.get("pid") != pid or asked.get("request") not in ("pause", "cancel"):
        return None
    found: Request = asked["request"]
    return found
