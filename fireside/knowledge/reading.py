"""A file on disk to a `Document`: plain text here, everything else in a process of its own.

A hostile file can make that process slow, large or dead, and nothing else; whichever it is becomes
one line.  It refuses what `kinds.py` refuses, and texts beyond `MOST_CHARACTERS`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import fireside
from fireside.errors import Corrupt, FiresideError, Interrupted, Unsupported
from fireside.knowledge import child
from fireside.knowledge.documents import MOST_CHARACTERS, Block, Document
from fireside.knowledge.kinds import WRITTEN, kind_of
from fireside.knowledge.written import decoded, markdown, plain, table

MOST_BYTES = 512 * 2**20
LONGEST_WAIT = 900.0
"""Seconds on the clock; the child's own limit is in seconds of the processor."""


def read(
    path: Path,
    filename: str,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    memory: int = child.MEMORY,
    seconds: int = child.SECONDS,
) -> Document:
    """
    Raises:
        Corrupt: empty, encrypted, damaged, hostile, or not what its name says.
        Unsupported: nothing that we read.
        Interrupted: `cancelled` said so.
    """
    if path.stat().st_size > MOST_BYTES:
        raise Corrupt(f"The file is larger than {MOST_BYTES >> 20} MiB: split it.")
    kind = kind_of(path, filename)
    if kind in WRITTEN and kind != "html":
        text = decoded(path.read_bytes())
        if len(text) > MOST_CHARACTERS:
            raise Corrupt(
                f"The text has {len(text)} characters; {MOST_CHARACTERS} are read: split it."
            )
        reader = {"markdown": markdown, "table": table}.get(kind, plain)
        return Document(blocks=reader(text))
    return Document(blocks=_in_child(kind, path, cancelled, memory, seconds))


def _in_child(
    kind: str, path: Path, cancelled: Callable[[], bool], memory: int, seconds: int
) -> list[Block]:
    inherited = {"PATH", "SYSTEMROOT", "LD_LIBRARY_PATH"}
    # Where this process found its modules, and not the folder that it happens to stand in (-P).
    found = [str(Path(fireside.__file__).parent.parent), *filter(None, sys.path)]
    process = subprocess.Popen(  # noqa: S603  # ours, with a path of ours
        [sys.executable, "-P", "-m", "fireside.knowledge.child",
         kind, str(path), str(memory), str(seconds)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name in inherited}
        | {"PYTHONPATH": os.pathsep.join(found), "PYTHONIOENCODING": "utf-8"}
        | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    done = threading.Event()
    watching = threading.Thread(target=_watch, args=(process, cancelled, done), daemon=True)
    watching.start()
    try:
        assert process.stdout is not None
        blocks, end = _parsed(process.stdout.read)
        process.wait()
    finally:
        done.set()
        watching.join()
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if cancelled():
        raise Interrupted("The reading was cancelled.")
    if end is None:
        raise _death(process.returncode, seconds)
    if end[0] == "error":
        raise (Unsupported if end[1] == "unsupported_file" else Corrupt)(end[2])
    return blocks


def _watch(
    process: subprocess.Popen[bytes], cancelled: Callable[[], bool], done: threading.Event
) -> None:
    waited = 0.0
    while not done.wait(0.1):
        waited += 0.1
        if cancelled() or waited > LONGEST_WAIT:
            process.kill()
            return


def _parsed(reads: Callable[[int], bytes]) -> tuple[list[Block], list[str] | None]:
    """The blocks, and how it ended: None if the child did not say."""
    blocks: list[Block] = []
    rest, size = b"", 0
    while part := reads(1 << 16):
        size += len(part)
        if size > 8 * MOST_CHARACTERS:  # a child that was taken over says what it likes
            return [], None
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            first, second, third = json.loads(line)
            if first in ("end", "error") and isinstance(second, str):
                return blocks, [first, second, third]
            blocks.append(Block(text=first, page=second, section=tuple(third)))
    return blocks, None


def _death(status: int, seconds: int) -> FiresideError:
    if status == -getattr(signal, "SIGXCPU", 24) or status == -getattr(signal, "SIGKILL", 9):
        return Corrupt(
            f"Reading the file took more than {seconds} seconds: split it, or save it anew."
        )
    return Corrupt("The file made its reader fail: save it anew with the program that made it.")
