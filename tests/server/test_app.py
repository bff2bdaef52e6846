"""Models, health, the life of the application, and an event loop that is never blocked."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import openai
import pytest

from fireside.errors import Unavailable
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import running, wait_until


def test_models(client: openai.OpenAI) -> None:
    names = [each.id for each in client.models.list()]
    assert names[:2] == ["fake:1b", "fake-embedding"]
    assert all(name.startswith("persona:") for name in names[2:])
    assert client.models.retrieve("fake:1b").owned_by == "fireside"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def test_health(http: httpx.Client) -> None:
    assert wait_until(lambda: http.get("/health").json()["model"]["state"] == "ready")
    health = http.get("/health").json()
    assert (health["status"], health["model"]["name"]) == ("ok", "fake:1b")


class SlowModels(FakeModels):
    """Takes its time to load, then fails."""

    def __init__(self) -> None:
        super().__init__(FakeModel())
        self.may_go_on = threading.Event()

    def get(self, name: str | None, *, owner: str = "") -> FakeModel:
        self.may_go_on.wait(120)
        raise Unavailable("There is no memory left; choose a smaller model.")


@pytest.fixture
def slow(store: Store) -> Iterator[tuple[SlowModels, str]]:
    models = SlowModels()
    with running(create_app(models, store, Settings(model="fake:1b"))) as address:
        yield models, address
    assert models.closed


def test_loading_blocks_nobody(slow: tuple[SlowModels, str]) -> None:
    models, address = slow
    assert httpx.get(f"{address}/health", timeout=300).json()["model"]["state"] == "loading"
    models.may_go_on.set()
    assert wait_until(
        lambda: httpx.get(f"{address}/health", timeout=300).json()["model"]["state"] == "failed"
    )
    assert "memory" in httpx.get(f"{address}/health", timeout=300).json()["model"]["problem"]
    ask = {"model": "fake:1b", "prompt": "a"}
    assert httpx.post(f"{address}/v1/completions", json=ask, timeout=300).status_code == 503


def test_a_stop_closes_the_models(store: Store) -> None:
    models = FakeModels(FakeModel())
    with running(create_app(models, store, Settings(model="fake:1b"))) as address:
        httpx.get(f"{address}/health", timeout=300)
        assert not models.closed
    assert models.closed
