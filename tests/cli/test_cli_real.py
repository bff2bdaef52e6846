"""The whole house by its front door: the default model, a process of its own, a terminal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fireside.storage import Store

Program = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(autouse=True)
def _rounded_once(models_dir: Path, home: Path) -> None:
    """The engine's rounded weights are kept in the real home, so only the first run rounds."""
    (models_dir.parent / "cache").mkdir(exist_ok=True)
    home.mkdir()
    (home / "cache").symlink_to(models_dir.parent / "cache")


def test_a_question_and_its_continuation(program: Program, smollm2_path: Path, home: Path) -> None:
    words = ("--model", str(smollm2_path), "--temperature", "0", "--max-tokens", "24")
    first = program("chat", "What is the capital of France?", *words)
    assert first.returncode == 0, first.stderr
    assert len(first.stdout) > 20
    assert b"\x1b" not in first.stdout
    assert first.stderr == b"fireside: This answer reached its limit of 24 tokens.\n"
    again = program("chat", *words, "--continue", "--json", input=b"And of Spain?")
    answer = json.loads(again.stdout)
    assert answer["receipt"]["finish_reason"] in ("stop", "length")
    with Store.open(home / "fireside.db") as store:
        path = store.path_to(answer["message_id"])
    assert [m.role for m in path] == ["user", "assistant", "user", "assistant"]
    assert path[1].content == first.stdout.decode().rstrip("\n")
    assert path[3].usage["prompt_tokens"] > path[1].usage["prompt_tokens"]


@pytest.mark.parametrize("question", [b"word " * 200_000])
def test_a_question_of_a_megabyte(program: Program, smollm2_path: Path, question: bytes) -> None:
    done = program("chat", "--model", str(smollm2_path), input=question)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"takes at most" in done.stderr


def test_unknown_and_missing_models(program: Program) -> None:
    unknown = program("chat", "hi", "--model", "smolm2:135m")
    assert unknown.returncode == 1
    assert b"smollm2:135m" in unknown.stderr
    missing = program("chat", "hi")
    assert missing.returncode == 1
    assert b"fireside models pull smollm2:135m" in missing.stderr
    for done in (unknown, missing):
        assert done.stdout == b""
        assert done.stderr.count(b"\n") == 1
