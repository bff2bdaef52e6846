"""Runs a step of the engine on the model itself, in floating point, on a CPU or a GPU.

Every family and every device; exactly `Transformer`, with the engine's arena behind its attention.
On CPUs that can, `Int8Runner` is several times faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from fireside.engine.arena import KVArena
from fireside.engine.paged import Plan
from fireside.engine.runner import Abandoned, Chunk, tiles
from fireside.engine.threads import Threads
from fireside.model.transformer import Transformer

# Rows that go through the model together: bounds the memory of a long prompt's logits and MLP.
TILE = 512


class FloatRunner:
    """See `Runner` in runner.py for what `run` takes and gives.

    Floating-point products of whole models add in an order that depends on the batch.

    yielding: leave cores that other programs use to them; the number of threads may then change
        between steps, and with it how sums round.
    """

    is_exact = False

    def __init__(
        self, model: Transformer, *, num_blocks: int, block_size: int, yielding: bool = True
    ) -> None:
        config = model.config
        weight = model.model.embed_tokens.weight
        self.model = model
        self.vocab_size = config.vocab_size
        self.context = config.context
        self.block_size = block_size
        self.num_blocks = num_blocks
        self.abandoned: Callable[[], bool] = lambda: False
        self.device = weight.device
        self._threads = Threads(torch.get_num_threads()) if yielding else None
        self.arena = KVArena(
            num_layers=config.num_layers,
            num_blocks=num_blocks,
            block_size=block_size,
            num_kv_heads=config.num_kv_heads,
            head_dim=config.head_dim,
            dtype=weight.dtype,
            device=weight.device,
        )

    def copy_block(self, source: int, target: int) -> None:
        self.arena.copy_block(source, target)

    @torch.inference_mode()
    def run(self, chunks: Sequence[Chunk]) -> Float32[np.ndarray, "N V"]:
        """Logits of the wanted rows, in the order of `chunks`."""
        if self._threads is not None:
            self._threads.adjust()
        parts = [self._run_tile(tile) for tile in tiles(chunks, TILE)]
        logits = torch.cat(parts) if len(parts) > 1 else parts[0]
        return logits.numpy(force=True)  # of a CPU the same memory, of a GPU a copy

    def _run_tile(self, chunks: Sequence[Chunk]) -> Float[Tensor, "N V"]:
        plan = Plan(self.arena, chunks)
        ids = [token for chunk in plan.chunks for token in chunk.token_ids]
        rows = torch.tensor(plan.wanted, dtype=torch.long, device=self.device)
        logits: Tensor = self.model(
            torch.tensor([ids], device=self.device),
            positions=plan.positions.unsqueeze(0),
            cache=PagedCache(plan, self.abandoned),
            logits_at=rows,
        )
        return logits.float()


class PagedCache:
    """The model's `KVCache` over a plan: one row of the batch holds every sequence's tokens."""

    def __init__(self, plan: Plan, abandoned: Callable[[], bool] = lambda: False) -> None:
        self._plan = plan
        self._abandoned = abandoned

    def attend(
        self,
        layer: int,
        q: Float[Tensor, "1 H N hd"],
        k: Float[Tensor, "1 K N hd"],
        v: Float[Tensor, "1 K N hd"],
        *,
        scale: float,
        window: int | None,
    ) -> Float[Tensor, "1 H N hd"]:
        if self._abandoned():
            raise Abandoned
        self._plan.write(layer, torch.stack((k[0], v[0])).permute(2, 0, 1, 3))
        kv_heads, _, head_dim = k.shape[1:]
        grouped = q[0].transpose(0, 1).reshape(q.shape[2], kv_heads, -1, head_dim)  # N K G hd
        out = self._plan.attend(layer, grouped, scale, window)
        return out.flatten(1, 2).transpose(0, 1).unsqueeze(0)
