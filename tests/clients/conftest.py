"""A server with the real models and with keys: what other people's clients are tried against."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor, Limits
from tests.server.serving import running

MODEL, EMBEDDER = "smollm2:135m", "minilm:l6"


@dataclass(frozen=True, kw_only=True)
class Served:
    """url: without /v1.  slow_key: allows 20 requests per minute."""

    url: str
    key: str
    slow_key: str


class SameSeed(random.Random):
    """A request that names no seed gets this one: at temperature 1 every run says the same, in
    whatever order the clients ask."""

    def getrandbits(self, k: int, /) -> int:
        return 0


@pytest.fixture(scope="session")
def served(
    smollm2_path: Path, minilm_path: Path, models_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:  # fmt: skip
    from fireside.engine.models import Models

    home = tmp_path_factory.mktemp("served")
    (home / "models").symlink_to(models_dir)
    # The clients compute too; and the examples show every persona at work.
    settings = Settings(home=home, threads=1, try_anyway=True)
    with Store.open(settings.database_path) as store:
        user = store.people.add_user("Ada", by=Actor()).id
        _, key = store.keys.add("clients", user_id=user, by=Actor())
        limits = Limits(requests_per_minute=20)
        _, slow = store.keys.add("slow", user_id=user, limits=limits, by=Actor())
        models = Models(settings)
        models.get().engine._seeds = SameSeed()
        with running(create_app(models, store, settings)) as url:
            yield Served(url=url, key=key, slow_key=slow)
