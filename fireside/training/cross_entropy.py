"""The head and its cross entropy in one, so that the logits are never whole.

A small model spends most of its memory and half of its time at the head: 4,096 tokens with a
vocabulary of 32,768 are 512 MB of logits, and as much again for their gradient.  Here a chunk of
rows goes through at a time.  `linear_cross_entropy` makes the gradient in the same pass;
`token_logprobs`, whose gradient is not known before, computes the chunk again.

`torch.nn.functional.linear_cross_entropy` has neither weights for tokens nor a soft cap.  This
file refuses second derivatives.

Shapes: N tokens that are learned, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

IGNORE = -100
# Logits of one chunk: at V = 32,768, D = 384 on a CPU, 16 rows at a time cost 2.7 times as much as
# 256 or 512 (every chunk adds to the whole of the head's gradient), 128 cost 1.05 times as much.
CHUNK_NUMBERS = 1 << 23
FEWEST_ROWS = 128


def linear_cross_entropy(
    hidden: Float[Tensor, "N D"],
    weight: Float[Tensor, "V D"],
    targets: Int[Tensor, " N"],
    token_weights: Float[Tensor, " N"] | None = None,
    softcap: float | None = None,
) -> Float[Tensor, ""]:
    """Sum over the tokens of weight * -log p(target); float32 at least.

    Targets of -100 must be gone: `learned` takes them out before the head, where they would cost
    as much as the others.
    """
    total: Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, weight, targets, token_weights, softcap
    )
    return total


def token_logprobs(
    hidden: Float[Tensor, "N D"],
    weight: Float[Tensor, "V D"],
    targets: Int[Tensor, " N"],
    softcap: float | None = None,
) -> Float[Tensor, " N"]:
    """log p(target) of every token; float32 at least."""
    found: Tensor = _TokenLogprobs.apply(  # type: ignore[no-untyped-call]
        hidden, weight, targets, softcap
    )
    return found


def learned(
    hidden: Float[Tensor, "B T D"], targets: Int[Tensor, "B T"]
) -> tuple[Float[Tensor, "N D"], Int[Tensor, " N"]]:
    """Only the places whose target is learned: nothing else needs the head."""
    flat = targets.flatten()
    kept = (flat != IGNORE).nonzero()[:, 0]
    rows = hidden.flatten(0, 1)
    if len(kept) == len(flat):
        return rows, flat
    return rows.index_select(0, kept), flat.index_select(0, kept)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        token_weights: Tensor | None,
        softcap: float | None,
    ) -> Tensor:
        need_hidden, need_weight = ctx.needs_input_grad[:2]
        rows, head = _same_type(hidden, weight)
        grad_rows = torch.empty_like(rows) if need_hidden else None
        grad_head = torch.zeros_like(weight) if need_weight else None
        total = rows.new_zeros((), dtype=_wide(rows.dtype))
        for part, logits in _chunks_of_logits(rows, head, softcap):
            goal = targets[part, None]
            slope = _slope_of_cap(logits, softcap) if need_hidden or need_weight else None
            reached = logits.gather(1, goal)
            # In place, and one exponential for both the loss and the gradient.
            highest = logits.amax(dim=1, keepdim=True)
            sums = logits.sub_(highest).exp_().sum(dim=1, keepdim=True)
            loss = highest + sums.log() - reached
            each = (
                torch.ones_like(loss)
                if token_weights is None
                else token_weights[part, None].to(loss.dtype)
            )
            total += (loss * each).sum()
            if need_hidden or need_weight:
                grad = logits.mul_(each / sums).scatter_add_(1, goal, -each)
                grad = grad if slope is None else grad.mul_(slope)
                _spread(grad, rows, head, part, grad_rows, grad_head)
        ctx.gradients = (
            None if grad_rows is None else grad_rows.to(hidden.dtype),
            grad_head,
        )
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (*(None if g is None else g * grad for g in ctx.gradients), None, None, None)


class _TokenLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, softcap: float | None
    ) -> Tensor:
        rows, head = _same_type(hidden, weight)
        lse = rows.new_empty(len(rows), dtype=_wide(rows.dtype))
        found = torch.empty_like(lse)
        for part, logits in _chunks_of_logits(rows, head, softcap):
            reached = logits.gather(1, targets[part, None])[:, 0]
            lse[part] = logits.logsumexp(dim=1)
            found[part] = reached - lse[part]
        ctx.save_for_backward(hidden, weight, targets, lse)
        ctx.softcap = softcap
        # Autocast is off again when backward runs: the chunk must be computed as it was.
        ctx.dtype = rows.dtype
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, targets, lse = ctx.saved_tensors
        need_hidden, need_weight = ctx.needs_input_grad[:2]
        rows, head = hidden.to(ctx.dtype), weight.to(ctx.dtype)
        grad_rows = torch.empty_like(rows) if need_hidden else None
        grad_head = torch.zeros_like(weight) if need_weight else None
        for part, logits in _chunks_of_logits(rows, head, ctx.softcap):
            slope = _slope_of_cap(logits, ctx.softcap)
            p = logits.sub_(lse[part, None]).exp_().neg_()
            goal = targets[part, None]
            p.scatter_add_(1, goal, p.new_ones(()).expand_as(goal))
            p.mul_(grad[part, None])
            _spread(p if slope is None else p.mul_(slope), rows, head, part, grad_rows, grad_head)
        return (
            None if grad_rows is None else grad_rows.to(hidden.dtype),
            grad_head,
            None,
            None,
        )


def _same_type(hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the type that products run in: autocast's where it is on."""
    device = hidden.device.type
    on = torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if on else weight.dtype
    return hidden.to(dtype), weight.to(dtype)


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _chunks_of_logits(
    rows: Tensor, head: Tensor, softcap: float | None
) -> Iterator[tuple[slice, Float[Tensor, "n V"]]]:
    """Which rows, and their logits, to be overwritten at will: every chunk uses the same memory."""
    size = max(1, min(len(rows), max(FEWEST_ROWS, CHUNK_NUMBERS // len(head))))
    memory = rows.new_empty((size, len(head)))
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        chunk = rows[part]
        with torch.autocast(rows.device.type, enabled=False):
            logits = torch.mm(chunk, head.t(), out=memory[: len(chunk)])
        logits = logits.to(_wide(logits.dtype))
        yield part, logits if softcap is None else logits.div_(softcap).tanh_().mul_(softcap)


def _slope_of_cap(logits: Tensor, softcap: float | None) -> Tensor | None:
    """d capped / d uncapped = 1 - tanh², from what was capped."""
    return None if softcap is None else 1 - (logits / softcap).square()


def _spread(
    grad: Float[Tensor, "n V"],
    rows: Tensor,
    head: Tensor,
    part: slice,
    grad_rows: Tensor | None,
    grad_head: Tensor | None,
) -> None:
    """The logits' gradient to the rows' and the head's."""
    with torch.autocast(rows.device.type, enabled=False):
        grad = grad.to(rows.dtype)
        if grad_rows is not None:
            torch.mm(grad, head, out=grad_rows[part])
        if grad_head is None:
            return
        if grad_head.dtype == grad.dtype:
            grad_head.addmm_(grad.t(), rows[part])
        else:
            grad_head += torch.mm(grad.t(), rows[part])
