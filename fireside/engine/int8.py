"""Linear layers in 8 bits: weights rounded once per output row, activations once per token.

The products are exact integers (`torch._int_mm`: oneDNN, VNNI where the CPU has it), so a token's
result does not depend on what else is in the batch: one kernel serves one row and five hundred,
decode and prefill agree to the last bit of the product, and the laws of the engine hold.

What it refuses: LayerNorm, ungated MLPs, norms after a sublayer, sliding windows.  Those families
run on `FloatRunner`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int8
from torch import Tensor

from fireside.engine.rotation import Blocks, Dense, stream_rotation
from fireside.model.config import ModelConfig
from fireside.model.weights import Weights

LEVELS = 127.0


@dataclass(frozen=True, slots=True)
class Int8Linear:
    """`y = (x_int8 · weightᵀ) * scale * amax + bias`; `amax` is the caller's, per token.

    `scale` holds both roundings' 1/127, so that a token's scale is its largest magnitude itself.
    """

    weight: Int8[Tensor, "K N"]  # a transposed view: memory is row-major [N, K]
    scale: Float[Tensor, " N"]
    bias: Float[Tensor, " N"] | None = None

    @classmethod
    def of(
        cls, weight: Float[Tensor, "N K"], bias: Float[Tensor, " N"] | None = None
    ) -> Int8Linear:
        """Round `weight` (consumed: it is scaled in place) to int8, one scale per output row."""
        low, high = torch.aminmax(weight, dim=1, keepdim=True)
        scale = torch.maximum(-low, high).clamp_min_(1e-30).div_(LEVELS)
        rounded = weight.div_(scale).round_().to(torch.int8)
        return cls(rounded.t(), scale[:, 0] / LEVELS, bias)


@dataclass(frozen=True, slots=True)
class Int8Layer:
    qkv: Int8Linear
    output: Int8Linear
    gate_up: Int8Linear
    down: Int8Linear
    q_norm: Float[Tensor, " hd"] | None
    k_norm: Float[Tensor, " hd"] | None


@dataclass(frozen=True, slots=True)
class Int8Weights:
    """A decoder rotated and rounded for serving; see `rotation.py` for why it may be rotated."""

    config: ModelConfig
    embedding: Float[Tensor, "V D"]  # float16, already rotated
    layers: tuple[Int8Layer, ...]
    head: Int8Linear
    down_rotation: Blocks


def supports_int8(config: ModelConfig) -> bool:
    """Whether this architecture can be rotated and rounded; else it runs in floating point."""
    return (
        config.norm == "rmsnorm"
        and config.positions == "rotary"
        and config.gated_mlp
        and not config.post_norms
        and not any(config.sliding_layers)
        and config.norm_offset == 0.0
        and config.logit_softcap is None
        and not config.output_bias
        and not config.mlp_bias
        and config.width % 32 == 0
        and config.mlp_width % 32 == 0
    )


def interleave(rows: Float[Tensor, "R ..."], head_dim: int) -> Float[Tensor, "R ..."]:
    """Reorder each head's rows from halves (i, i + hd/2) to pairs (2i, 2i + 1).

    Rotary positions then are one complex product.  Queries and keys are reordered alike, so their
    dot products stay the same.
    """
    heads = rows.reshape(-1, 2, head_dim // 2, *rows.shape[1:])
    return heads.transpose(1, 2).reshape(rows.shape)


def _stack(parts: list[Tensor | None]) -> Tensor | None:
    present = [part for part in parts if part is not None]
    return torch.cat(present) if present else None


def round_weights(
    weights: Weights, progress: Callable[[int, int], None] | None = None
) -> Int8Weights:
    """Rotate and round a whole model.  `progress(done, total)` counts layers."""
    config = weights.config
    stream = stream_rotation(config.width)
    inner = Blocks.of(config.mlp_width)
    total = config.num_layers + 1

    def optional(name: str) -> Tensor | None:
        return weights.load(name) if name in weights.names() else None

    layers = []
    for index in range(config.num_layers):
        layers.append(_round_layer(weights, optional, index, stream, inner))
        if progress:
            progress(index + 1, total)
    table = weights.load("model.embed_tokens.weight")
    untied = optional("lm_head.weight") if not config.tied_head else None
    head = (table if untied is None else untied) * weights.load("model.norm.weight")
    return Int8Weights(
        config=config,
        embedding=stream.columns(table).mul_(config.embedding_scale).half(),
        layers=tuple(layers),
        head=Int8Linear.of(stream.columns(head)),
        down_rotation=inner,
    )


def _round_layer(
    weights: Weights,
    optional: Callable[[str], Tensor | None],
    index: int,
    stream: Dense | Blocks,
    inner: Blocks,
) -> Int8Layer:
    config = weights.config
    prefix = f"model.layers.{index}."
    load = weights.load

    def paired(name: str) -> Tensor:
        return interleave(load(name), config.head_dim)

    def paired_or_none(name: str) -> Tensor | None:
        found = optional(name)
        return None if found is None else interleave(found, config.head_dim)

    before_attention = load(prefix + "input_layernorm.weight")
    before_mlp = load(prefix + "post_attention_layernorm.weight")
    attention, mlp = prefix + "self_attn.", prefix + "mlp."
    qkv = torch.cat(
        [
            paired(attention + "q_proj.weight"),
            paired(attention + "k_proj.weight"),
            load(attention + "v_proj.weight"),
        ]
    )
    bias = _stack(
        [
            paired_or_none(attention + "q_proj.bias"),
            paired_or_none(attention + "k_proj.bias"),
            optional(attention + "v_proj.bias"),
        ]
    )
    # The inner rotation's signs ride on the up projection: at run time only `mix` is left.
    up = load(mlp + "up_proj.weight") * inner.signs[:, None]
    gate_up = torch.cat([load(mlp + "gate_proj.weight"), up])
    down = inner.columns(stream.rows(load(mlp + "down_proj.weight")))
    return Int8Layer(
        qkv=Int8Linear.of(stream.columns(qkv * before_attention), bias),
        output=Int8Linear.of(stream.rows(load(attention + "o_proj.weight"))),
        gate_up=Int8Linear.of(stream.columns(gate_up * before_mlp)),
        down=Int8Linear.of(down),
        q_norm=paired_or_none(attention + "q_norm.weight"),
        k_norm=paired_or_none(attention + "k_norm.weight"),
    )
