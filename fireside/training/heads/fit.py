"""The three fits of a head: a linear one on plain vectors, an adapter with it, the calibration.

    linear     weight and bias on frozen vectors (L-BFGS: one optimum, no seed)
    adapted    a LoRA of the encoder and the head together, from the linear head on (AdamW)
    platt      slope and shift of the logits on held-out rows

The same rows, seed and machine make the same numbers: one thread, and an order of batches that
follows from the seed alone.  It refuses to read files and to choose rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from fireside.model.encoder import Encoder, pooled
from fireside.model.lora import Delta, LoraConfig, adapter_parameters, adapters, freeze, inject
from fireside.safety.heads import SCALE
from fireside.training.heads.rows import Row

Listener = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapting:
    """
    rank: of the LoRA on every linear of the encoder's layers from `first` on; those below are
        computed once.
    rate: AdamW's at its highest, after `warmup` of the steps, falling to 0.
    batch: rows of a step, alike in length.
    decay: of the adapter.  dropout: of its inputs.
    skipped: the share of a text's tokens that a step leaves out; a head that has seen every
        sentence in pieces learns none by heart.
    """

    rank: int = 8
    first: int = 2
    rate: float = 1e-3
    epochs: int = 2
    batch: int = 32
    decay: float = 0.01
    dropout: float = 0.1
    skipped: float = 0.1
    warmup: float = 0.06


def linear(
    vectors: Float[Tensor, "B D"],
    targets: Float[Tensor, "B labels"],
    weights: Float[Tensor, " B"],
    penalty: float = 1e-4,
) -> tuple[Float[Tensor, "labels D"], Float[Tensor, " labels"]]:
    """(weight, bias) with the least cross-entropy; `penalty` on the squares of the weight."""
    weight = torch.zeros(targets.shape[1], vectors.shape[1], requires_grad=True)
    bias = torch.zeros(targets.shape[1], requires_grad=True)

    def loss() -> Tensor:
        return _entropy(vectors @ weight.t() + bias, targets, weights) + (
            penalty * weight.square().sum()
        )

    _least(loss, [weight, bias])
    return weight.detach(), bias.detach()


def platt(
    logits: Float[Tensor, "B labels"],
    targets: Float[Tensor, "B labels"],
    weights: Float[Tensor, " B"],
) -> tuple[Float[Tensor, " labels"], Float[Tensor, " labels"]]:
    """(slope, shift), with the least cross-entropy."""
    slope = torch.ones(logits.shape[1], requires_grad=True)
    shift = torch.zeros(logits.shape[1], requires_grad=True)
    _least(lambda: _entropy(logits * slope + shift, targets, weights), [slope, shift])
    return slope.detach(), shift.detach()


def adapted(
    encoder: Encoder,
    ids: Sequence[Sequence[int]],
    rows: Sequence[Row],
    head: tuple[Tensor, Tensor],
    config: Adapting,
    *,
    seed: int,
    listener: Listener,
) -> tuple[dict[str, Delta], Float[Tensor, "labels D"], Float[Tensor, " labels"]]:
    """(adapter, weight, bias).  ids: of each row, with [CLS] and [SEP].  `encoder` is changed."""
    _inject(encoder, config, seed)
    fixed = _below(encoder, ids, config.first)
    torch.manual_seed(seed)  # dropout's
    order = torch.Generator().manual_seed(seed)
    learning = list(adapter_parameters(encoder).values())
    weight, bias = (nn.Parameter(part.clone()) for part in head)
    optimiser = torch.optim.AdamW(
        [
            {"params": learning, "weight_decay": config.decay},
            {"params": [weight, bias], "weight_decay": 0.0},
        ],
        lr=config.rate,
    )
    targets, weights = tensors(rows)
    steps = config.epochs * math.ceil(len(rows) / config.batch)
    done = 0
    encoder.train()
    for epoch in range(config.epochs):
        total = 0.0
        for batch in _batches(ids, config.batch, order):
            for group in optimiser.param_groups:
                group["lr"] = config.rate * _share(done, steps, config.warmup)
            x, mask = _stacked([_pieces(fixed[i], config.skipped, order) for i in batch])
            vectors = pooled(encoder.above(x, mask, config.first), mask)
            loss = _entropy(vectors @ weight.t() + bias, targets[batch], weights[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimiser.step()
            total += loss.item() * len(batch)
            done += 1
        listener(f"epoch {epoch + 1} of {config.epochs}: loss {total / len(rows):.4f}")
    encoder.eval()
    deltas = {name: part.delta for name, part in adapters(encoder).items()}
    return deltas, weight.detach(), bias.detach()


def tensors(rows: Sequence[Row]) -> tuple[Float[Tensor, "B labels"], Float[Tensor, " B"]]:
    """(targets, weights)."""
    targets = torch.tensor([row.targets for row in rows])
    return targets, torch.tensor([row.weight for row in rows])


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """(ids, mask): B T, padded on the right."""
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    mask = torch.zeros_like(ids, dtype=torch.bool)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = True
    return ids, mask


def _batches(ids: Sequence[Sequence[int]], size: int, dice: torch.Generator) -> list[list[int]]:
    """Rows in a new order, sorted by length within sixteen batches at a time: little padding."""
    shuffled = torch.randperm(len(ids), generator=dice).tolist()
    made: list[list[int]] = []
    for start in range(0, len(shuffled), 16 * size):
        part = sorted(shuffled[start : start + 16 * size], key=lambda i: len(ids[i]))
        made += [part[k : k + size] for k in range(0, len(part), size)]
    return [made[place] for place in torch.randperm(len(made), generator=dice).tolist()]


def _inject(encoder: Encoder, config: Adapting, seed: int) -> None:
    """`lora.inject`, on the layers from `first` on alone."""
    lora = LoraConfig(rank=config.rank, alpha=SCALE * config.rank, dropout=config.dropout)
    for number, layer in enumerate(encoder.layers):
        if number >= config.first:
            inject(layer, lora, seed=seed + number)
    freeze(encoder)


def _below(
    encoder: Encoder, ids: Sequence[Sequence[int]], first: int
) -> list[Float[Tensor, "T D"]]:
    """Of each row, what the layers from `first` on read; in float16, for there are many."""
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    found: list[Tensor] = [torch.empty(0)] * len(ids)
    with torch.no_grad():
        for start in range(0, len(order), 64):
            batch = order[start : start + 64]
            x = encoder.below(*padded([ids[i] for i in batch]), first)
            for place, i in enumerate(batch):
                found[i] = x[place, : len(ids[i])].half()
    return found


def _pieces(x: Float[Tensor, "T D"], skipped: float, dice: torch.Generator) -> Float[Tensor, "T D"]:
    """A row without some of its tokens; [CLS] and [SEP] stay."""
    kept = torch.rand(len(x), generator=dice) >= skipped
    kept[0] = kept[-1] = True
    return x[kept].float()


def _stacked(rows: Sequence[Float[Tensor, "T D"]]) -> tuple[Tensor, Tensor]:
    """(x, mask): B T D, padded on the right."""
    x = nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    return x, torch.arange(x.shape[1]) < lengths[:, None]


def _share(done: int, steps: int, warmup: float) -> float:
    return min(1.0, (done + 1) / max(1.0, warmup * steps)) * (1 - done / steps)


def _entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """The mean over the rows, as they count, of the sum over the labels."""
    each = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)
    return (each * weights).sum() / weights.sum()


def _least(loss: Callable[[], Tensor], learning: Sequence[Tensor]) -> None:
    optimiser = torch.optim.LBFGS(learning, max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        found = loss()
        found.backward()  # type: ignore[no-untyped-call]
        return float(found.detach())

    optimiser.step(closure)  # type: ignore[no-untyped-call]
