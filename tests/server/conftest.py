"""The server in front of a model that says what it is told."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import openai
import pytest

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import running


@pytest.fixture(scope="session")
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture(scope="session")
def models(model: FakeModel) -> FakeModels:
    return FakeModels(model)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("home") / "fireside.db") as store:
        yield store


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        model="fake:1b",
        embedding_model="fake-embedding",
        max_queue=8,
        home=tmp_path_factory.mktemp("settings"),
    )


@pytest.fixture(scope="session")
def address(models: FakeModels, store: Store, settings: Settings) -> Iterator[str]:
    app = create_app(models, store, settings)
    with running(app) as url:
        yield url


@pytest.fixture(autouse=True)
def _as_new(model: FakeModel) -> None:
    """Every test finds the fake model as it was made."""
    model.as_new()


@pytest.fixture
def http(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=300) as client:
        yield client


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client
