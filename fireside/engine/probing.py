"""Whether a stranger's grammar can be compiled in time: tried in another process first.

Threads cannot be stopped and crashes cannot be caught, so `probe.py` does it where both can.  What
was tried is remembered, good or bad.  This file refuses to compile anything itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from fireside.errors import Unavailable

REMEMBERED = 4096
SCRIPT = Path(__file__).with_name("probe.py")


class Probe:
    """Thread-safe; one process, started when first needed and again after it was killed.

    Args:
        vocabulary: gives the first line that the process reads.
    """

    def __init__(self, vocabulary: Callable[[], str]) -> None:
        self._vocabulary = vocabulary
        self._process: list[subprocess.Popen[str]] = []  # one or none
        self._known: OrderedDict[bytes, str] = OrderedDict()  # grammar's hash to what is wrong
        self._lock = threading.Lock()
        weakref.finalize(self, _end, self._process)

    def check(self, grammar: str, seconds: float) -> str:
        """What is wrong with a grammar, that it takes longer too; empty if nothing."""
        key = hashlib.sha256(grammar.encode()).digest()
        with self._lock:
            wrong = self._known.get(key)
            if wrong is None:
                wrong = self._ask(grammar, seconds)
                self._known[key] = wrong
            self._known.move_to_end(key)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return wrong

    def start(self) -> None:
        """So that `check` need not wait for it."""
        with self._lock:
            self._running()

    def close(self) -> None:
        with self._lock:
            _end(self._process)

    def _ask(self, grammar: str, seconds: float) -> str:
        process = self._running()
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            answer = _said(process, json.dumps(grammar))
        finally:
            timer.cancel()
        if answer:
            return str(json.loads(answer)["error"])
        _end(self._process)
        if late.is_set():
            return f"it takes more than {seconds:g} s to compile: simplify it"
        return "it is too complex to compile: simplify it"

    def _running(self) -> subprocess.Popen[str]:
        if not self._process:
            command = [sys.executable, "-P", str(SCRIPT)]
            process = subprocess.Popen(  # noqa: S603  # our own script
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self._process.append(process)
            if not _said(process, self._vocabulary()):
                _end(self._process)
                raise Unavailable("No constraint can be compiled now: the program for it ended.")
        return self._process[0]


def _said(process: subprocess.Popen[str], line: str) -> str:
    """The process's answer to a line; empty if it ends instead."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline()
    except OSError:
        return ""


def _end(process: list[subprocess.Popen[str]]) -> None:
    while process:
        ending = process.pop()
        ending.kill()
        ending.wait()
        for pipe in (ending.stdin, ending.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
