"""A rotation changes nothing but the basis."""

from __future__ import annotations

import pytest
import torch

from fireside.engine.rotation import Blocks, Dense, cosine, hadamard, stream_rotation

# SmolLM2-135M's width and MLP, powers of two, odd multiples, Qwen2.5's MLP, a width beyond DENSE.
WIDTHS = [32, 64, 96, 576, 1536, 2048, 4864, 8960]


def eye(size: int) -> torch.Tensor:
    return torch.eye(size, dtype=torch.float32)


@pytest.mark.parametrize("size", [1, 2, 16, 64])
def test_hadamard_is_orthogonal_and_of_one_magnitude(size: int) -> None:
    matrix = hadamard(size)
    assert torch.allclose(matrix @ matrix.t(), eye(size), atol=1e-6)
    assert matrix.abs().unique().numel() == 1


@pytest.mark.parametrize("size", [1, 3, 9, 70, 76])
def test_cosine_is_orthogonal(size: int) -> None:
    matrix = cosine(size)
    assert torch.allclose(matrix @ matrix.t(), eye(size), atol=1e-5)


@pytest.mark.parametrize("width", WIDTHS)
def test_blocks_keep_lengths_and_angles(width: int) -> None:
    rotation = Blocks.of(width)
    x = torch.randn(5, width, generator=torch.Generator().manual_seed(0))
    turned = rotation.columns(x)
    assert torch.allclose(turned @ turned.t(), x @ x.t(), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("rotation", [Blocks.of(96), Blocks.of(576), stream_rotation(96)])
def test_rows_undo_columns(rotation: Blocks | Dense) -> None:
    """(x R)(Rᵀ w) = x w: what one layer turns, the next layer's weights turn back."""
    width = 96 if isinstance(rotation, Dense) else rotation.signs.numel()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, width, generator=generator)
    w = torch.randn(width, 7, generator=generator)
    assert torch.allclose(rotation.columns(x) @ rotation.rows(w), x @ w, atol=1e-4)


def test_mix_is_columns_without_the_signs() -> None:
    rotation = Blocks.of(96)
    x = torch.randn(3, 2, 96)
    assert torch.equal(rotation.mix(x * rotation.signs), rotation.columns(x))
    assert rotation.columns(x).shape == x.shape


@pytest.mark.parametrize("width", [32, 576, 1024, 1536])
def test_an_outlier_is_spread(width: int) -> None:
    """One channel of a thousand leaves no channel above a few times the average."""
    x = torch.zeros(1, width)
    x[0, 3] = 1000.0
    turned = stream_rotation(width).columns(x).abs()
    assert turned.max() < 6 * turned.mean()


@pytest.mark.parametrize("width", [96, 1536])
def test_two_processes_rotate_alike(width: int) -> None:
    torch.manual_seed(1)
    first = stream_rotation(width).columns(eye(width))
    torch.manual_seed(2)
    assert torch.equal(first, stream_rotation(width).columns(eye(width)))
