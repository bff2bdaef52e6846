"""Settings: where they come from, and one clear line when they are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fireside.errors import BadRequest
from fireside.settings import load_settings


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_the_environment_is_above_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "fireside.toml").write_text("port = 1234\nmax_queue = 7\n")
    monkeypatch.setenv("FIRESIDE_PORT", "4321")
    assert (load_settings().port, load_settings().max_queue) == (4321, 7)


def test_a_tilde_is_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESIDE_HOME", "~/models of mine")
    assert load_settings().home == Path.home() / "models of mine"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"prot = 1", "prot"),
        (b"port = 70000", "port"),
        (b"port = 'x'", "port"),
        (b"port = ", "TOML"),
        (b"\xff = 1", "UTF-8"),
    ],
)
def test_a_wrong_file_is_one_line(content: bytes, named: str, tmp_path: Path) -> None:
    (tmp_path / "fireside.toml").write_bytes(content)
    with pytest.raises(BadRequest, match=named) as told:
        load_settings()
    assert "\n" not in str(told.value)
