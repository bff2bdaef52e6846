"""Against torch's own, and against what the papers say."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fireside.errors import BadRequest
from fireside.training.ema import Ema
from fireside.training.muon import Muon, orthogonal
from fireside.training.optimisers import Optimiser, OptimiserConfig
from tests.training import toy


def pair(shape: tuple[int, ...], count: int = 3) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    dice = torch.Generator().manual_seed(0)
    values = [torch.randn(shape, generator=dice) for _ in range(count)]
    return ([nn.Parameter(v.clone()) for v in values], [nn.Parameter(v.clone()) for v in values])


@pytest.mark.parametrize("shape", [(24, 16), (16, 24), (16, 16)])
def test_muon_is_torchs(shape: tuple[int, ...]) -> None:
    """Torch iterates in bfloat16, three digits; we in float32."""
    ours, theirs = pair(shape)
    more = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}
    mine = Muon(ours, **more)
    reference = torch.optim.Muon(theirs, adjust_lr_fn="match_rms_adamw", **more)
    dice = torch.Generator().manual_seed(1)
    start = [p.detach().clone() for p in ours]
    for _ in range(4):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(shape, generator=dice)
            b.grad = a.grad.clone()
        mine.step()
        reference.step()
    for a, b, first in zip(ours, theirs, start, strict=True):
        moved, expected = a.detach() - first, b.detach() - first
        assert (moved - expected).norm() < 0.02 * expected.norm()
        torch.testing.assert_close(
            mine.state[a]["momentum"], reference.state[b]["momentum_buffer"], rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("shape", [(24, 16), (16, 24), (16, 16)])
def test_orthogonal_keeps_directions_and_levels_lengths(shape: tuple[int, int]) -> None:
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    u, s, v = torch.linalg.svd(x, full_matrices=False)
    out = orthogonal(x)
    lengths = u.mT @ out @ v.mT  # diagonal, if the singular vectors are kept
    diagonal = lengths.diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(lengths, torch.diag_embed(diagonal), atol=1e-4, rtol=0)
    assert ((diagonal[s > 0.01 * s.amax()] - 1).abs() < 0.55).all()


def test_matrices_together_are_matrices_apart() -> None:
    x = torch.randn(3, 8, 12, generator=torch.Generator().manual_seed(0))
    apart = torch.cat([orthogonal(one[None]) for one in x])
    torch.testing.assert_close(orthogonal(x), apart, atol=1e-5, rtol=1e-5)


def test_adamw_is_the_formula() -> None:
    """Two steps by hand (Loshchilov & Hutter 2019, algorithm 2)."""
    layer = nn.Linear(3, 2, bias=False)
    config = OptimiserConfig(learning_rate=0.1, weight_decay=0.2, beta1=0.8, beta2=0.9)
    optimiser = Optimiser(layer, config)
    expected, m, v = layer.weight.detach().clone(), torch.zeros(2, 3), torch.zeros(2, 3)
    for step, factor in ((1, 1.0), (2, 0.5)):
        layer.weight.grad = torch.full((2, 3), float(step)) + torch.arange(3.0)
        grad, rate = layer.weight.grad.clone(), 0.1 * factor
        optimiser.step(factor)
        m, v = 0.8 * m + 0.2 * grad, 0.9 * v + 0.1 * grad**2
        expected *= 1 - rate * 0.2
        expected -= rate * (m / (1 - 0.8**step)) / ((v / (1 - 0.9**step)).sqrt() + 1e-8)
        torch.testing.assert_close(layer.weight.detach(), expected)


def test_muon_gets_the_matrices_inside_and_vectors_do_not_decay() -> None:
    model = toy.model(tied_head=False)
    adamw, muon = Optimiser(model, OptimiserConfig(name="muon")).parts
    names = {parameter: name for name, parameter in model.named_parameters()}
    inside = {names[p] for group in muon.param_groups for p in group["params"]}
    decayed, spared = adamw.param_groups
    assert inside == {n for n in names.values() if "proj" in n}
    assert {names[p] for p in decayed["params"]} == {
        "model.embed_tokens.weight",
        "lm_head.weight",
    }
    assert spared["weight_decay"] == 0
    assert all("norm" in names[p] for p in spared["params"])


def test_a_frozen_model_is_refused() -> None:
    model = toy.model().requires_grad_(False)
    with pytest.raises(BadRequest, match="nothing to train"):
        Optimiser(model, OptimiserConfig())


@pytest.mark.parametrize("wrong", [{"learning_rate": -1.0}, {"beta2": 1.0}])
def test_impossible_numbers_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRequest):
        OptimiserConfig(**wrong)


def test_the_slow_copy_is_the_average() -> None:
    layer = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(0.0)
    ema, expected = Ema(layer, 0.5), 0.0
    for step in range(6):
        with torch.no_grad():
            layer.weight.fill_(step + 1.0)
        ema.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (step + 1.0)
    with ema.applied():
        assert layer.weight.item() == pytest.approx(expected)
    assert layer.weight.item() == 6.0
    assert ema.averages["weight"].item() == pytest.approx(expected)
