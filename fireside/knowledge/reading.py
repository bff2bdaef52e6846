"""A file on disk to a `Document`, read in a process of its own.

A hostile file can make that process slow, large or dead, and nothing else; whichever it is becomes
one line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePath
from typing import IO, Literal

import fireside
from fireside.errors import Corrupt, FiresideError, Interrupted, Unsupported
from fireside.knowledge import child
from fireside.knowledge.documents import MOST_CHARACTERS, Block, Document
from fireside.knowledge.kinds import NAMES, UNREAD_SUFFIXES

MOST_BYTES = 512 * 2**20
WALL_SECONDS = 300.0
"""On the clock.  The process has its own limit, in seconds of the processor."""
LOOKS_EVERY = 0.2  # seconds between two looks at the clock and at `cancelled`


def read(
    path: Path,
    filename: str,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    memory: int = child.MEMORY,
    seconds: int = child.SECONDS,
    wall_seconds: float = WALL_SECONDS,
) -> Document:
    """
    memory: bytes.  seconds: of the processor.  wall_seconds: on the clock.

    Raises:
        Corrupt: empty, encrypted, damaged, hostile, too large, or not what its name says.
        Unsupported: nothing that we read.
        Interrupted: `cancelled` is true.
    """
    if path.stat().st_size > MOST_BYTES:
        raise Corrupt(f"The file is larger than {MOST_BYTES >> 20} MiB: split it.")
    suffix = PurePath(filename).suffix.lower()
    is_known = suffix in NAMES or suffix in UNREAD_SUFFIXES
    process = _process(path, suffix if is_known else "", memory, seconds)
    watch = _Watch(process, cancelled, wall_seconds)
    try:
        assert process.stdout is not None
        document, end = _parsed(process.stdout)
        process.wait()
    finally:
        watch.end()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if watch.killed == "cancelled" or cancelled():
        raise Interrupted("The reading was cancelled.")
    if watch.killed == "clock":
        raise Corrupt(
            f"Reading the file took more than {wall_seconds:.0f} seconds on the clock: split it, "
            "or save it anew."
        )
    if end is None:
        raise _death(process.returncode, seconds)
    if end:
        code, message = end
        raise (Unsupported if code == "unsupported_file" else Corrupt)(message)
    return document


def read_page(page: str, *, wall_seconds: float = WALL_SECONDS) -> Document:
    """HTML that came over the network.  Raises as `read`."""
    with tempfile.NamedTemporaryFile(suffix=".html") as file:
        file.write(page.encode("utf-8-sig", "replace"))
        file.flush()
        return read(Path(file.name), "page.html", wall_seconds=wall_seconds)


def _process(path: Path, suffix: str, memory: int, seconds: int) -> subprocess.Popen[bytes]:
    inherited = {"PATH", "SYSTEMROOT", "LD_LIBRARY_PATH"}
    # Where this process found its modules, and not the folder that it happens to stand in (-P).
    modules = [str(Path(fireside.__file__).parent.parent), *filter(None, sys.path)]
    return subprocess.Popen(  # noqa: S603  # ours, with a path of ours
        [sys.executable, "-P", "-m", "fireside.knowledge.child",
         str(path), suffix, str(memory), str(seconds)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name in inherited}
        | {"PYTHONPATH": os.pathsep.join(modules), "PYTHONIOENCODING": "utf-8"}
        | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip


class _Watch:
    """Kills the process once it has had its time or is `cancelled`.  killed: why."""

    def __init__(
        self, process: subprocess.Popen[bytes], cancelled: Callable[[], bool], seconds: float
    ) -> None:
        self.killed: Literal["cancelled", "clock"] | None = None
        self._process = process
        self._cancelled = cancelled
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        waited = 0.0
        while not self._ended.wait(LOOKS_EVERY):
            waited += LOOKS_EVERY
            if self._cancelled():
                self.killed = "cancelled"
            elif waited > self._seconds:
                self.killed = "clock"
            if self.killed:
                with suppress(OSError):
                    self._process.kill()
                return


def _parsed(output: IO[bytes]) -> tuple[Document, tuple[str, str] | tuple[()] | None]:
    """What was read, and how it ended: () well, (code, message), or None if the process did not
    say.  A process that was taken over may write anything: each line and their sum are bounded."""
    blocks: list[Block] = []
    unread: list[str] = []
    size = 0
    while line := output.readline(child.LONGEST_LINE):
        size += len(line)
        if not line.endswith(b"\n") or size > 8 * MOST_CHARACTERS:
            break
        match json.loads(line):
            case ["block", str(text), int() | None as page, [*section]]:
                blocks.append(Block(text=text, page=page, section=tuple(map(str, section))))
            case ["unread", str(what)]:
                unread.append(what)
            case ["end"]:
                return Document(blocks=blocks, unread=tuple(unread)), ()
            case ["error", str(code), str(message)]:
                return Document(), (code, message)
            case _:
                break
    return Document(), None


def _death(status: int, seconds: int) -> FiresideError:
    if status == -getattr(signal, "SIGXCPU", 24):
        return Corrupt(
            f"Reading the file took more than {seconds} seconds of the processor: split it, or "
            "save it anew."
        )
    return Corrupt("The file made its reader fail: save it anew with the program that made it.")
