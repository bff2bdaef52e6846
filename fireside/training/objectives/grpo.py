"""Group relative policy optimisation (Shao et al. 2024, arXiv:2402.03300), for answers that can
be checked.

    advantage = (reward - mean of its group) / (std of its group + 1e-4)
    loss      = -min(ratio * advantage, clip(ratio) * advantage) + beta * kl      for each token

A group is several answers of the model to one problem.  Tokens count alike, whatever the length of
their answer (DAPO, arXiv:2503.14476): dividing by each answer's length favours long wrong ones.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def advantages(rewards: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """Of each answer of each group; nothing where all answers are worth the same."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (rewards.std(dim=1, keepdim=True) + 1e-4)


def grpo_loss(
    logprobs: Float[Tensor, " N"],
    old: Float[Tensor, " N"],
    advantage: Float[Tensor, " N"],
    reference: Float[Tensor, " N"] | None = None,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    beta: float = 0.0,
) -> Float[Tensor, " N"]:
    """Each answer token's loss.

    old: log-probabilities when the answers were written.  advantage: its answer's.
    reference: the base's, for the estimate of the KL divergence that is never negative
        (Schulman, "Approximating KL Divergence", k3); needed where `beta` is.
    """
    ratio = torch.exp(logprobs - old)
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    loss = -torch.minimum(ratio * advantage, clipped * advantage)
    if beta and reference is not None:
        away = reference - logprobs
        loss = loss + beta * (torch.exp(away) - away - 1)
    return loss
