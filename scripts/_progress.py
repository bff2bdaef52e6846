"""What a set-up shows: one line per step, with its time and what it is doing.

On a terminal the line moves; elsewhere a line comes now and then, so that nobody thinks it hangs.
Everything that the programs say goes to a log; it is shown only if one of them fails.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TextIO

TICK_SECONDS = 0.1
QUIET_TICK_SECONDS = 15.0
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
DOING = re.compile(
    r"\s*(?:fireside: (?P<words>.+)|(?P<verb>Downloading|Installing|Building) (?P<what>\S+)"
    r"(?: (?P<more>\S+).*?)?(?: \((?P<size>.+ [kMG]B)\))?)$"
)


def fail(line: str) -> NoReturn:
    print(line, file=sys.stderr)
    raise SystemExit(1)


class Progress:
    """One step of a set-up.

    Args:
        title: what the user reads.
        folder: where the log is written, and where pip may download to.
        held: file descriptors that our programs keep open (the lock of the set-up).
    """

    def __init__(self, title: str, folder: Path, held: Sequence[int] = ()) -> None:
        self.title = title
        self.log = folder / "fireside-setup.log"
        self.scratch = folder / "tmp"
        self.held = tuple(held)
        self.began = time.monotonic()
        self.doing = ""
        self.result = ""
        """What came of the step, where its title does not say it."""
        self.terminal = sys.stderr.isatty()

    def run(self, command: Sequence[str], advice: str) -> list[str]:
        """Run a program to its end; its lines.  If it fails, ends ours with its last words."""
        return self.run_together([command], advice)[0]

    def run_together(self, commands: Sequence[Sequence[str]], advice: str) -> list[list[str]]:
        """Run programs side by side until all have ended; the lines of each."""
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(self.log_file())
            programs = [
                stack.enter_context(_program(command, self.scratch / str(n), self.held))
                for n, command in enumerate(commands)
            ]
            printed: list[list[str]] = [[] for _ in programs]
            readers = [
                threading.Thread(target=self._listen, args=(program, log, lines), daemon=True)
                for program, lines in zip(programs, printed, strict=True)
            ]
            for reader in readers:
                reader.start()
            try:
                self._watch(readers)
                codes = [program.wait() for program in programs]
            finally:
                for program in programs:
                    program.kill()
                for reader in readers:
                    reader.join()
        shutil.rmtree(self.scratch, ignore_errors=True)
        for code, lines in zip(codes, printed, strict=True):
            if code:
                self._fail(lines, advice)
        return printed

    def log_file(self) -> TextIO:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        return self.log.open("a", encoding="utf-8")

    def _fail(self, lines: Sequence[str], advice: str) -> NoReturn:
        if self.terminal:
            print("\r\x1b[K", end="", file=sys.stderr)
        last = "".join([line for line in lines if not line.startswith("WARNING")][-12:])
        fail(f"{last}This step failed: {self.title}. {advice} All it said: {self.log}")

    def done(self) -> None:
        self.doing = self.result
        self._show("✓", end="\n")

    def _listen(self, program: subprocess.Popen[str], log: TextIO, said: list[str]) -> None:
        assert program.stdout is not None
        for line in program.stdout:
            said.append(line)
            log.write(line)
            if found := DOING.match(line):
                self.doing = found["words"] or _condensed(found)

    def _watch(self, readers: Sequence[threading.Thread]) -> None:
        wait = TICK_SECONDS if self.terminal else QUIET_TICK_SECONDS
        for reader in readers:
            reader.join(wait)
            while reader.is_alive():
                self._show(SPINNER[int(self.seconds * 8) % len(SPINNER)] if self.terminal else "…")
                reader.join(wait)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def _show(self, mark: str, *, end: str = "") -> None:
        line = f"  {mark} {self.title:<24}{self.seconds:4.0f} s"
        if self.doing:
            line += f"   {self.doing}"
            grown = bytes_below(self.scratch) / 1e6
            line += f" ({grown:.0f} MB so far)" if grown >= 1 else ""
        if self.terminal:
            width = shutil.get_terminal_size().columns
            print(f"\r\x1b[K{line[: width - 1]}", end=end, file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)


def _program(command: Sequence[str], scratch: Path, held: Sequence[int]) -> subprocess.Popen[str]:
    scratch.mkdir(parents=True, exist_ok=True)
    hidden = ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    # pip downloads into TMPDIR: there we can watch the file grow, and clear away what is left.
    environment |= {"TMPDIR": str(scratch), "PIP_USER": "0"}
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=held,
    )


def _condensed(found: re.Match[str]) -> str:
    """pip's line in a few words: `downloading torch, 193.1 MB`."""
    if found["verb"] == "Installing":
        return "installing"
    name = re.split(r"-\d", found["what"].rpartition("/")[2])[0]
    return f"{found['verb'].lower()} {name}" + (f", {found['size']}" if found["size"] else "")


def bytes_below(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):  # unlike rglob, at ease when pip tidies up meanwhile
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_size
    return total
