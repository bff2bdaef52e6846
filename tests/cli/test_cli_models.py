"""`fireside models`: what a person sees, and what a program reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hub.small import install, write_folder, write_gguf

from fireside.hub.catalogue import catalogue

Run = Callable[..., tuple[int, str, str]]
OTHER = "hf:a/b:small.gguf"


@pytest.fixture(autouse=True)
def two_models(home: Path) -> None:
    install(home / "models", "smollm2:135m", "smollm2-135m")
    install(home / "models", OTHER, "hf--a--b--small.gguf")


def test_list_for_a_pipe(run: Run) -> None:
    code, out, _ = run("models", "list")
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert [row[0] for row in rows] == [*catalogue(), OTHER]
    assert {len(row) for row in rows} == {7}
    assert [row[0] for row in rows if row[1]] == ["smollm2:135m", OTHER]


def test_list_for_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = run("models", "list")
    assert code == 0
    assert "licence" in out
    assert "smollm2:135m" in out


@pytest.mark.parametrize("columns", [80, 100])
def test_a_narrow_terminal_breaks_no_word(
    run: Run, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, _ = run("models", "list")
    lines = out.splitlines()
    assert code == 0
    assert max(map(len, lines)) <= columns
    for entry in catalogue().values():
        row = next(line for line in lines if line.startswith(f"{entry.name} "))
        below = lines[lines.index(row) + 1]
        assert below == f"    {entry.summary} ({entry.licence})"


def test_list_names_what_is_damaged(run: Run, home: Path) -> None:
    (home / "models" / "smollm2-135m" / "small.gguf").write_bytes(b"")
    code, out, err = run("models", "list")
    assert code == 0
    assert out.splitlines()[0].split("\t")[1] == ""
    assert "fireside models pull smollm2:135m" in err


def test_list_for_a_program(run: Run) -> None:
    rows = {row["name"]: row for row in json.loads(run("models", "list", "--json")[1])}
    assert rows["smollm2:135m"]["installed"]
    assert rows["smollm2:135m"]["sampling"]["temperature"] == 0.2
    assert not rows["qwen3:0.6b"]["installed"]
    assert rows[OTHER]["licence"] == "mit"


def test_show(run: Run) -> None:
    code, out, _ = run("models", "show", "smollm2:135m")
    facts = dict(line.split(None, 1) for line in out.splitlines())
    assert code == 0
    assert facts["architecture"] == "llama"
    assert facts["context"] == "2,048 tokens"
    assert facts["parameters"] == "1,536"
    assert facts["licence"] == "mit"
    assert facts["template"].startswith("yes")
    assert facts["quantisation"].startswith("F32 (192 in F32")


def test_show_a_path_for_a_program(run: Run, tmp_path: Path) -> None:
    _, out, _ = run("models", "show", str(write_folder(tmp_path / "mine")), "--json")
    assert json.loads(out)["parameters"] == 40


def test_show_obeys_no_escape_sequence(run: Run, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "evil.gguf")
    path.write_bytes(path.read_bytes().replace(b"Small", b"S\x1b[2J"))
    code, out, _ = run("models", "show", str(path))
    assert code == 0
    assert "\x1b" not in out


def test_pull_what_is_here_prints_its_path(run: Run, home: Path) -> None:
    path = home / "models" / "smollm2-135m" / "small.gguf"
    assert run("models", "pull", "smollm2:135m") == (0, f"{path}\n", "")
    _, out, _ = run("models", "pull", "smollm2:135m", "--json")
    assert json.loads(out) == {"name": "smollm2:135m", "path": str(path), "format": "gguf"}


@pytest.mark.parametrize("terminal", [True, False])
def test_pull_tells_its_progress_on_stderr(
    terminal: bool, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pull(name: str, models_dir: Path, progress: Callable[[str, int, int], None]) -> object:
        from fireside.hub import locate

        for done in (0, 50, 100):
            progress("fetching [weights]", done, 100)
        return locate(name, models_dir)

    monkeypatch.setattr("fireside.hub.pull", pull)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    code, out, err = run("models", "pull", "smollm2:135m")
    assert code == 0
    assert out.count("\n") == 1
    if not terminal:
        assert err == "fireside: fetching [weights]\n"


def test_a_pulled_model_that_cannot_answer_is_told(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fireside.hub import locate

    here = locate("smollm2:135m", home / "models")  # its tensors are no model's
    monkeypatch.setattr("fireside.hub.pull", lambda *_: here)
    monkeypatch.setattr("fireside.hub.installed", lambda _: [])
    code, out, err = run("models", "pull", "smollm2:135m")
    assert (code, out) == (0, f"{here.path}\n")
    assert "is here, but cannot answer" in err


def test_rm(run: Run, home: Path) -> None:
    code, out, _ = run("models", "rm", "smollm2:135m")
    assert code == 0
    assert "gone" in out
    assert not (home / "models" / "smollm2-135m").exists()
    assert json.loads(run("models", "rm", OTHER, "--json")[1])["freed_bytes"] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "smollm2:136m"], 1, "smollm2:135m"),
        (["show", "qwen3:0.6b"], 1, "fireside models pull qwen3:0.6b"),
        (["rm", "qwen3:0.6b"], 1, "not on this machine"),
        (["rm", "./mine"], 2, "yourself"),
        (["pull", "hf:nonsense"], 2, "hf:ORG/NAME"),
        (["pull", "hf:a/b:c.bin"], 2, "GGUF"),
        (["show"], 2, "NAME"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_bad_usage_and_failure_are_one_line(
    arguments: list[str], code: int, words: str, run: Run
) -> None:
    got, out, err = run("models", *arguments)
    assert (got, out) == (code, "")
    assert words in err
    assert err.count("\n") == 1
