"""The lowest place of functions whose lowest place is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fireside.assistant.uses.descent import minimum
from fireside.assistant.uses.nearest import PULL, SHARPNESS, directions


@pytest.mark.parametrize("spread", [1.0, 1e3])
def test_a_bowl(spread: float) -> None:
    rng = np.random.default_rng(1)
    lowest, steepness = rng.normal(size=(4, 5)), np.geomspace(1, spread, 20).reshape(4, 5)

    def bowl(at: np.ndarray) -> tuple[float, np.ndarray]:
        away = at - lowest
        return float((steepness * away**2).sum()), 2 * steepness * away

    assert np.abs(minimum(bowl, np.zeros((4, 5)), 200) - lowest).max() < 1e-4


def test_a_bent_valley() -> None:
    def rosenbrock(at: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = at
        value = (1 - x) ** 2 + 100 * (y - x * x) ** 2
        return float(value), np.array([2 * (x - 1) - 400 * x * (y - x * x), 200 * (y - x * x)])

    assert np.abs(minimum(rosenbrock, np.array([-1.2, 1.0]), 200) - 1).max() < 1e-4


def test_directions_are_where_the_loss_is_lowest() -> None:
    """By PyTorch's slope of the loss as it is written down there."""
    rng = np.random.default_rng(2)
    owners = np.array([0, 1, 2, 0, 0, 1, 2, 2])
    vectors = rng.normal(size=(8, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = torch.tensor(directions(vectors, owners, 3), dtype=torch.float64, requires_grad=True)
    known = torch.tensor(vectors, dtype=torch.float64)
    middles = [F.normalize(known[owners == label].mean(0), dim=0) for label in range(3)]
    loss = F.cross_entropy(SHARPNESS * (known @ found.T), torch.tensor(owners))
    (loss + PULL / 3 * (found - torch.stack(middles)).square().sum()).backward()
    assert found.grad is not None
    assert found.grad.abs().max() < 1e-4
