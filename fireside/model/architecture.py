"""What a decoder looks like: every number and choice that the weights do not say by themselves.

`ModelConfig` is the one description that `transformer.py`, the engine and the training loop read.
It is made once, by `config.py`, from a Hugging Face `config.json` or from GGUF metadata, and never
patched afterwards.  This file refuses to know any file format; it only refuses a description that
contradicts itself (`Corrupt`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from fireside.errors import Corrupt

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Frequencies = TypeVar("Frequencies", Tensor, np.ndarray)

Norm = Literal["layernorm", "rmsnorm"]
Activation = Literal["gelu", "gelu_tanh", "silu"]
Positions = Literal["learned", "sinusoidal", "rotary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearScaling:
    """Position interpolation (Chen et al. 2023): every position counts for 1/factor of itself."""

    factor: float

    def scale(self, frequencies: Frequencies) -> Frequencies:
        """One number for each pair that is turned, by torch or NumPy."""
        return frequencies / self.factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Llama3Scaling:
    """Llama 3.1's: long wavelengths are stretched, short ones kept, those between blended."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_context: int

    def scale(self, frequencies: Frequencies) -> Frequencies:
        wavelengths = 2 * math.pi / frequencies
        low, high = self.low_freq_factor, self.high_freq_factor
        kept = ((self.original_context / wavelengths - low) / (high - low)).clip(0, 1)
        return frequencies * (kept + (1 - kept) / self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rope:
    """Rotary positions (Su et al. 2021), in Hugging Face's layout: first half with second half.

    `local_theta`: the base of the layers with a sliding window where it is another one (gemma3);
    those layers are never scaled.
    """

    theta: float = 10_000.0
    scaling: LinearScaling | Llama3Scaling | None = None
    local_theta: float | None = None

    def __post_init__(self) -> None:
        numbers = [self.theta, self.local_theta or 1.0]
        if self.scaling is not None:
            numbers += [float(getattr(self.scaling, item.name)) for item in fields(self.scaling)]
        if not all(0 < number < math.inf for number in numbers):
            raise Corrupt(f"the model's config holds impossible rotary positions: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """A decoder-only language model.

    family: whose conventions the files follow, a key of `families.FAMILIES`.
    width: D.  head_dim * num_heads need not equal it (qwen3, gemma3).
    context: the longest sequence that the model was made for.
    norm_offset: norms multiply by (norm_offset + weight); gemma's weights are stored around 0.
    attention_bias: on q, k and v.  output_bias: on the attention's output projection.
    sliding_layers: which layers see only the last `sliding_window` tokens; empty means none.
    attention_scale: factor on q·k; None means 1/sqrt(head_dim).
    post_norms: gemma3's second norms, after attention and after the MLP.
    """

    family: str
    vocab_size: int
    width: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    mlp_width: int
    context: int
    norm: Norm = "rmsnorm"
    norm_eps: float = 1e-5
    norm_offset: float = 0.0
    activation: Activation = "silu"
    gated_mlp: bool = True
    positions: Positions = "rotary"
    rope: Rope | None = None
    qk_norm: bool = False
    attention_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    tied_head: bool = True
    sliding_window: int | None = None
    sliding_layers: tuple[bool, ...] = ()
    embedding_scale: float = 1.0
    attention_scale: float | None = None
    logit_softcap: float | None = None
    post_norms: bool = False

    def __post_init__(self) -> None:
        for name in (
            "vocab_size", "width", "num_layers", "num_heads", "num_kv_heads", "head_dim",
            "mlp_width", "context",
        ):  # fmt: skip
            if type(getattr(self, name)) is not int or getattr(self, name) < 1:
                raise Corrupt(f"the model's config says {name} = {getattr(self, name)!r}")
        for name, choices in (("norm", Norm), ("activation", Activation), ("positions", Positions)):
            if getattr(self, name) not in get_args(choices):
                raise Corrupt(f"the model's config says {name} = {getattr(self, name)!r}")
        if self.num_layers > 4096:
            raise Corrupt(f"the model's config says num_layers = {self.num_layers}")
        if self.num_heads % self.num_kv_heads:
            raise Corrupt(
                f"{self.num_heads} query heads cannot share {self.num_kv_heads} key/value heads"
            )
        if not 0 < self.norm_eps < 1:
            raise Corrupt(f"the model's config says norm_eps = {self.norm_eps}")
        if self.positions == "rotary" and (self.rope is None or self.head_dim % 2):
            raise Corrupt("rotary positions need a `rope` and an even head_dim")
        if self.sliding_layers and len(self.sliding_layers) != self.num_layers:
            raise Corrupt(
                f"a window pattern of {len(self.sliding_layers)} layers "
                f"for a model of {self.num_layers}"
            )
        if any(self.sliding_layers) and not self.sliding_window:
            raise Corrupt("layers with a sliding window, but no sliding_window")

    @property
    def scale(self) -> float:
        """The factor on q·k."""
        return self.head_dim**-0.5 if self.attention_scale is None else self.attention_scale

    def window(self, layer: int) -> int | None:
        """How many tokens `layer` sees, itself included; None: all that came before."""
        return self.sliding_window if self.sliding_layers and self.sliding_layers[layer] else None

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every parameter under its canonical name, in the order of the forward pass."""
        found: dict[str, tuple[int, ...]] = {
            "model.embed_tokens.weight": (self.vocab_size, self.width)
        }
        if self.positions == "learned":
            found["model.embed_positions.weight"] = (self.context, self.width)
        for layer in range(self.num_layers):
            for name, shape in self._layer_shapes().items():
                found[f"model.layers.{layer}.{name}"] = shape
        found |= self._norm_shapes("model.norm")
        if not self.tied_head:
            found["lm_head.weight"] = (self.vocab_size, self.width)
        return found

    def _layer_shapes(self) -> dict[str, tuple[int, ...]]:
        query, key = self.num_heads * self.head_dim, self.num_kv_heads * self.head_dim
        found = self._norm_shapes("input_layernorm")
        for part, rows in (("q", query), ("k", key), ("v", key)):
            found |= _linear(f"self_attn.{part}_proj", rows, self.width, self.attention_bias)
        if self.qk_norm:
            found["self_attn.q_norm.weight"] = found["self_attn.k_norm.weight"] = (self.head_dim,)
        found |= _linear("self_attn.o_proj", self.width, query, self.output_bias)
        if self.post_norms:
            found |= self._norm_shapes("self_attn.post_norm")
        found |= self._norm_shapes("post_attention_layernorm")
        if self.gated_mlp:
            found |= _linear("mlp.gate_proj", self.mlp_width, self.width, self.mlp_bias)
        found |= _linear("mlp.up_proj", self.mlp_width, self.width, self.mlp_bias)
        found |= _linear("mlp.down_proj", self.width, self.mlp_width, self.mlp_bias)
        if self.post_norms:
            found |= self._norm_shapes("mlp.post_norm")
        return found

    def _norm_shapes(self, name: str) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {f"{name}.weight": (self.width,)}
        if self.norm == "layernorm":
            found[f"{name}.bias"] = (self.width,)
        return found


def _linear(name: str, rows: int, columns: int, bias: bool) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {f"{name}.weight": (rows, columns)}
    if bias:
        found[f"{name}.bias"] = (rows,)
    return found
