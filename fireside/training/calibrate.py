"""How quick is training here?  A few steps of each size, on made-up tokens, thrown away.

    peak        products per second that this device reaches: what MFU is a share of
    throughput  tokens per second of real updates (forward, backward, optimiser) of one size
    depth_for   which size suits the minutes, by walking from a small one upwards

Timings only choose sizes and predict; a busy machine makes a smaller model, never a wrong one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch

from fireside.data.batches import Batch
from fireside.model.architecture import ModelConfig
from fireside.model.transformer import Transformer
from fireside.training.loop import Loss, update
from fireside.training.memory import parameters
from fireside.training.objectives.next_token import moved, next_token_loss
from fireside.training.plan import Plan
from fireside.training.sizes import DEEPEST, best_depth
from fireside.training.state import State
from fireside.training.world import World

# Dense bfloat16 products per second, by the makers' data sheets; without sparsity.
KNOWN_PEAKS: Final = {
    "H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12,
    "L4": 121e12, "A10": 125e12, "RTX 4090": 165e12, "B200": 2250e12,
}  # fmt: skip


def peak(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of the device: its data sheet's, or on a CPU what a large product reaches."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for known, figure in KNOWN_PEAKS.items():
            if known in name:
                return figure
    size = 1024
    a = torch.randn(size, size, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(4):
        began = time.perf_counter()
        a @ a
        _finish(device)
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


@dataclass(kw_only=True)
class MadeUp:
    """An objective over random tokens: the work is real, the learning is not."""

    batches: Sequence[Batch]
    name: str = "calibration"

    def micro_batches(self, step: int) -> Sequence[Batch]:
        return self.batches

    def loss(self, model: Transformer, micro: Batch) -> Loss:
        return Loss(total=next_token_loss(model, moved(micro, next(model.parameters()).device)))

    def validate(self, model: Transformer) -> dict[str, float]:
        return {}


def throughput(
    config: ModelConfig, plan: Plan, world: World, *, rows: int, length: int, seconds: float = 1.0
) -> float:
    """Tokens per second of a fresh model of this size; takes about `seconds`.

    It begins with one row, and takes more as long as there is time for them: on a machine that is
    slow or busy a whole micro-batch could take longer than all the training.
    """
    model = Transformer.fresh(config, seed=0).to(world.device)
    state = State.fresh(model, plan)
    dice = torch.Generator().manual_seed(0)
    ids = torch.randint(config.vocab_size, (rows, length + 1), generator=dice)
    best, began, now = 0.0, time.perf_counter(), 1
    while state.step < 2 or time.perf_counter() - began < seconds:
        step = time.perf_counter()
        update(model, _made_up(ids[:now]), plan, state=state, world=world)
        _finish(world.device)
        took = time.perf_counter() - step
        if state.step > 1:  # the first one warms up
            best = max(best, now * length / took)
        if took * 2 < seconds / 4:
            now = min(2 * now, rows)
    return best


def _made_up(ids: torch.Tensor) -> MadeUp:
    batch = Batch(
        ids=ids[:, :-1].contiguous(),
        targets=ids[:, 1:].contiguous(),
        documents=None,
        positions=None,
        weight=float(ids[:, 1:].numel()),
    )
    return MadeUp(batches=[batch])


def depth_for(
    seconds: float,
    sized: Callable[[int], ModelConfig],
    measure: Callable[[ModelConfig], float],
    corpus: float = math.inf,
) -> tuple[int, dict[int, float]]:
    """The depth for a training of `seconds`, and the tokens per second of those that were tried.

    sized: the model of a depth.  measure: its tokens per second.  corpus: tokens of the text.
    """
    flops: dict[int, float] = {}
    speed: dict[int, float] = {}
    sizes: dict[int, float] = {}
    for depth in (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, DEEPEST):
        config = sized(depth)
        speed[depth] = measure(config)
        sizes[depth] = parameters(config)
        flops[depth] = speed[depth] * 6 * sizes[depth]
        if best_depth(flops, sizes, seconds, corpus) != depth:
            break  # the one before was the better: a larger one is further off
    return best_depth(flops, sizes, seconds, corpus), speed


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
