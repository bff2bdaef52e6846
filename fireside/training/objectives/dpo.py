"""Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290).

    loss = -log sigmoid(beta * ((log p - log p_ref)(chosen) - (log p - log p_ref)(rejected)))

A reward model is never made: beta * (log p - log p_ref) of an answer is its reward.  The
reference's log-probabilities are computed once (`answers.Reference`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    pass


def dpo_loss(
    chosen: Float[Tensor, " P"],
    rejected: Float[Tensor, " P"],
    reference_chosen: Float[Tensor, " P"],
    reference_rejected: Float[Tensor, " P"],
    *,
    beta: float,
) -> Float[Tensor, " P"]:
    """Each pair's loss, from the log-probabilities of whole answers."""
    margin = (chosen - reference_chosen) - (rejected - reference_rejected)
    return -F.logsigmoid(beta * margin)
