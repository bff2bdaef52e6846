"""`fireside doctor`: what is wrong is named with what to do; looking changes nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fireside.storage import Store

Run = Callable[..., tuple[int, str, str]]


def findings(run: Run) -> tuple[int, dict[str, dict[str, Any]]]:
    code, out, err = run("doctor", "--json")
    assert err == ""
    return code, {finding["name"]: finding for finding in json.loads(out)["findings"]}


def test_an_empty_home_wants_a_model_and_stays_empty(run: Run, home: Path) -> None:
    code, found = findings(run)
    assert code == 1
    assert found["default model"]["wrong"]
    assert "fireside models pull smollm2:135m" in found["default model"]["problem"]
    for name in ("processor", "memory", "memory bandwidth", "disk", "threads", "torch", "port"):
        assert found[name]["value"]
    assert not home.exists()


def test_a_healthy_database(run: Run, home: Path) -> None:
    Store.open(home / "fireside.db").close()
    _, found = findings(run)
    assert "integrity ok" in found["database"]["value"]
    assert not found["database"]["problem"]


def test_what_the_guards_miss_is_stated(run: Run) -> None:
    _, found = findings(run)
    assert "does not judge sexual/minors" in found["moderation"]["value"]
    assert "English only" in found["sentiment"]["value"]
    assert "65 % of names" in found["personal data"]["value"]
    assert "Finds 14 %" in found["injection"]["value"]
    assert "AUROC 0.55" in found["uncertainty"]["value"]


def test_a_damaged_database(run: Run, home: Path) -> None:
    home.mkdir()
    (home / "fireside.db").write_bytes(b"a letter" * 1000)
    code, found = findings(run)
    assert code == 1
    assert "damaged" in found["database"]["problem"]


def test_a_taken_port_and_too_many_threads(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        monkeypatch.setenv("FIRESIDE_PORT", str(held.getsockname()[1]))
        monkeypatch.setenv("FIRESIDE_THREADS", "999")
        _, found = findings(run)
    assert "taken" in found["port"]["problem"]
    assert "FIRESIDE_THREADS=0" in found["threads"]["advice"]


def test_a_misspelt_variable_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESIDE_PROT", "9000")
    monkeypatch.setenv("FIRESIDE_PORT", "0")
    monkeypatch.setenv("FIRESIDE_DEBUG", "0")
    _, found = findings(run)
    assert "FIRESIDE_PROT is no setting" in found["settings"]["problem"]
    assert "FIRESIDE_PORT" in found["settings"]["advice"]
    assert "DEBUG" not in found["settings"]["problem"]


def test_for_a_person(run: Run, home: Path) -> None:
    code, out, _ = run("doctor")
    assert code == 1
    assert "processor" in out
    assert "to look at" in out
