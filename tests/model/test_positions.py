"""Positions against their papers' formulas."""

from __future__ import annotations

import math

import torch

from fireside.model.architecture import LinearScaling, Llama3Scaling, ModelConfig, Rope
from fireside.model.cache import DenseCache, visible
from fireside.model.positions import SinusoidalPositions, frequencies
from fireside.model.transformer import Transformer

from .reference import random_ids


def test_sinusoidal() -> None:
    positions = torch.tensor([[0, 1, 7]])
    found = SinusoidalPositions()(torch.zeros(1, 3, 6), positions)
    for token, position in enumerate((0, 1, 7)):
        angles = [position / 10_000 ** (2 * i / 6) for i in range(3)]
        expected = [*map(math.sin, angles), *map(math.cos, angles)]
        torch.testing.assert_close(found[0, token], torch.tensor(expected))


def test_sinusoidal_of_an_odd_width() -> None:
    assert SinusoidalPositions()(torch.zeros(1, 2, 7), torch.zeros(1, 2)).shape == (1, 2, 7)


def test_sinusoidal_model_with_a_cache() -> None:
    config = ModelConfig(
        family="fireside", vocab_size=97, width=24, num_layers=2, num_heads=3, num_kv_heads=1,
        head_dim=8, mlp_width=32, context=32, positions="sinusoidal", norm="layernorm",
    )  # fmt: skip
    model, cache = Transformer.fresh(config), DenseCache()
    ids = random_ids(2, 9)
    steps = [
        model(chunk, positions=cache.extend(torch.ones_like(chunk)), cache=cache)
        for chunk in ids.split([4, 1, 4], dim=1)
    ]
    torch.testing.assert_close(torch.cat(steps, dim=1), model(ids), atol=1e-5, rtol=0)


def test_llama3_keeps_the_short_and_stretches_the_long() -> None:
    scaling = Llama3Scaling(
        factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_context=8192
    )
    plain = frequencies(Rope(theta=5e5), 128)
    scaled = frequencies(Rope(theta=5e5, scaling=scaling), 128)
    wavelengths = 2 * math.pi / plain
    assert torch.equal(scaled[wavelengths < 2048], plain[wavelengths < 2048])
    torch.testing.assert_close(scaled[wavelengths > 8192], plain[wavelengths > 8192] / 8)
    assert (scaled.diff() < 0).all()


def test_only_global_layers_are_scaled() -> None:
    rope = Rope(theta=1e6, scaling=LinearScaling(factor=8.0), local_theta=1e4)
    assert torch.equal(frequencies(rope, 16, local=True), frequencies(Rope(theta=1e4), 16))
    assert torch.equal(frequencies(rope, 16), frequencies(Rope(theta=1e6), 16) / 8)


def test_a_window_of_three() -> None:
    positions = torch.arange(5)[None]
    seen = visible(positions, positions, torch.ones(1, 5, dtype=torch.bool), 3)[0, 0]
    expected = [[0 <= q - k < 3 for k in range(5)] for q in range(5)]
    assert seen.tolist() == expected


def test_every_query_sees_something_padding_too() -> None:
    """A softmax over nothing is NaN on some backends."""
    real = torch.tensor([[0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)
    positions = (real.long().cumsum(1) - 1).clamp_min(0)
    for window in (None, 1, 2):
        assert visible(positions, positions, real, window).any(-1).all()
        assert visible(positions[:, 2:], positions, real, window).any(-1).all()
