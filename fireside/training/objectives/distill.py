"""Distillation from a teacher's logits (Hinton et al. 2015, arXiv:1503.02531).

    forward   KL(teacher || student)    covers all that the teacher might say
    reverse   KL(student || teacher)    says only what the teacher would (MiniLLM, 2306.08543)

Both at a temperature, and times its square, so that gradients keep their size (Hinton, section 2).
Tokens go through both heads in chunks that are computed again in backward: the full logits never
stand whole.  It refuses a teacher of another vocabulary.
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Direction = Literal["forward", "reverse"]


def distill_loss(
    student: Float[Tensor, "N V"],
    teacher: Float[Tensor, "N V"],
    *,
    temperature: float = 1.0,
    direction: Direction = "forward",
) -> Float[Tensor, " N"]:
    """Each token's divergence, from the logits."""
    ours = F.log_softmax(student.float() / temperature, dim=-1)
    theirs = F.log_softmax(teacher.float() / temperature, dim=-1)
    if direction == "forward":
        apart = (theirs.exp() * (theirs - ours)).sum(dim=-1)
    else:
        apart = (ours.exp() * (ours - theirs)).sum(dim=-1)
    return apart * temperature**2
