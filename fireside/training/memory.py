"""What training will need of memory, reckoned before the first step.

    weights + gradients + optimiser (+ slow copy, reference or teacher) + activations + logits

Activations are what autograd keeps of `transformer.py`, counted tensor by tensor; a test counts
them again through autograd's own hooks.  Too big is one line that says what would fit.  Refuses to
allocate anything to find out.

Shapes: B rows, T tokens of a row, D width, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

import psutil
import torch

from fireside.errors import Unavailable
from fireside.model.architecture import ModelConfig
from fireside.training.cross_entropy import CHUNK_NUMBERS

GIB: Final = 1 << 30
# Of what is free: the rest is for allocators' slack, data, and a machine that still works.
USABLE: Final = 0.8
_CGROUP: Final = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What decides about memory besides the model.

    rows, length: of one micro-batch.  trained: how many numbers are learned (an adapter's, or all).
    matrices: how many of them Muon has, which remembers one number for each and not two.
    bfloat16: whether products run in it.  others: bytes of other models held beside (a reference).
    ranks: how many processes share weights, gradients and optimiser.
    """

    rows: int
    length: int
    trained: int
    matrices: int = 0
    ema: bool = False
    bfloat16: bool = False
    checkpointing: bool = False
    others: int = 0
    ranks: int = 1


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes."""

    weights: int
    gradients: int
    optimiser: int
    activations: int
    logits: int
    others: int = 0

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        parts = [
            f"{field.name} {readable(getattr(self, field.name))}"
            for field in fields(self)
            if getattr(self, field.name)
        ]
        return f"{readable(self.total)} ({', '.join(parts)})"


def parameters(config: ModelConfig) -> int:
    found = 0
    for shape in config.shapes().values():
        size = 1
        for side in shape:
            size *= side
        found += size
    return found


def estimate(config: ModelConfig, load: Workload) -> Memory:
    weights = 4 * parameters(config)
    # Autocast keeps a bfloat16 copy of every matrix while it is on.
    copies = weights // 2 if load.bfloat16 else 0
    kept = 4 * (2 * (load.trained - load.matrices) + load.matrices)
    tokens = load.rows * load.length
    head = 4 * (2 if load.bfloat16 else 3) * min(CHUNK_NUMBERS, tokens * config.vocab_size)
    if load.ranks > 1:
        # What one rank gathers at once: a layer, and all that is no layer (`parallel.py`).
        layer = sum(math.prod(s) for n, s in config.shapes().items() if ".layers.0." in n)
        gathered = 4 * (parameters(config) - layer * (config.num_layers - 1))
        weights = weights // load.ranks + gathered
    return Memory(
        weights=weights + copies,
        gradients=4 * load.trained // load.ranks,
        optimiser=(kept + (4 * load.trained if load.ema else 0)) // load.ranks,
        # The residual stream and the norms stay float32; a mask is bytes, and once float.
        activations=tokens * _numbers_per_token(config, load.checkpointing)
        * (3 if load.bfloat16 else 4) + 5 * tokens * load.length,
        logits=head,
        others=load.others,
    )  # fmt: skip


def _numbers_per_token(config: ModelConfig, checkpointing: bool) -> int:
    """What autograd keeps of one token until backward."""
    layer = _numbers_of_a_layer(config)
    ends = 4 * config.width  # the last norm in and out, the head's rows and their gradient
    if checkpointing:
        return config.num_layers * config.width + layer + ends
    return config.num_layers * layer + ends


def _numbers_of_a_layer(config: ModelConfig) -> int:
    query = config.num_heads * config.head_dim
    key = config.num_kv_heads * config.head_dim
    norms = 4 * config.width  # each one's input, and what the linears after it read
    if config.post_norms:
        norms += 4 * config.width
    if config.qk_norm:
        norms += query + key
    attention = 3 * query + 2 * key  # q, k, v, what was seen, and its copy for o_proj
    mlp = (4 if config.gated_mlp else 2) * config.mlp_width
    return norms + attention + mlp


def available(device: torch.device) -> int:
    """Bytes that training may take: what is free now, and no more than a container allows."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = [int(psutil.virtual_memory().available)]
    for limit, usage in _CGROUP:
        try:
            allowed = limit.read_text().strip()
            if allowed != "max":
                free.append(int(allowed) - int(usage.read_text()))
        except (OSError, ValueError):
            continue
    return max(0, min(free))


def rows_that_fit(config: ModelConfig, load: Workload, room: int, most: int) -> int:
    """The largest power of two of rows, at most `most`, that `room` bytes hold; 1 in any case."""
    rows = 1
    while rows * 2 <= most and estimate(config, replace(load, rows=rows * 2)).total <= room:
        rows *= 2
    return rows


def check(config: ModelConfig, load: Workload, room: int, *, tuning: bool) -> Memory:
    """The estimate; raises Unavailable, naming what would fit, where `room` does not hold it."""
    need = estimate(config, load)
    if need.total <= room:
        return need
    fitting = next(
        (
            words
            for words, change in _remedies(config, load, tuning)
            if estimate(config, change).total <= room
        ),
        f"a model of {_millions(_largest(need, load, room))} million parameters would fit",
    )
    raise Unavailable(
        f"Training needs about {need} and {readable(room)} may be used: {fitting}.",
        code="too_big",
    )


def _remedies(config: ModelConfig, load: Workload, tuning: bool) -> Iterator[tuple[str, Workload]]:
    """Changes that cost little, before those that cost more."""
    rows = load.rows // 2
    while rows:
        words = f"batch.rows = {rows} would fit, in smaller micro-batches and with the same result"
        yield words, replace(load, rows=rows)
        rows //= 2
    one = replace(load, rows=1, checkpointing=True)
    yield "run.activation_checkpointing = true with batch.rows = 1 would fit", one
    adapter = replace(one, trained=max(1, parameters(config) // 50), matrices=0)
    if tuning and load.trained > adapter.trained:
        yield "--lora with run.activation_checkpointing = true would fit", adapter
    length = load.length // 2
    while length >= 64:
        words = f"data.length = {length} with batch.rows = 1 and activation_checkpointing would fit"
        yield words, replace(one, length=length)
        length //= 2


def _largest(need: Memory, load: Workload, room: int) -> float:
    """Parameters of a model in proportion, in which the weights and their kin fit the room."""
    each = need.weights + need.gradients + need.optimiser
    return max(0.0, room * 0.8 / each * load.trained)


def _millions(count: float) -> str:
    return f"{count / 1e6:.0f}" if count >= 1e7 else f"{count / 1e6:.1f}"


def readable(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / (1 << 20):.0f} MiB"
