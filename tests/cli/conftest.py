"""The command line, run in this process against a fake model, or as a program of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel, FakeModels

from fireside.cli import main
from fireside.cli.loading import Loading
from fireside.settings import load_settings
from fireside.storage import Store


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty FIRESIDE_HOME."""
    monkeypatch.setenv("FIRESIDE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()
    yield tmp_path / "home"
    load_settings.cache_clear()


@pytest.fixture
def model(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """The model that answers `run`; the test writes its answers."""
    made = FakeModel()
    monkeypatch.setattr(Loading, "_import", lambda self: FakeModels(made))
    return made


@pytest.fixture
def run(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run `fireside WORDS…` in this process: exit code, stdout, stderr."""

    def call(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        monkeypatch.setattr("fireside.cli.question._pipe_speaks", lambda ready: bool(stdin))
        code = main.run(words)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def program(home: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run `fireside WORDS…` as a program."""

    def call(*words: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "fireside", *words],
            capture_output=True,
            timeout=600,
            env={**os.environ, "FIRESIDE_HOME": str(home)},
            **{"stdin": subprocess.DEVNULL, **({} if "input" not in how else {"stdin": None})},
            **how,
        )

    return call


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open(home / "fireside.db") as opened:
        yield opened
