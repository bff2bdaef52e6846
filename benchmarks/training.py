"""Tokens per second of a training step, ours beside nanochat's, turn about.

    python benchmarks/training.py                        ours alone
    python benchmarks/training.py --nanochat CHECKOUT    beside nanochat, from its git work tree

The same size, batch and tokens per step: 6 layers, 384 wide, 6 heads, vocabulary 32,768, 512
tokens x 8 rows = 4,096 tokens a step; the whole step, optimiser included.  Each side is a process
of its own; they take steps in turn, so that a busy machine is busy for both, and the ratio is of
the median steps.  CPU seconds (of all threads) are given beside the clock's, because on a busy
machine only they mean something; on a quiet one look at the clock.  MFU counts 6 floating-point
operations per matrix parameter and token, plus attention (PaLM, appendix B), against the best
float32 product of the same minute.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

LAYERS, WIDTH, HEADS, VOCAB, LENGTH, ROWS = 6, 384, 6, 32_768, 512, 8
TOKENS = LENGTH * ROWS
# The bfloat16 peak of the machine that the figure names.
NAMED_PEAK = 450e9


def ours(optimiser: str, precision: str) -> Callable[[], float]:
    """One step of `fireside.training`, as `train` takes it."""
    import torch

    from fireside.data.batches import Batch
    from fireside.model.config import ModelConfig, Rope
    from fireside.model.transformer import Transformer
    from fireside.training.loop import Plan, State, World, update
    from fireside.training.objectives.next_token import NextToken
    from fireside.training.optimisers import OptimiserConfig
    from fireside.training.schedules import Schedule

    config = ModelConfig(
        family="llama", vocab_size=VOCAB, width=WIDTH, num_layers=LAYERS, num_heads=HEADS,
        num_kv_heads=HEADS, head_dim=WIDTH // HEADS, mlp_width=WIDTH * 8 // 3, context=LENGTH,
        rope=Rope(), tied_head=False,
    )  # fmt: skip
    model = Transformer.fresh(config)

    class Random:
        steps_per_epoch = 1

        def rows(self, step: int, rank: int = 0, ranks: int = 1) -> list[Batch]:
            ids = torch.randint(VOCAB, (ROWS, LENGTH + 1))
            return [
                Batch(ids=ids[:, :-1], targets=ids[:, 1:], documents=None, positions=None,
                      weight=TOKENS)
            ]  # fmt: skip

    plan = Plan(
        schedule=Schedule(steps=1000, warmup=10),
        optimiser=OptimiserConfig(name=optimiser),  # type: ignore[arg-type]
        precision=precision,  # type: ignore[arg-type]
    )
    state, world, objective = State.fresh(model, plan), World(), NextToken(batches=Random())
    return lambda: update(model, objective, plan, state=state, world=world).loss


def nanochat(checkout: Path, pattern: str) -> Callable[[], float]:
    """One step as nanochat's `scripts/base_train.py` takes it: eager model, its own optimiser."""
    sys.path.insert(0, str(checkout))
    import torch
    from nanochat.gpt import GPT, GPTConfig

    with torch.device("meta"):
        model = GPT(
            GPTConfig(sequence_len=LENGTH, vocab_size=VOCAB, n_layer=LAYERS, n_head=HEADS,
                      n_kv_head=HEADS, n_embd=WIDTH, window_pattern=pattern)
        )  # fmt: skip
    model.to_empty(device="cpu")
    model.init_weights()
    optimizer = model.setup_optimizer()

    def step() -> float:
        ids = torch.randint(VOCAB, (ROWS, LENGTH + 1))
        loss = model(ids[:, :-1].contiguous(), ids[:, 1:].contiguous())
        loss.backward()
        optimizer.step()
        model.zero_grad(set_to_none=True)
        return float(loss.detach())

    return step


def peak() -> float:
    """Floating-point operations per CPU second of a large float32 product, the best of some."""
    import torch

    a, b = torch.randn(1536, 1536), torch.randn(1536, 1536)
    best = float("inf")
    for _ in range(12):
        began = time.process_time()
        torch.mm(a, b)
        best = min(best, time.process_time() - began)
    return 2 * 1536**3 / best


def work(side: str, args: argparse.Namespace) -> None:
    """A worker: a line in, one step, a line out."""
    if args.threads:
        import torch

        torch.set_num_threads(args.threads)
    if side == "peak":
        step: Callable[[], float] = peak
    elif side == "nanochat":
        step = nanochat(args.nanochat, args.window_pattern)
    else:
        step = ours(side.partition(" ")[2], args.precision)
    print("ready", flush=True)
    for _ in sys.stdin:
        began, cpu = time.perf_counter(), time.process_time()
        value = step()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        print(json.dumps({"value": value, "seconds": seconds, "cpu": cpu}), flush=True)


class Worker:
    def __init__(self, side: str) -> None:
        self.side, self.steps = side, []  # type: tuple[str, list[dict[str, float]]]
        self.process = subprocess.Popen(
            [sys.executable, __file__, *sys.argv[1:], "--side", side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )

    def say(self) -> dict[str, float]:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer: dict[str, float] = json.loads(self._line())
        return answer

    def ready(self) -> None:
        while self._line() != "ready":
            pass

    def _line(self) -> str:
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"{self.side} ended: its error stands above")
            if line.startswith("{") or line.strip() == "ready":
                return line.strip()

    def median(self, key: str) -> float:
        return statistics.median(step[key] for step in self.steps)


def flops_per_token() -> int:
    matrices = LAYERS * 12 * WIDTH**2 + VOCAB * WIDTH
    return 6 * matrices + 12 * LAYERS * WIDTH * LENGTH


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nanochat", type=Path, help="a git work tree of karpathy/nanochat")
    parser.add_argument("--window-pattern", default="L", help="nanochat's; its default is SSSL")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--optimiser", default="muon,adamw")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        work(args.side, args)
        return
    sides = [f"ours {name}" for name in args.optimiser.split(",")]
    sides += ["nanochat"] if args.nanochat else []
    workers = [Worker(side) for side in [*sides, "peak"]]
    for worker in workers:
        worker.ready()
        worker.say()  # the first step compiles, allocates and warms up
    for _ in range(args.steps):
        for worker in workers:
            worker.steps.append(worker.say())
            last = worker.steps[-1]
            print(f"  {worker.side}: {last['seconds']:.2f} s, CPU {last['cpu']:.2f} s", flush=True)
    *models, top = workers
    flops = max(step["value"] for step in top.steps)
    print(f"float32 product {flops / 1e9:.0f} GFLOP per CPU second; {TOKENS} tokens a step")
    for worker in models:
        by_clock, by_cpu = TOKENS / worker.median("seconds"), TOKENS / worker.median("cpu")
        times = " ".join(f"{step['seconds']:.2f}" for step in worker.steps)
        print(
            f"{worker.side:12} {by_clock:6.0f} tok/s by the clock "
            f"({by_clock * flops_per_token() / NAMED_PEAK:.0%} of 450 GFLOP/s); {by_cpu:5.0f} tok "
            f"per CPU second, MFU {by_cpu * flops_per_token() / flops:.0%}; steps of {times} s"
        )
    for worker in models[:-1] if args.nanochat else ():
        wall = models[-1].median("seconds") / worker.median("seconds")
        cpu = models[-1].median("cpu") / worker.median("cpu")
        print(f"{worker.side} / nanochat: {wall:.2f} x by the clock, {cpu:.2f} x by CPU time")
    for worker in workers:
        worker.process.stdin.close()  # type: ignore[union-attr]
        worker.process.wait()


if __name__ == "__main__":
    main()
