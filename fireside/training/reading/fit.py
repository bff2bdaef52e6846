"""The fit of a matcher: where the answer begins and ends, or that it is not here.

One thread, and an order that follows from the seed alone: the same data, seed and machine make the
same numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from fireside.knowledge.answers.matcher import Matcher
from fireside.training.reading.rows import Material, Row, window_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """rate: AdamW's at its highest, after `warmup` of the steps, falling to 0."""

    epochs: int = 4
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.02
    warmup: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a matcher reads, in its order; targets: of the first and the last token, where the
    token behind the last one stands for "not here"."""

    inputs: tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
    targets: Int[Tensor, "B 2"]


def fit_matcher(
    material: Material,
    config: Matching,
    *,
    seed: int,
    listener: Callable[[str], None] = lambda line: None,
) -> Matcher:
    torch.manual_seed(seed)
    dice = random.Random(seed)  # noqa: S311  # an order, no secret
    rows = list(material.rows)
    matcher = Matcher(material.passages[0].vectors.shape[1])
    optimiser = torch.optim.AdamW(matcher.parameters(), lr=config.rate, weight_decay=config.decay)
    each_epoch = max(1, len(rows) // config.batch)
    steps, done = config.epochs * each_epoch, 0
    matcher.train()
    for epoch in range(config.epochs):
        dice.shuffle(rows)
        total = 0.0
        for at in range(each_epoch):
            share = min(1.0, (done + 1) / (config.warmup * steps)) * (1 - done / steps)
            optimiser.param_groups[0]["lr"] = config.rate * share
            some = rows[at * config.batch : (at + 1) * config.batch]
            loss = _loss(matcher, _batch(some, material, dice))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(matcher.parameters(), 1.0)
            optimiser.step()
            total += float(loss)
            done += 1
        listener(f"epoch {epoch + 1} of {config.epochs}: loss {total / each_epoch:.3f}")
    return matcher.eval()


def _loss(matcher: Matcher, batch: Batch) -> Tensor:
    logits, nothing = matcher(*batch.inputs)
    whole = torch.cat([logits, nothing[:, :, None].expand(-1, -1, 2)], 1)
    begin, end = (F.cross_entropy(whole[..., i], batch.targets[:, i]) for i in (0, 1))
    return (begin + end) / 2


def _batch(rows: Sequence[Row], material: Material, dice: random.Random) -> Batch:
    windows = [window_of(row, material, dice) for row in rows]
    lower = [material.passages[window.passage] for window in windows]
    texts = [each.vectors[w.begin : w.end].float() for each, w in zip(lower, windows, strict=True)]
    questions = [row.vectors.float() for row in rows]
    same = [
        torch.tensor([token in set(row.ids) for token in each.words.ids[w.begin : w.end]])
        for row, each, w in zip(rows, lower, windows, strict=True)
    ]
    x = pad_sequence(texts, batch_first=True)
    nowhere = (x.shape[1], x.shape[1])
    return Batch(
        inputs=(
            x,
            pad_sequence(questions, batch_first=True),
            _mask(texts),
            _mask(questions),
            pad_sequence(same, batch_first=True),
        ),
        targets=torch.tensor([w.target or nowhere for w in windows]),
    )


def _mask(rows: Sequence[Tensor]) -> Tensor:
    lengths = torch.tensor([len(row) for row in rows])
    return torch.arange(int(lengths.max())) < lengths[:, None]
