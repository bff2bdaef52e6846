"""Supervised fine-tuning: next-token prediction with loss on the assistant's tokens only.

Which tokens those are was decided when the chats were prepared (targets of -100 elsewhere), so
the loss is `next_token`'s; a mean over a step is over learned tokens, not over chats.
"""

from __future__ import annotations

from dataclasses import dataclass

from fireside.training.objectives.next_token import NextToken


@dataclass(frozen=True, kw_only=True)
class Sft(NextToken):
    """Parts as `NextToken`'s; chats have no bits per byte."""

    name: str = "sft"
