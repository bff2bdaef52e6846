"""What the shapes of attention cost: tokens a second of processor time, each candidate in turn.

    python benchmarks/attention_shapes.py [--rounds N]

One thread and processor time, so that other programs on the machine change little.  The candidates
take turns in every round; the table has the median of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from fireside.engine.attention_shapes import CANDIDATES
from fireside.engine.int8_runner import Int8Runner
from fireside.engine.load import load_runner
from fireside.engine.runner import Chunk
from fireside.hub import locate
from fireside.settings import load_settings

STEPS = 12
# (streams, tokens that each has read before).
CASES = ((1, 60), (1, 300), (8, 60), (8, 300), (16, 60), (16, 300))
PREFILL = 512


def decode(runner: Int8Runner, streams: int, past: int) -> float:
    """Tokens per second of processor time."""
    blocks_each = runner.num_blocks // streams
    tables = [list(range(n * blocks_each, (n + 1) * blocks_each)) for n in range(streams)]
    began = time.process_time()
    for step in range(STEPS):
        runner.run(
            [Chunk(token_ids=[7], start=past + step, blocks=blocks, logits=1) for blocks in tables]
        )
    return streams * STEPS / (time.process_time() - began)


def prefill(runner: Int8Runner) -> float:
    began = time.process_time()
    for start in range(0, PREFILL, 512):
        chunk = Chunk(token_ids=[7] * 512, start=start, blocks=list(range(64)), logits=1)
        runner.run([chunk])
    return PREFILL / (time.process_time() - began)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=5)
    rounds = arguments.parse_args().rounds
    settings = load_settings().model_copy(update={"precision": "int8"})
    runner = load_runner(locate(settings.model, settings.models_dir), settings)
    assert isinstance(runner, Int8Runner), "int8 needs a processor with VNNI"
    torch.set_num_threads(1)
    runner._threads.adjust = lambda: None  # type: ignore[method-assign]
    speeds: dict[tuple[int, str], list[float]] = {}
    for _ in range(rounds + 1):  # the first warms up
        for index, shapes in enumerate(CANDIDATES):
            runner.shapes = shapes
            runner._workspaces.clear()
            for streams, past in CASES:
                speed = decode(runner, streams, past)
                speeds.setdefault((index, f"{streams} × {past}"), []).append(speed)
            speeds.setdefault((index, "prefill"), []).append(prefill(runner))
    columns = [f"{streams} × {past}" for streams, past in CASES] + ["prefill"]
    print("| keys read | queries | " + " | ".join(columns) + " |")
    print("| --- | --- |" + " --- |" * len(columns))
    for index, shapes in enumerate(CANDIDATES):
        cells = []
        for column in columns:
            speed, fastest = (statistics.median(speeds[n, column][1:]) for n in (index, 0))
            cells.append(f"{speed:.0f} ({speed / fastest:.2f})")
        keys = ", ".join(map(str, shapes.key_lengths)) or "fastest"
        print(f"| {keys} | {shapes.query_multiple or 'fastest'} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
