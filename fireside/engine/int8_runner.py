"""Runs a step of the engine in 8 bits: the fast path of a CPU.

One pass over the layers for all rows of all sequences at once; only attention looks at sequences
one by one.  Every intermediate lives in a workspace made once, and every operation writes into
it: at one row a layer is some fifty calls of a few microseconds each, and an allocation costs as
much as the arithmetic.

Names here: `N` rows (tokens of this step), `D` width, `F` the MLP's inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from fireside.engine.arena import KVArena
from fireside.engine.attention_check import choose_shapes
from fireside.engine.attention_shapes import CANDIDATES, FASTEST
from fireside.engine.int8 import LEVELS, Int8Layer, Int8Linear, Int8Weights
from fireside.engine.paged import Plan
from fireside.engine.rotation import MAX_BLOCK
from fireside.engine.runner import Abandoned, Chunk, tiles
from fireside.engine.threads import Threads
from fireside.model.config import ModelConfig

# Rows that go through all layers together.  More, and the MLP's buffers fall out of the 2 MB
# second-level caches; fewer, and the weights are read more often (docs/log.md).
TILE = 256


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": partial(torch.nn.functional.silu, inplace=True),
    "gelu": torch.ops.aten.gelu_.default,
    "gelu_tanh": partial(torch.ops.aten.gelu_.default, approximate="tanh"),
}


class Workspace:
    """The buffers of a step of `rows` rows: views of `memory`, which steps of all sizes share."""

    def __init__(
        self, weights: Int8Weights, rows: int, memory: dict[str, Tensor], least_rows: int
    ) -> None:
        def buffer(name: str, size: int, dtype: torch.dtype = torch.float32) -> Tensor:
            if name not in memory:
                memory[name] = torch.empty(TILE * size, dtype=dtype)
            return memory[name][: rows * size].view(rows, size)

        config = weights.config
        width, inner = config.width, config.mlp_width
        heads, kv_heads, head_dim = config.num_heads, config.num_kv_heads, config.head_dim
        qkv = (heads + 2 * kv_heads) * head_dim
        attended = heads * head_dim
        self.rows = rows
        self.acc_qkv = buffer("acc_qkv", qkv, torch.int32)
        self.acc_width = buffer("acc_width", width, torch.int32)
        self.acc_inner = buffer("acc_inner", 2 * inner, torch.int32)
        self.qkv = buffer("qkv", qkv)
        split = self.qkv.view(rows, heads + 2 * kv_heads, head_dim)
        self.q = split[:, :heads].view(rows, kv_heads, heads // kv_heads, head_dim)
        self.q_heads, self.k_heads = split[:, :heads], split[:, heads : heads + kv_heads]
        self.kv = split[:, heads:].view(rows, 2, kv_heads, head_dim)
        turning = split[:, : heads + kv_heads]
        self.pairs = torch.view_as_complex(turning.view(rows, -1, head_dim // 2, 2))
        self.gate_up = buffer("gate_up", 2 * inner)
        self.gate, self.up = self.gate_up[:, :inner], self.gate_up[:, inner:]
        self.inner, self.mixed = buffer("inner", inner), buffer("mixed", inner)
        block = min(MAX_BLOCK, inner & -inner)
        # The rotation may take more rows than there are, whatever stands in them.
        mixed = max(rows, least_rows)
        inside, outside = (memory[name][: mixed * inner] for name in ("inner", "mixed"))
        self.inner_blocks, self.mixed_blocks = inside.view(-1, block), outside.view(-1, block)
        self.inner_grid = inside.view(mixed, -1, block)
        self.mixed_grid = outside.view(mixed, -1, block)
        self.across = weights.down_rotation.across.expand(mixed, -1, -1)
        self.float_width = buffer("float_width", width)
        self.acc_logits = buffer("acc_logits", config.vocab_size, torch.int32)
        self.logits = buffer("logits", config.vocab_size)
        sizes = {width, inner, attended}
        self.scaled = {size: buffer(f"scaled {size}", size) for size in sizes}
        self.int8 = {size: buffer(f"int8 {size}", size, torch.int8) for size in sizes}
        self.amax, self.inverse = buffer("amax", 1), buffer("inverse", 1)
        self.norm, self.scale = buffer("norm", 1), buffer("scale", 1)


class Int8Runner:
    """See `Runner` in runner.py for what `run` takes and gives.

    Args:
        needs_exact: take the shapes of attention that keep the order of every sum on this machine,
            even where faster ones do not.
    """

    def __init__(
        self,
        weights: Int8Weights,
        *,
        num_blocks: int,
        block_size: int,
        needs_exact: bool = True,
    ) -> None:
        config = weights.config
        self.config = config
        self.weights = weights
        candidates = CANDIDATES if needs_exact else (FASTEST,)
        checked = choose_shapes(config, torch.get_num_threads(), candidates)
        self.shapes, self.is_exact = checked.shapes, checked.keeps_order
        self.vocab_size = config.vocab_size
        self.context = config.context
        self.block_size = block_size
        self.num_blocks = num_blocks
        self.abandoned: Callable[[], bool] = lambda: False
        self.arena = KVArena(
            num_layers=config.num_layers,
            num_blocks=num_blocks,
            block_size=block_size,
            num_kv_heads=config.num_kv_heads,
            head_dim=config.head_dim,
        )
        self._threads = Threads(torch.get_num_threads())
        self._rotary = rotary_table(config, min(config.context, num_blocks * block_size))
        self._memory: dict[str, Tensor] = {}
        self._workspaces: dict[int, Workspace] = {}
        self._activation = ACTIVATIONS[config.activation]
        self._levels = torch.full((1, 1), LEVELS)
        self._eps = torch.full((1, 1), config.norm_eps)

    def copy_block(self, source: int, target: int) -> None:
        self.arena.copy_block(source, target)

    @torch.inference_mode()
    def run(self, chunks: Sequence[Chunk]) -> Float32[np.ndarray, "N V"]:
        """Logits of the wanted rows, in the order of `chunks`."""
        self._threads.adjust()
        pieces = tiles(chunks, TILE)
        if len(pieces) == 1:
            return self._run_tile(pieces[0]).numpy()
        return torch.cat([self._run_tile(piece).clone() for piece in pieces]).numpy()

    def _run_tile(self, chunks: Sequence[Chunk]) -> Float[Tensor, "N V"]:
        plan = Plan(self.arena, chunks, self.shapes)
        space = self._workspace(plan.rows)
        ids = torch.tensor([token for chunk in plan.chunks for token in chunk.token_ids])
        x = self.weights.embedding.index_select(0, ids).float()
        rotary = self._rotary.index_select(0, plan.positions).unsqueeze(1)
        rows = plan.wanted
        last = len(self.weights.layers) - 1
        for index, layer in enumerate(self.weights.layers):
            if self.abandoned():
                raise Abandoned
            attended = self._attention(x, index, layer, rotary, plan, space)
            if index == last and not rows:
                return torch.empty(0, self.vocab_size)
            if index == last and rows != list(range(plan.rows)):
                # Above the last keys and values only the rows with logits matter.
                chosen = torch.tensor(rows, dtype=torch.long)
                x, attended = x.index_select(0, chosen), attended.index_select(0, chosen)
                space = self._workspace(len(rows))
            self._round(attended, space)
            self._add_product(x, layer.output, attended.shape[1], space, space.amax)
            self._mlp(x, layer, space)
        return self._logits(x, space)

    def _attention(
        self,
        x: Float[Tensor, "N D"],
        index: int,
        layer: Int8Layer,
        rotary: Tensor,
        plan: Plan,
        space: Workspace,
    ) -> Float[Tensor, "N A"]:
        config = self.config
        self._norm_and_round(x, space)
        self._product(layer.qkv, space.int8[config.width], space.acc_qkv, space.qkv, space.scale)
        if layer.q_norm is not None and layer.k_norm is not None:
            normalise_heads(space.q_heads, layer.q_norm, config.norm_eps)
            normalise_heads(space.k_heads, layer.k_norm, config.norm_eps)
        space.pairs.mul_(rotary)
        plan.write(index, space.kv)
        return plan.attend(index, space.q, config.scale).reshape(plan.rows, -1)

    def _mlp(self, x: Float[Tensor, "N D"], layer: Int8Layer, space: Workspace) -> None:
        config = self.config
        self._norm_and_round(x, space)
        linear = layer.gate_up
        torch._int_mm(space.int8[config.width], linear.weight, out=space.acc_inner)
        space.gate_up.copy_(space.acc_inner).mul_(linear.scale)
        self._activation(space.gate.mul_(space.scale))
        torch.mul(space.gate, space.up, out=space.inner)
        # The rows of `up` still lack their scale: rounding does not care, `down` gets it.
        self._round(self._mixed(space), space)
        self._add_product(x, layer.down, config.mlp_width, space, space.amax.mul_(space.scale))

    def _mixed(self, space: Workspace) -> Float[Tensor, "N F"]:
        """`down_rotation.mix(space.inner)` without its allocations."""
        rotation = self.weights.down_rotation
        torch.mm(space.inner_blocks, rotation.block, out=space.mixed_blocks)
        torch.bmm(space.across, space.mixed_grid, out=space.inner_grid)
        return space.inner

    def _round(self, x: Float[Tensor, "N K"], space: Workspace) -> None:
        """x → int8 with one scale per row, left in `space.int8[K]` and `space.amax`.

        A row of zeros comes out as anything, times an amax of zero.
        """
        scaled = space.scaled[x.shape[1]]
        torch.abs(x, out=scaled)
        torch.amax(scaled, 1, keepdim=True, out=space.amax)
        torch.div(self._levels, space.amax, out=space.inverse)
        torch.mul(x, space.inverse, out=scaled).round_()
        space.int8[x.shape[1]].copy_(scaled)

    def _norm_and_round(self, x: Float[Tensor, "N D"], space: Workspace) -> None:
        """RMSNorm and rounding in one: the norm only changes the row's scale.

        Its weight stands in the next layer's columns already.
        """
        self._round(x, space)
        norm = space.norm
        torch.linalg.vector_norm(x, 2, 1, True, out=norm)
        torch.addcmul(self._eps, norm, norm, value=1 / self.config.width, out=norm)
        torch.mul(norm.rsqrt_(), space.amax, out=space.scale)

    def _product(
        self,
        linear: Int8Linear,
        rounded: Tensor,
        accumulator: Tensor,
        out: Tensor,
        scale: Tensor,
    ) -> None:
        torch._int_mm(rounded, linear.weight, out=accumulator)
        # Converting first: a product of int32 and float32 takes twice as long.
        out.copy_(accumulator).mul_(linear.scale).mul_(scale)
        if linear.bias is not None:
            out.add_(linear.bias)

    def _add_product(
        self, x: Tensor, linear: Int8Linear, size: int, space: Workspace, scale: Tensor
    ) -> None:
        torch._int_mm(space.int8[size], linear.weight, out=space.acc_width)
        # Not `addcmul_`: it does not vectorise over a broadcast operand.
        x.add_(space.float_width.copy_(space.acc_width).mul_(linear.scale).mul_(scale))
        if linear.bias is not None:
            x.add_(linear.bias)

    def _logits(self, x: Float[Tensor, "R D"], space: Workspace) -> Float[Tensor, "R V"]:
        self._norm_and_round(x, space)
        head = self.weights.head
        # Kept, and not allocated anew: 3 MB a step for 16 rows is a thousand page faults.
        torch._int_mm(space.int8[self.config.width], head.weight, out=space.acc_logits)
        return space.logits.copy_(space.acc_logits).mul_(head.scale).mul_(space.scale)

    def _workspace(self, rows: int) -> Workspace:
        if rows not in self._workspaces:
            self._workspaces[rows] = Workspace(
                self.weights, rows, self._memory, self.shapes.least_rows
            )
        return self._workspaces[rows]


def rotary_table(config: ModelConfig, length: int) -> Tensor:
    """`[length, hd/2]` complex: e^(i·position·frequency), in float32 as the model has it."""
    assert config.rope is not None
    half = torch.arange(0, config.head_dim, 2, dtype=torch.int64).float() / config.head_dim
    frequencies = 1.0 / config.rope.theta**half
    if config.rope.scaling is not None:
        frequencies = config.rope.scaling.scale(frequencies)
    angles = torch.outer(torch.arange(length).float(), frequencies)
    return torch.complex(angles.cos(), angles.sin())


def normalise_heads(heads: Float[Tensor, "N H hd"], weight: Tensor, eps: float) -> None:
    """RMSNorm of each head, in place (qwen3)."""
    variance = heads.square().mean(-1, keepdim=True)
    heads.mul_(torch.rsqrt(variance + eps)).mul_(weight)
