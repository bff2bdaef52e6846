"""Which models run in the native core, and one clear line about the others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fireside.engine.load import load_runner, load_text_model, prepare
from fireside.engine.native import choice
from fireside.engine.native.place import (
    SOURCES,
    digest_of_sources,
    place_of_library,
    state_of_library,
)
from fireside.engine.native.runner import NativeRunner
from fireside.errors import BadRequest, Unavailable
from fireside.hub import LocalModel
from fireside.settings import Settings
from tests.script_modules import script

is_built = pytest.mark.skipif(
    bool(choice.why_not_loaded()), reason="the native core is not built: python native/build.py"
)


@pytest.fixture
def model(smollm2_path: Path) -> LocalModel:
    return LocalModel(name="smollm2:135m", path=smollm2_path, format="gguf")


def settings(home: Path, **changes: object) -> Settings:
    return Settings(**{"home": home, "kv_cache_mib": 100, "native": "auto"} | changes)  # type: ignore[arg-type]


@is_built
def test_the_default_model_runs_there(model: LocalModel, tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    runner = load_runner(model, settings(tmp_path), lambda *step: heard.append(step))
    assert isinstance(runner, NativeRunner)
    assert heard == sorted(heard)
    assert heard[-1][0] == heard[-1][1]
    assert isinstance(load_runner(model, settings(tmp_path, native=True)), NativeRunner)


@is_built
def test_prepared_is_not_packed_again(model: LocalModel, tmp_path: Path) -> None:
    prepare(model, settings(tmp_path))
    heard: list[tuple[int, int]] = []
    assert load_runner(model, settings(tmp_path), lambda *step: heard.append(step))
    assert heard == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"native": False}, "FIRESIDE_NATIVE is false"),
        ({"precision": "float32"}, "FIRESIDE_PRECISION is float32"),
    ],
)
def test_settings_that_name_another_arithmetic_count(
    model: LocalModel, tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    loaded = load_text_model(model, settings(tmp_path, **changes))
    loaded.engine.stop()
    assert not isinstance(loaded.engine.runner, NativeRunner)
    assert loaded.arithmetic.endswith(f", not the native core: {reason}")


def test_who_asks_for_it_and_for_another_arithmetic_is_refused(
    model: LocalModel, tmp_path: Path
) -> None:
    with pytest.raises(BadRequest, match="FIRESIDE_PRECISION is float32: set it to auto"):
        load_runner(model, settings(tmp_path, native=True, precision="float32"))


def test_where_it_is_not_built_another_runner_answers(
    model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "place_of_library", lambda: tmp_path / "none.so")
    runner = load_runner(model, settings(tmp_path))
    assert not isinstance(runner, NativeRunner)
    with pytest.raises(Unavailable, match=r"as it is not built: run: python .*build\.py\.$"):
        load_runner(model, settings(tmp_path, native=True))


def test_a_damaged_library_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "libfireside.so"
    library.write_bytes(b"\x7fELF" + digest_of_sources().encode())
    monkeypatch.setattr(choice, "place_of_library", lambda: library)
    assert choice.why_not_loaded().startswith("it cannot be loaded (")


def test_a_library_of_older_sources_is_not_used(tmp_path: Path) -> None:
    sources, library = tmp_path / "native", tmp_path / "libfireside.so"
    sources.mkdir()
    (sources / "step.cc").write_text("one")
    assert state_of_library(library, sources) == "not built"
    library.write_bytes(b"..." + digest_of_sources(sources).encode() + b"...")
    state_of_library.cache_clear()
    assert state_of_library(library, sources) == "built"
    (sources / "step.cc").write_text("two")
    state_of_library.cache_clear()
    assert state_of_library(library, sources) == "out of date"
    # A wheel has no sources beside it.
    state_of_library.cache_clear()
    assert state_of_library(library, tmp_path / "none") == "built"


def test_without_a_checkout_the_advice_is_to_install_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choice.how_to_build() == f"run: python {SOURCES / 'build.py'}"
    monkeypatch.setattr(choice, "SOURCES", tmp_path)
    assert choice.how_to_build().endswith("pip install --force-reinstall --no-deps fireside")


@is_built
def test_what_is_built_is_kept() -> None:
    build = script("native/build.py")
    before = place_of_library().stat().st_mtime_ns
    assert build.build() == place_of_library()
    assert place_of_library().stat().st_mtime_ns == before


def test_a_failed_build_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = script("native/build.py")
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    (tmp_path / "api.cc").write_text("int broken(")
    out = tmp_path / "out" / "libfireside.so"
    out.parent.mkdir()
    out.write_bytes(b"older")
    compiler = build.find_compiler()
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    with pytest.raises(subprocess.CalledProcessError):
        build.compile_core(compiler, "other", out)
    assert [(each.name, each.read_bytes()) for each in out.parent.iterdir()] == [
        (out.name, b"older")
    ]
