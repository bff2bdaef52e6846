"""Fireside beside llama.cpp, OpenVINO GenAI and transformers: same file, same threads, same minute.

    scripts/bench                   # the default model
    scripts/bench MODEL.gguf
    scripts/bench --contended       # and with one core taken

Every engine is a process of its own (`engines.py`), all loaded first and idle until asked.  One job
goes round all of them before the next, and every second round goes the other way: a machine that
slows down in between slows everybody down.  Figures are medians over the rounds; a ratio is the
median of the rounds' ratios.  `scripts/bench` installs the peers; this file installs nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from engines import ENGINES

JOBS = {"decode": "decode", "prefill": "prefill", "8": "8 streams", "16": "16 streams"}
OURS = "fireside"
# After the other process has started, and after it is gone: let the system spread the load, and let
# an engine that looks around (ours, several times a second) see it.
SETTLE_S = 1.0


class Worker:
    """One engine, loaded, in its own process."""

    def __init__(self, name: str, model: Path, threads: int) -> None:
        script = str(Path(__file__).with_name("engines.py"))
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, script, name, str(model), "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        ready = self._line()
        self.ready_s: float = ready["ready_s"]
        self.version: str | None = ready["version"]

    def ask(self, job: str) -> float:
        assert self.process.stdin is not None
        print(job, file=self.process.stdin, flush=True)
        return float(self._line()["tokens_per_s"])

    def rss_mb(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss / 1e6)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _line(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(
                f"{self.name} ended with {self.process.wait()}: "
                f"`python benchmarks/engines.py {self.name} MODEL` shows why."
            )
        return json.loads(line)


@contextmanager
def taken_core() -> Iterator[None]:
    """Another process wants a core all the time, as a neighbour on the machine would."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(SETTLE_S)
        yield
    finally:
        busy.kill()
        busy.wait()
        time.sleep(SETTLE_S)


Rounds = dict[str, dict[str, list[float]]]  # engine -> job -> tokens/s of each round


def measure(workers: list[Worker], jobs: list[str], rounds: int, contended: bool) -> Rounds:
    """`contended` adds to each job one called `JOB contended`, right after it."""
    found: Rounds = {worker.name: {} for worker in workers}
    for number in range(rounds):
        for job in jobs:
            for worker in workers if number % 2 == 0 else reversed(workers):
                results = found[worker.name]
                results.setdefault(job, []).append(worker.ask(job))
                if contended:
                    with taken_core():
                        results.setdefault(f"{job} contended", []).append(worker.ask(job))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return found


def ratio(over: list[float], under: list[float]) -> float:
    return median(a / b for a, b in zip(over, under, strict=True))


def report(
    workers: list[Worker], found: Rounds, jobs: list[str], contended: bool
) -> dict[str, Any]:
    engines = {}
    for worker in workers:
        results = found[worker.name]
        engines[worker.name] = {
            "version": worker.version,
            "ready_s": worker.ready_s,
            "rss_mb": worker.rss_mb(),
            "tokens_per_s": {job: median(values) for job, values in results.items()},
            "rounds": results,
        }
        if contended:
            engines[worker.name]["kept"] = {
                job: ratio(results[f"{job} contended"], results[job]) for job in jobs
            }
    ours = found.get(OURS, {})
    ratios = {
        name: {job: ratio(ours[job], results[job]) for job in ours}
        for name, results in found.items()
        if name != OURS and ours
    }
    return {"engines": engines, "ours_over": ratios}


def show(result: dict[str, Any], jobs: list[str]) -> None:
    heads = [JOBS[job] for job in jobs]
    print(f"{'tokens/s':<20}" + "".join(f"{head:>12}" for head in heads) + "     ready       MB")
    for name, engine in result["engines"].items():
        speeds = engine["tokens_per_s"]
        row = "".join(f"{speeds[job]:12,.0f}" for job in jobs)
        print(f"{name:<20}{row}{engine['ready_s']:8.1f} s{engine['rss_mb']:9,.0f}")
        if "kept" in engine:
            row = "".join(f"{speeds[f'{job} contended']:12,.0f}" for job in jobs)
            print(f"{'  one core taken':<20}{row}")
            print(f"{'  kept':<20}" + "".join(f"{engine['kept'][job]:12.0%}" for job in jobs))
    for name, ratios in result["ours_over"].items():
        print(f"{'ours / ' + name:<20}" + "".join(f"{ratios[job]:11.2f}×" for job in jobs))


def default_model() -> Path:
    from fireside.hub import locate
    from fireside.hub.catalogue import DEFAULT_CHAT
    from fireside.settings import load_settings

    return locate(DEFAULT_CHAT, load_settings().models_dir).path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, nargs="?", help="a GGUF file, or the default model")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=None)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contended", action="store_true", help="also with one core taken")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    names = arguments.engines or ([OURS, "llama.cpp"] if arguments.contended else list(ENGINES))
    model = (arguments.model or default_model()).resolve()
    with ExitStack() as stack:
        workers = []
        for name in names:
            print(f"loading {name}", file=sys.stderr)
            workers.append(Worker(name, model, arguments.threads))
            stack.callback(workers[-1].close)
        for worker in workers:
            worker.ask("8")  # warm: nobody's first job counts
        found = measure(workers, arguments.jobs, arguments.rounds, arguments.contended)
        result = report(workers, found, arguments.jobs, arguments.contended)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        show(result, arguments.jobs)


if __name__ == "__main__":
    main()
