"""The chunked losses are torch's, in value and in gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fireside.training import cross_entropy
from fireside.training.cross_entropy import learned, linear_cross_entropy, token_logprobs

N, D, V = 11, 6, 13


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rows at a time: two whole chunks and a part of one."""
    monkeypatch.setattr(cross_entropy, "CHUNK_NUMBERS", 4 * V)
    monkeypatch.setattr(cross_entropy, "FEWEST_ROWS", 1)


def inputs(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dice = torch.Generator().manual_seed(1)
    hidden = torch.randn(N, D, generator=dice, dtype=dtype).mul_(3).requires_grad_()
    weight = torch.randn(V, D, generator=dice, dtype=dtype).requires_grad_()
    targets = torch.randint(V, (N,), generator=dice)
    return hidden, weight, targets, torch.rand(N, generator=dice, dtype=dtype)


def plain_logprobs(hidden: Tensor, weight: Tensor, targets: Tensor, cap: float | None) -> Tensor:
    logits = hidden @ weight.t()
    logits = logits if cap is None else cap * torch.tanh(logits / cap)
    return -F.cross_entropy(logits, targets, reduction="none")


@pytest.mark.parametrize("cap", [None, 5.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_sum_is_torchs(cap: float | None, weighted: bool) -> None:
    hidden, weight, targets, importance = inputs()
    each = importance if weighted else None
    ours = linear_cross_entropy(hidden, weight, targets, each, cap)
    (ours * 0.7).backward()
    found = hidden.grad, weight.grad
    hidden.grad = weight.grad = None
    theirs = -plain_logprobs(hidden, weight, targets, cap)
    theirs = (theirs * importance).sum() if weighted else theirs.sum()
    (theirs * 0.7).backward()
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(found, (hidden.grad, weight.grad))


def test_it_is_torchs_own_fused_one() -> None:
    hidden, weight, targets, _ = inputs()
    theirs = F.linear_cross_entropy(hidden, weight, targets, reduction="sum")
    torch.testing.assert_close(linear_cross_entropy(hidden, weight, targets), theirs)


@pytest.mark.parametrize("cap", [None, 5.0])
def test_gradcheck(cap: float | None) -> None:
    hidden, weight, targets, importance = inputs()
    assert torch.autograd.gradcheck(
        lambda h, w: linear_cross_entropy(h, w, targets, importance, cap), (hidden, weight)
    )
    assert torch.autograd.gradcheck(
        lambda h, w: token_logprobs(h, w, targets, cap), (hidden, weight)
    )


@pytest.mark.parametrize("cap", [None, 5.0])
def test_each_tokens_logprob_is_torchs(cap: float | None) -> None:
    hidden, weight, targets, _ = inputs()
    expected = plain_logprobs(hidden, weight, targets, cap)
    torch.testing.assert_close(token_logprobs(hidden, weight, targets, cap), expected)


def test_a_frozen_head_gets_no_gradient() -> None:
    hidden, weight, targets, _ = inputs()
    weight.requires_grad_(False)
    linear_cross_entropy(hidden, weight, targets).backward()
    token_logprobs(hidden, weight, targets).sum().backward()
    assert weight.grad is None
    assert hidden.grad is not None


def test_without_gradients_it_is_the_same_number() -> None:
    hidden, weight, targets, _ = inputs()
    with torch.no_grad():
        alone = linear_cross_entropy(hidden, weight, targets)
    assert torch.equal(alone, linear_cross_entropy(hidden, weight, targets).detach())


def test_large_logits_do_not_overflow() -> None:
    hidden, weight, targets, _ = inputs(torch.float32)
    total = linear_cross_entropy(hidden * 1e4, weight, targets)
    total.backward()
    assert torch.isfinite(total)
    assert hidden.grad is not None
    assert torch.isfinite(hidden.grad).all()


def test_autocast_computes_in_bfloat16() -> None:
    hidden, weight, targets, _ = inputs(torch.float32)
    exact = linear_cross_entropy(hidden, weight, targets)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = linear_cross_entropy(hidden, weight, targets)
        each = token_logprobs(hidden, weight, targets)
    rounded.backward()
    each.sum().backward()
    assert rounded.dtype == each.dtype == torch.float32
    assert weight.grad is not None
    assert weight.grad.dtype == torch.float32
    assert rounded != exact
    torch.testing.assert_close(rounded, exact, rtol=2e-2, atol=0)
    torch.testing.assert_close(-each.sum(), rounded, rtol=1e-3, atol=1e-2)


def test_only_learned_places_reach_the_head() -> None:
    hidden = torch.arange(12.0).view(2, 3, 2)
    targets = torch.tensor([[-100, 1, 2], [3, -100, -100]])
    rows, kept = learned(hidden, targets)
    assert rows.tolist() == [[2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]
    assert kept.tolist() == [1, 2, 3]
    everything, all_targets = learned(hidden, targets.clamp_min(0))
    assert len(everything) == len(all_targets) == 6


def test_nothing_learned_costs_nothing() -> None:
    hidden, weight, targets, _ = inputs()
    total = linear_cross_entropy(hidden[:0], weight, targets[:0])
    total.backward()
    assert total == 0
    assert len(token_logprobs(hidden[:0], weight, targets[:0])) == 0
