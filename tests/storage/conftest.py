"""A fresh store per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fireside.storage import Store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "home" / "fireside.db"


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with Store.open(database) as opened:
        yield opened
