"""How a token learns where it stands: by something added to its embedding, or by rotation.

Every model does both steps, `embed` and `rotations`; the step that a model does not need returns
its input.  Nothing here has a cache of angles: they are cheap, and a cache is one more thing to be
wrong after a move to another device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from fireside.model.architecture import ModelConfig, Rope


class Rotation(Protocol):
    """Turns queries and keys by the angle of their positions."""

    def apply(self, x: Float[Tensor, "B H T d"]) -> Float[Tensor, "B H T d"]: ...


@dataclass(frozen=True, slots=True)
class Unrotated:
    """Positions were added to the embedding: nothing to turn."""

    def apply(self, x: Float[Tensor, "B H T d"]) -> Float[Tensor, "B H T d"]:
        return x


@dataclass(frozen=True, slots=True)
class Rotated:
    """Pairs (i, i + d/2) turned by angles that differ from token to token."""

    cos: Float[Tensor, "B 1 T d"]
    sin: Float[Tensor, "B 1 T d"]

    def apply(self, x: Float[Tensor, "B H T d"]) -> Float[Tensor, "B H T d"]:
        first, second = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-second, first), dim=-1) * self.sin


class LearnedPositions(nn.Module):
    """One trained vector for each position (GPT-2)."""

    def __init__(self, context: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(context, width))

    def forward(
        self, x: Float[Tensor, "B T D"], positions: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T D"]:
        return x + F.embedding(positions, self.weight)


class SinusoidalPositions(nn.Module):
    """Sines, then cosines, of geometrically spaced wavelengths (Vaswani et al. 2017)."""

    def forward(
        self, x: Float[Tensor, "B T D"], positions: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T D"]:
        width = x.shape[-1]
        half = (width + 1) // 2
        steps = torch.arange(half, device=x.device).float()
        angles = positions[..., None].float() * torch.exp(steps * (-math.log(10_000.0) / half))
        waves = torch.cat((angles.sin(), angles.cos()), dim=-1)[..., :width]
        return x + waves.to(x.dtype)


class NothingAdded(nn.Module):
    """Positions come by rotation: the embedding stays as it is."""

    def forward(
        self, x: Float[Tensor, "B T D"], positions: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T D"]:
        return x


def added_positions(config: ModelConfig) -> nn.Module:
    """What this family adds to the embeddings."""
    if config.positions == "learned":
        return LearnedPositions(config.context, config.width)
    return SinusoidalPositions() if config.positions == "sinusoidal" else NothingAdded()


def frequencies(rope: Rope, head_dim: int, *, local: bool = False) -> Float[Tensor, " half"]:
    """Radians per position of each rotary pair, float32 on the CPU."""
    theta = rope.local_theta if local and rope.local_theta is not None else rope.theta
    plain = 1.0 / theta ** (torch.arange(0, head_dim, 2).float() / head_dim)
    if rope.scaling is None or (local and rope.local_theta is not None):
        return plain
    return rope.scaling.scale(plain)


def rotations(
    config: ModelConfig, positions: Int[Tensor, "B T"], dtype: torch.dtype
) -> list[Rotation]:
    """Each layer's rotation at these positions; layers that turn alike share one."""
    if config.rope is None:
        return [Unrotated()] * config.num_layers
    whole = _rotated(frequencies(config.rope, config.head_dim), positions, dtype)
    if config.rope.local_theta is None:
        return [whole] * config.num_layers
    local = _rotated(frequencies(config.rope, config.head_dim, local=True), positions, dtype)
    return [local if config.window(i) else whole for i in range(config.num_layers)]


def _rotated(
    turns: Float[Tensor, " half"], positions: Int[Tensor, "B T"], dtype: torch.dtype
) -> Rotated:
    angles = positions[:, None, :, None].float() * turns.to(positions.device)  # B 1 T half
    angles = torch.cat((angles, angles), dim=-1)  # B 1 T d
    return Rotated(angles.cos().to(dtype), angles.sin().to(dtype))
