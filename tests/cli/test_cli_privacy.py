"""`fireside privacy`: export, forget and find."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fireside.storage import Store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def filled(home: Path) -> Path:
    with Store.open(home / "fireside.db") as store:
        made = store.create_conversation(title="Zqxwvy")
        store.append(made.id, "user", "Zqxwvy said", parent_id=None)
    return home


def test_export_and_forget(run: Run, filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.zip"
    code, out, _ = run("privacy", "export", str(target), "--json")
    assert code == 0
    assert json.loads(out)["rows"] == {"conversations": 1, "messages": 1}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with zipfile.ZipFile(target) as archive:
        assert b"Zqxwvy said" in archive.read("messages.jsonl")
    code, _, err = run("privacy", "export", str(target))
    assert (code, err.count("\n")) == (1, 1)
    code, out, _ = run("privacy", "forget", "--yes", "--json")
    assert json.loads(out) == {
        "rows": {"conversations": 1}, "paths": 0, "clean": True, "remains": None
    }  # fmt: skip
    for path in filled.rglob("*"):
        if path.is_file():
            assert b"Zqxwvy" not in path.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("forget", "--yes", "--owner", "nobody"),
        ("export", "x.zip", "--owner", "nobody"),
        ("export", "/nowhere/at/all/x.zip"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, filled: Path, words: tuple[str, ...]) -> None:
    code, out, err = run("privacy", *words)
    assert (code, out, err.count("\n")) == (1, "", 1)


def test_find(run: Run, filled: Path) -> None:
    code, out, _ = run("privacy", "find", "I am Ana Lee, ana@example.com", "--json")
    assert code == 0
    assert [each["kind"] for each in json.loads(out)] == ["NAME", "EMAIL"]
    assert "ana@example.com" in run("privacy", "find", "I am Ana Lee, ana@example.com")[1]
