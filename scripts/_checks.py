"""The checks, as one program: `lint`, `format`, or `test` with pytest's arguments.

Runs in `.venv`.  Everything that fails is named.  The linters run beside the tests and end long
before them, so pytest's closing line is the last line of a run in which all is well.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

LINT = {
    "format": ("ruff", "format", "--check", "--quiet", "."),
    "lint": ("ruff", "check", "--quiet", "."),
    "types": ("mypy", "--no-error-summary"),
    "rooms": ("lint-imports",),
}
FORMAT = {
    "lint": ("ruff", "check", "--fix", "."),
    "format": ("ruff", "format", "."),
}
PYTEST = ("pytest", "--durations=10")
# Each file in one process: its tests may share a server.  Three for two cores, for tests wait for
# servers, browsers and children; `tests/conftest.py` knows the order.
WHOLE = ("--numprocesses=3", "--dist=loadfile", "--no-loadscope-reorder")
# One thread for bare PyTorch: with another program on one of two cores, OpenMP's barriers make a
# test of 10 s one of 70 s.  The engine sets its own number, and its tests theirs.
# And where there are two threads, one that waits for the other leaves the core to somebody else.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"} | os.environ


def run(name: str, command: tuple[str, ...], *, aloud: bool) -> bool:
    """Whether it went well; a quiet one prints its output only when it did not."""
    began = time.monotonic()
    program = [str(BIN / command[0]), *command[1:]]
    done = subprocess.run(
        program,
        cwd=ROOT,
        env=ENVIRONMENT,
        text=True,
        stdout=None if aloud else subprocess.PIPE,
        stderr=None if aloud else subprocess.STDOUT,
    )
    if not aloud:
        mark = "✓" if done.returncode == 0 else "✗"
        line = f"{mark} {name:<8}{time.monotonic() - began:6.1f} s   {' '.join(command)}"
        # One call: pytest may be printing meanwhile.
        print(f"{line}\n{done.stdout if done.returncode else ''}", end="", flush=True)
    return done.returncode == 0


def run_lint() -> list[str]:
    """The names of the checks that failed."""
    return [name for name in LINT if not run(name, LINT[name], aloud=False)]


def main(chore: str, arguments: list[str]) -> int:
    if chore == "format":
        unmended = [name for name in FORMAT if not run(name, FORMAT[name], aloud=True)]
        return 1 if unmended else 0
    if chore == "lint":
        failed = run_lint()
    elif arguments:
        failed = [] if run("pytest", (*PYTEST, *arguments), aloud=True) else ["pytest"]
    else:
        # The linters fill the time in which tests wait for servers, browsers and children.
        with ThreadPoolExecutor(1) as beside:
            linting = beside.submit(run_lint)
            passed = run("pytest", (*PYTEST, *WHOLE), aloud=True)
            failed = [*linting.result(), *([] if passed else ["pytest"])]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
