"""The real embedding model, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fireside.engine.embedding import Embedder, load_embedder
from fireside.engine.models import Models
from fireside.hub import locate
from fireside.settings import load_settings


@pytest.fixture(scope="session")
def embedder(minilm_path: Path) -> Iterator[Embedder]:
    settings = load_settings()
    made = load_embedder(locate("minilm:l6", settings.models_dir), settings)
    yield made
    made.close()


@pytest.fixture(scope="session")
def real_models(minilm_path: Path) -> Iterator[Models]:
    models = Models(load_settings())
    yield models
    models.close()
