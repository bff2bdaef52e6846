"""What the model writes now: a few short texts, from the weights as they are trained.

The texts of a step depend on weights, seed and step alone, so a resumed run writes the same.  For
a look, not for serving: it refuses batches, stop strings and speed (`engine` has those).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fireside.model.cache import DenseCache
from fireside.model.transformer import Transformer

TEMPERATURE = 0.8


@torch.no_grad()
def continuation(
    model: Transformer,
    prompt: Sequence[int],
    *,
    tokens: int,
    stop: frozenset[int],
    seed: int,
    forbidden: Sequence[int] = (),
) -> list[int]:
    """At most `tokens` ids after `prompt`, drawn at temperature 0.8; without the one that stops.

    forbidden: ids that are never drawn: those beyond the tokenizer, and control tokens.
    """
    device = next(model.parameters()).device
    dice = torch.Generator().manual_seed(seed)
    cache, found = DenseCache(), list[int]()
    new = list(prompt)
    room = model.config.context - len(prompt)
    while len(found) < min(tokens, room):
        ids = torch.tensor([new], device=device)
        positions = cache.extend(torch.ones_like(ids, dtype=torch.bool))
        last = torch.tensor([len(new) - 1], device=device)
        logits = model(ids, positions=positions, cache=cache, logits_at=last)[0].float().cpu()
        logits[list(forbidden)] = -torch.inf
        drawn = int(torch.multinomial((logits / TEMPERATURE).softmax(0), 1, generator=dice))
        if drawn in stop:
            break
        found.append(drawn)
        new = [drawn]
    return found
