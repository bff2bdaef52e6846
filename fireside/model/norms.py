"""The two norms.  Both leave the shape alone and compute in float32 whatever comes in."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from fireside.model.architecture import ModelConfig


class RMSNorm(nn.Module):
    """x / rms(x) * (offset + weight)  (Zhang & Sennrich 2019; the offset is gemma's)."""

    def __init__(self, width: int, *, eps: float, offset: float = 0.0) -> None:
        super().__init__()
        self.eps = eps
        self.offset = offset
        self.weight = nn.Parameter(torch.full((width,), 1.0 - offset))

    def forward(self, x: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        scale = self.weight.float() + self.offset
        return F.rms_norm(x.float(), scale.shape, scale, self.eps).type_as(x)


class LayerNorm(nn.Module):
    """(x - mean(x)) / std(x) * weight + bias  (Ba et al. 2016)."""

    def __init__(self, width: int, *, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        weight, bias = self.weight.float(), self.bias.float()
        return F.layer_norm(x.float(), weight.shape, weight, bias, self.eps).type_as(x)


def norm(config: ModelConfig, width: int) -> nn.Module:
    """The norm of this family."""
    if config.norm == "layernorm":
        return LayerNorm(width, eps=config.norm_eps)
    return RMSNorm(width, eps=config.norm_eps, offset=config.norm_offset)
