"""Rounding to 8 bits: how far it may be off, whom it refuses, and what it must not change."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.engine.int8 import LEVELS, Int8Linear, interleave, round_weights, supports_int8

from .small_models import config_of, weights_of


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 9), columns=st.integers(1, 40), seed=st.integers(0, 99))
def test_each_weight_is_off_by_half_a_step_at_most(rows: int, columns: int, seed: int) -> None:
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    weight[0] = 0.0
    linear = Int8Linear.of(weight.clone())
    assert linear.weight.abs().max() <= 127
    step = linear.scale[:, None] * LEVELS  # the other 1/127 is the activations'
    restored = linear.weight.t().float() * step
    assert ((restored - weight).abs() <= 0.5001 * step).all()


def test_integer_products_are_exact() -> None:
    """Sums beyond 16 bits, where older CPUs saturate."""
    a = torch.full((3, 4096), 127, dtype=torch.int8)
    b = torch.full((4096, 32), -127, dtype=torch.int8).t().contiguous().t()
    assert (torch._int_mm(a, b) == -127 * 127 * 4096).all()


def test_interleaving_pairs_the_halves() -> None:
    rows = torch.arange(8)[:, None]
    assert interleave(rows, 4)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert interleave(torch.arange(6), 6).tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize("family", ["llama", "llama3", "qwen2", "qwen3"])
def test_supported(family: str) -> None:
    assert supports_int8(config_of(family))


@pytest.mark.parametrize("family", ["gpt2", "mistral", "gemma3"])
def test_refused_families(family: str) -> None:
    assert not supports_int8(config_of(family))


@pytest.mark.parametrize(
    "change",
    [
        {"norm": "layernorm"},
        {"positions": "learned"},
        {"gated_mlp": False},
        {"post_norms": True},
        {"sliding_window": 8, "sliding_layers": (False, True, False)},
        {"norm_offset": 1.0},
        {"logit_softcap": 30.0},
        {"output_bias": True},
        {"mlp_bias": True},
        {"width": 72},
        {"mlp_width": 100},
    ],
    ids=lambda change: next(iter(change)),
)
def test_refused_parts(change: dict[str, object]) -> None:
    assert not supports_int8(config_of("llama", **change))


def test_a_window_that_no_layer_uses_is_no_obstacle() -> None:
    unused = {"sliding_window": 8, "sliding_layers": (False, False, False)}
    assert supports_int8(config_of("qwen2", **unused))


def test_progress_counts_the_layers() -> None:
    heard: list[tuple[int, int]] = []
    config = config_of("llama")
    round_weights(weights_of(config), lambda done, total: heard.append((done, total)))
    assert [done for done, _ in heard] == list(range(1, config.num_layers + 1))
    assert {total for _, total in heard} == {config.num_layers + 1}
