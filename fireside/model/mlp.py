"""The position-wise half of a layer: wide, bent, narrow again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from fireside.model.architecture import ModelConfig
from fireside.model.norms import norm

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
}


class MLP(nn.Module):
    """down(act(up(x))): GPT-2's."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.activation]
        self.up_proj = nn.Linear(config.width, config.mlp_width, bias=config.mlp_bias)
        self.down_proj = nn.Linear(config.mlp_width, config.width, bias=config.mlp_bias)
        self.post_norm = norm(config, config.width) if config.post_norms else nn.Identity()

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        out: Tensor = self.post_norm(self.down_proj(self.wide(x)))
        return out

    def wide(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T mlp"]:
        return self.activation(self.up_proj(x))


class GatedMLP(MLP):
    """down(act(gate(x)) * up(x)): SwiGLU or GeGLU, by the activation (Shazeer 2020)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.gate_proj = nn.Linear(config.width, config.mlp_width, bias=config.mlp_bias)

    def wide(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T mlp"]:
        bent: Tensor = self.activation(self.gate_proj(x))
        up: Tensor = self.up_proj(x)
        return bent * up
