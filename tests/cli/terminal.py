"""A terminal of its own with a program in it, typed at as a person would."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="there are no such terminals here")
termios = pytest.importorskip("termios", reason="there are no such terminals here")

PATIENCE = 600  # seconds; for machines that are busy, and measured by no test
# The new session's first terminal becomes the one whose Ctrl-C it hears.
TAKE = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
START = TAKE + "os.execv(sys.executable, [sys.executable, '-m', 'fireside', *sys.argv[1:]])"


class Terminal:
    """A terminal with `fireside WORDS…` in it."""

    def __init__(self, home: Path, *words: str) -> None:
        self.keyboard, inside = pty.openpty()
        termios.tcsetwinsize(self.keyboard, (40, 100))
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, *words],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            env={
                **os.environ,
                "FIRESIDE_HOME": str(home),
                "PYTHONPATH": os.pathsep.join(sys.path),
                "TERM": "xterm",
                "PROMPT_TOOLKIT_NO_CPR": "1",
            },
        )
        os.close(inside)
        self._raw = b""

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.keyboard)[3] & termios.ECHO)

    def type(self, keys: str) -> None:
        os.write(self.keyboard, keys.encode())

    def shown(self) -> str:
        """All that was ever printed, without the colours and the cursor's ways."""
        text = self._raw.decode(errors="replace")
        return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>])|\r", "", text)

    def until(self, condition: Callable[[], bool]) -> None:
        """Read what is printed until the condition is true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.shown()
            if select.select([self.keyboard], [], [], 0.05)[0]:
                try:
                    self._raw += os.read(self.keyboard, 1 << 16)
                except OSError:  # the program has left its terminal
                    time.sleep(0.05)

    def end(self) -> int:
        self.until(lambda: self.process.poll() is not None)
        return int(self.process.returncode)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.keyboard)
