"""From the start of a process to the first token of `fireside chat "hi"`, and to a ready server.

    python benchmarks/start.py                   # with the native core, and without
    python benchmarks/start.py --rounds 9 --serve

Each round starts both in turn.  Printed are medians: seconds by the clock until the first byte of
the answer, seconds of processor of the whole process, its largest memory.  The first round, which
may pack the weights and compile modules, does not count.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

SIDES: Mapping[str, Mapping[str, str]] = {
    "native core": {"FIRESIDE_NATIVE": "true"},
    "torch": {"FIRESIDE_NATIVE": "false"},
}
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    until_first: float
    processor: float
    memory_mb: float


def chat(environment: Mapping[str, str]) -> Start:
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "fireside", "chat", "hi", "--max-tokens", "16"],
        env=os.environ | dict(environment), stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.read(1)
        until_first = time.perf_counter() - began
        process.stdout.read()
        if not first:
            raise SystemExit("fireside chat wrote nothing.")
        return _over(process, until_first)


def serve(environment: Mapping[str, str]) -> Start:
    """Until `/ready` says yes."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "fireside", "serve", "--port", "0"],
        env=os.environ | dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        address = next(
            (found[0] for line in process.stdout if (found := re.search(r"http://[\w.:]+", line))),
            None,
        )
        if address is None:
            raise SystemExit("fireside serve printed no address.")
        while not _is_ready(address):
            if time.perf_counter() - began > PATIENCE:
                raise SystemExit(f"fireside serve was not ready after {PATIENCE:.0f} s.")
            time.sleep(0.02)
        until_ready = time.perf_counter() - began
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        return _over(process, until_ready)


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/ready", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _over(process: subprocess.Popen[bytes] | subprocess.Popen[str], until_first: float) -> Start:
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Start(
        until_first=until_first,
        processor=used.ru_utime + used.ru_stime,
        memory_mb=used.ru_maxrss / 1000,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help="a server until it is ready, too")
    options = parser.parse_args()
    print("| | | until the first token, or ready | of processor | memory |")
    print("| --- | --- | --- | --- | --- |")
    for name, start in (("chat", chat), *((("serve", serve),) if options.serve else ())):
        rounds: dict[str, list[Start]] = {side: [] for side in SIDES}
        for number in range(options.rounds + 1):
            for side, environment in SIDES.items():
                one = start(environment)
                if number:
                    rounds[side].append(one)
        for side, starts in rounds.items():
            print(
                f"| {name} | {side} | {median(one.until_first for one in starts):.2f} s "
                f"| {median(one.processor for one in starts):.2f} s "
                f"| {median(one.memory_mb for one in starts):.0f} MB |"
            )


if __name__ == "__main__":
    main()
