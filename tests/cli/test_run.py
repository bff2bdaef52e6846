"""`fireside run`: personas over texts, documents and tables, with the default model."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[..., subprocess.CompletedProcess[bytes]]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def models(models_dir: Path, smollm2_path: Path, home: Path) -> None:
    home.mkdir()
    (home / "models").symlink_to(models_dir)
    (models_dir.parent / "cache").mkdir(exist_ok=True)
    (home / "cache").symlink_to(models_dir.parent / "cache")


def test_all_of_them_by_name(run: Run) -> None:
    code, out, err = run("run")
    assert (code, err) == (0, "")
    for name in ("summariser", "translator", "writer", "triage", "tutor", "storyteller"):
        assert f"\n{name} " in f"\n{out}"


def test_a_broken_file_ends_no_list(run: Run, home: Path) -> None:
    (home / "personas").mkdir(parents=True)
    (home / "personas" / "clerk.toml").write_text("instrctions = 'x'")
    code, out, err = run("run")
    assert (code, err) == (0, "")
    assert (
        "\nclerk          (clerk.toml, line 1: there is no key 'instrctions': did you "
        in f"\n{out}"
    )
    assert "\nwriter " in out


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        (1, ("triag",), "There is no persona 'triag'. Near: triage."),
        (1, ("none.toml",), "There is no persona file 'none.toml'."),
        (
            2,
            ("triage", "rows.csv"),
            "A table goes alone, with --out FILE; other files go without it.",
        ),
        (2, ("triage", "a.txt", "--text", "b"), "Give --text or files, not both."),
        (2, ("triage", "a.csv", "--out", "b.txt"), "--out b.txt: name a .csv or a .jsonl file."),
        (1, ("triage", "a.csv", "--out", "b.csv"), "There is no file 'a.csv'."),
        (1, ("triage", "a.txt"), "There is no file 'a.txt'."),
    ],
)
def test_what_is_wrong_is_one_line(run: Run, code: int, words: tuple[str, ...], said: str) -> None:
    assert run("run", *words) == (code, "", f"fireside: {said}\n")


@pytest.mark.usefixtures("models", "minilm_path")
def test_a_reader_is_given_a_file_and_a_question(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "library.txt"
    path.write_text("We open at 9:00. On Saturdays the library is open from 10:00 to 14:00.")
    code, out, err = run("run", "reader", str(path), "When is the library open on Saturdays?")
    assert (code, err) == (0, "")
    assert out == ("On Saturdays the library is open from 10:00 to 14:00. [1]\n\n— library.txt\n")


def test_a_reader_needs_a_question_and_files_that_are_there(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "library.txt"
    path.write_text("We open at 9:00.")
    code, _, err = run("run", "reader", str(path))
    assert (code, err) == (
        2, f'fireside: There is no question: fireside run reader {path} "QUESTION".\n'
    )  # fmt: skip
    code, _, err = run("run", "reader", "none.pdf", "When?")
    assert (code, err) == (1, "fireside: There is no file 'none.pdf'.\n")


def test_no_folder_is_told_before_the_model_is_loaded(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text\na\n")
    assert run("run", "triage", str(tmp_path / "rows.csv"), "--out", "none/o.csv") == (
        1, "", "fireside: There is no folder 'none' for --out: make it first.\n"
    )  # fmt: skip


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_bytes_on_stdin_that_are_no_text(
    program: Program, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    done = program("run", "triage", input=b"\xff\xfea")
    assert done.returncode == 2
    assert done.stderr == b"fireside: What came from stdin is not text in UTF-8.\n"


@pytest.mark.usefixtures("models", "minilm_path")
def test_a_table(program: Program, tmp_path: Path) -> None:
    asked = [
        "I forgot my password and cannot log in to my account.",
        "I want a refund. Give me my money back, please.",
        "Which planet is the largest?",
        "",
    ]
    rows = "".join(f'{n},"{text}"\n' for n, text in enumerate(asked))
    (tmp_path / "in.csv").write_text("id,text\n" + rows)
    done = program("run", "triage", "in.csv", "--out", "out.csv")
    assert done.returncode == 0
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("With smollm2:135m: limited: "), line
    assert done.stdout.decode().splitlines() == [
        "4 rows, 1 with an error: out.csv",
        "Labels: refund 1, account 1, other 1.",
        "Never given: order, delivery, complaint.",
    ]
    with (tmp_path / "out.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["label"] for row in found] == ["account", "refund", "other", ""]
    assert all(0.5 < float(row["probability"]) <= 1 for row in found[:3])
    assert found[3]["error"] == "The text is empty."


@pytest.mark.usefixtures("models", "minilm_path")
def test_labels_of_a_table_and_of_a_text_as_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nI forgot my password\nI cannot sign in\n")
    out = tmp_path / "out.jsonl"
    code, told, _ = run("run", "triage", str(tmp_path / "in.csv"), "--out", str(out), "--json")
    assert code == 0
    assert json.loads(told) == {
        "rows": 2,
        "errors": 0,
        "out": str(out),
        "labels": {"order": 0, "delivery": 0, "refund": 0, "account": 2, "complaint": 0},
        "never": ["order", "delivery", "refund", "complaint"],
    }
    code, label, notes = run("run", "triage", "--text", "I forgot my password")
    assert (code, label) == (0, "account\n")
    assert "account " in notes
    assert " %, " in notes
    code, told, _ = run("run", "triage", "--text", "I forgot my password", "--json")
    task = next(step for step in json.loads(told)["steps"] if step["name"] == "task")
    assert task["by"] == "nearest"
    assert sum(task["probabilities"].values()) == pytest.approx(1, abs=0.001)


@pytest.mark.usefixtures("models")
def test_a_persona_of_ones_own_over_a_document(program: Program, tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text('[task]\nkind = "summarise"\nwords = 12\n')
    story = "The harbour opens at six. Boats leave at seven. " * 20
    (tmp_path / "a.md").write_text(f"# Harbour\n\n{story}")
    done = program("run", "short.toml", "a.md", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    told = json.loads(done.stdout)
    assert 0 < len(told["text"].split()) <= 12
    assert next(step for step in told["steps"] if step["name"] == "task")["kind"] == "summarise"
