"""Kahneman-Tversky optimisation (Ethayarajh et al. 2024, arXiv:2402.01306): thumbs alone.

    r    = log p(answer) - log p_ref(answer)
    loss = weight * (1 - sigmoid(beta * (r - kl)))      a thumb up
           weight * (1 - sigmoid(beta * (kl - r)))      a thumb down

`kl` says how far the model has moved on answers that do not belong to the prompt, and so what any
answer gains by mere drift.  It is estimated, as in the paper, from prompts paired with the answer
of another example, is never negative, and takes no gradient.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def kto_loss(
    logprobs: Float[Tensor, " N"],
    reference: Float[Tensor, " N"],
    good: Bool[Tensor, " N"],
    kl: Float[Tensor, ""],
    *,
    beta: float,
    good_weight: float = 1.0,
    bad_weight: float = 1.0,
) -> Float[Tensor, " N"]:
    """Each answer's loss, from the log-probabilities of whole answers."""
    gained = logprobs - reference - kl.detach()
    up = good_weight * (1 - torch.sigmoid(beta * gained))
    down = bad_weight * (1 - torch.sigmoid(-beta * gained))
    return torch.where(good, up, down)
