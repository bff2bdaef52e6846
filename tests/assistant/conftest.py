"""A store and a fake model per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_model import FakeModel, FakeModels

from fireside.storage import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "fireside.db") as opened:
        yield opened


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def models(model: FakeModel) -> FakeModels:
    return FakeModels(model)
