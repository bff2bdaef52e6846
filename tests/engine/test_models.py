"""Models by name: loaded once, kept, given up for others, closed together."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from fireside.engine import models as module
from fireside.engine.models import KEPT, Models
from fireside.errors import NotFound, Unavailable, UnknownModel
from fireside.hub import LocalModel
from fireside.settings import Settings


@dataclass
class Loaded:
    """What `load_text_model` would give, as far as `Models` looks at it."""

    name: str
    running: int = 0
    stopped: list[float] = field(default_factory=list)

    @property
    def engine(self) -> SimpleNamespace:
        stats = SimpleNamespace(running=self.running, waiting=0, idle=self.running == 0)
        return SimpleNamespace(stop=self.stopped.append, stats=lambda: stats)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were loaded, in order."""
    heard: list[str] = []

    def load(local: LocalModel, settings: Settings, progress: object = None) -> Loaded:
        time.sleep(0.01)
        heard.append(local.name)
        return Loaded(local.name)

    def locate(name: str, models_dir: Path) -> LocalModel:
        return LocalModel(name=name.lower(), path=models_dir / name, format="gguf")

    monkeypatch.setattr(module, "load_text_model", load)
    monkeypatch.setattr(module, "locate", locate)
    return heard


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(Settings(home=tmp_path, model="first"))


def test_loaded_when_first_asked_for_and_kept(models: Models, loads: list[str]) -> None:
    assert loads == []
    assert models.get("a") is models.get("a")
    assert models.get("A") is models.get("a")  # one file, two spellings
    assert loads == ["a"]


def test_the_default_is_the_settings(models: Models, loads: list[str]) -> None:
    assert models.get(None).name == models.get("").name == "first"
    assert loads == ["first"]


def test_asked_for_at_once_loaded_once(models: Models, loads: list[str]) -> None:
    together = threading.Barrier(8)

    def ask(_: int) -> object:
        together.wait()
        return models.get("a")

    with ThreadPoolExecutor(8) as pool:
        assert len({id(found) for found in pool.map(ask, range(8))}) == 1
    assert loads == ["a"]


def test_the_least_recently_used_gives_way(models: Models, loads: list[str]) -> None:
    kept = [models.get(str(number)) for number in range(KEPT)]
    models.get("0")
    models.get("new")
    assert kept[1].stopped
    assert not kept[0].stopped
    assert models.get("0") is kept[0]
    assert models.get("1") is not kept[1]


def test_one_that_is_answering_is_not_taken_away(models: Models, loads: list[str]) -> None:
    kept = [models.get(str(number)) for number in range(KEPT)]
    kept[0].running = 1
    models.get("new")
    assert not kept[0].stopped
    assert kept[1].stopped


def test_where_all_are_answering_one_more_is_kept(models: Models, loads: list[str]) -> None:
    kept = [models.get(str(number)) for number in range(KEPT)]
    for model in kept:
        model.running = 2
    models.get("new")
    assert not any(model.stopped for model in kept)


def test_closed_together(models: Models, loads: list[str]) -> None:
    kept = [models.get(str(number)) for number in range(KEPT)]
    models.close(2.5)
    assert [model.stopped for model in kept] == [[2.5]] * KEPT
    with pytest.raises(Unavailable, match="stopping"):
        models.get("0")
    models.close()


def test_a_failure_leaves_the_name_free(models: Models, loads: list[str], monkeypatch) -> None:
    def fail(*_: object) -> Loaded:
        raise Unavailable("no memory")

    with monkeypatch.context() as patched:
        patched.setattr(module, "load_text_model", fail)
        with pytest.raises(Unavailable):
            models.get("a")
    assert models.get("a").name == "a"


def test_unknown_and_not_pulled(models: Models) -> None:
    with pytest.raises(UnknownModel, match="smollm2:135m"):
        models.get("smollm2:135")
    with pytest.raises(NotFound, match="fireside models pull smollm2:135m"):
        models.get("smollm2:135m")


def test_names_begin_with_the_default(tmp_path: Path, loads: list[str], monkeypatch) -> None:
    entry = SimpleNamespace(kind="embedding")
    here = [
        LocalModel(name="b", path=tmp_path, format="gguf"),
        LocalModel(name="embedder", path=tmp_path, format="hf", entry=entry),
        LocalModel(name="a", path=tmp_path, format="gguf"),
    ]
    monkeypatch.setattr(module, "installed", lambda _: here)
    models = Models(Settings(home=tmp_path, model="b"))
    assert models.names() == ["b", "a"]
    models.get("path/to.gguf")
    assert models.names() == ["b", "a", "path/to.gguf"]
