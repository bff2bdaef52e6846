"""A question's and a text's token vectors to the place of the answer: a small network on top.

    each token of the text   looks for its like in the question (attention, cosines, same token)
    a summary of the question  says what is asked for: a time, a name, a reason
    two convolutions         tell each token what stands around it
    a linear                 gives each token two logits (the answer begins here, it ends here) and
                             the whole one: the answer is not here

178,000 numbers; the vectors are the embedding model's, frozen (the aligned attention and the
exact match are those of DrQA, arXiv:1704.00051).
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

WIDTH: Final = 96
REACH: Final = 5  # tokens of a convolution
AROUND: Final = 31  # tokens in which those that the question has are counted
SHARPNESS: Final = 4.0
CLOSED: Final = -1e4


class Matcher(nn.Module):
    """vector_width: of the embedding model."""

    def __init__(self, vector_width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(vector_width)
        self.project = nn.Linear(vector_width, WIDTH)
        self.pool = nn.Linear(WIDTH, 1)
        self.join = nn.Linear(5 * WIDTH + 4, WIDTH)
        self.near = nn.ModuleList(
            nn.Conv1d(WIDTH, WIDTH, REACH, padding=REACH // 2) for _ in range(2)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.out = nn.Linear(2 * WIDTH, 2)
        self.none = nn.Linear(2 * WIDTH, 1)
        self.drop = nn.Dropout(0.1)

    def forward(
        self,
        text: Float[Tensor, "B T V"],
        question: Float[Tensor, "B Q V"],
        text_mask: Bool[Tensor, "B T"],
        question_mask: Bool[Tensor, "B Q"],
        same: Bool[Tensor, "B T"],
    ) -> tuple[Float[Tensor, "B T 2"], Float[Tensor, "B 1"]]:
        """(logits to begin and to end, logit of "not here").  same: the question has the token."""
        cosines, features = _likeness(text, question, question_mask, same)
        a, b = (self.drop(F.gelu(self.project(self.norm(x)))) for x in (text, question))
        scores = a @ b.transpose(1, 2) / math.sqrt(WIDTH) + SHARPNESS * cosines
        aligned = scores.masked_fill(~question_mask[:, None], CLOSED).softmax(-1) @ b  # B T W
        weight = self.pool(b).masked_fill(~question_mask[..., None], CLOSED).softmax(1)
        asked = (weight * b).sum(1)  # B W
        each = asked[:, None].expand_as(a)
        joined = torch.cat([a, aligned, a * aligned, a * each, each, features], -1)
        inside = text_mask[..., None]
        h = self.norms[0](F.gelu(self.join(joined))) * inside
        for convolution, norm in zip(self.near, list(self.norms)[1:], strict=True):
            around = convolution(h.transpose(1, 2)).transpose(1, 2)
            h = norm(h + self.drop(F.gelu(around))) * inside
        logits = self.out(torch.cat([h, h * each], -1)).masked_fill(~inside, CLOSED)
        highest = h.masked_fill(~inside, CLOSED).amax(1)
        return logits, self.none(torch.cat([highest, asked], -1))


@torch.no_grad()
def _likeness(
    text: Float[Tensor, "B T V"],
    question: Float[Tensor, "B Q V"],
    question_mask: Bool[Tensor, "B Q"],
    same: Bool[Tensor, "B T"],
) -> tuple[Float[Tensor, "B T Q"], Float[Tensor, "B T 4"]]:
    """Cosines of the vectors; and of each token of the text the highest and the mean one, whether
    the question has the token, and how many around it the question has."""
    cosines = F.normalize(text, dim=-1) @ F.normalize(question, dim=-1).transpose(1, 2)
    cosines = cosines.masked_fill(~question_mask[:, None], -1.0)
    count = question_mask.sum(-1)[:, None, None]
    mean = (cosines.clamp_min(0) * question_mask[:, None]).sum(-1, keepdim=True) / count
    held = same.float()
    around = F.avg_pool1d(held[:, None], AROUND, 1, AROUND // 2).transpose(1, 2)
    features = [cosines.amax(-1, keepdim=True), mean, held[..., None], around]
    return cosines, torch.cat(features, -1)
