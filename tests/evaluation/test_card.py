"""Scores in a model card: added once, replaced by task, nothing else touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fireside.cli.main import run
from fireside.errors import Unavailable
from fireside.evaluation import Evaluated, Result, evaluate, select
from fireside.evaluation.card import BEGIN, END, with_scores, write_scores

from .conftest import choice_rows
from .test_command import Write, quiet_home  # noqa: F401 - a fixture

CARD = """---
license: other
tags: [fireside]
---

# mine

| loss |
| --- |

## Held out

1.2

## Data

words
"""


@pytest.fixture
def bias(tiny: Evaluated) -> Result:
    return evaluate(tiny, select(["bias"], None), limit=2)


@pytest.fixture
def choices(tiny: Evaluated, write: Write) -> Result:
    return evaluate(tiny, select([], write("mine.jsonl", choice_rows())), limit=5)


def outside(card: str) -> str:
    return card[: card.index(BEGIN)].rstrip() + card[card.index(END) + len(END) :]


def test_scores_stand_between_marks_and_touch_nothing_else(choices: Result) -> None:
    card = with_scores(CARD, choices)
    assert outside(card).split() == CARD.split()
    assert card.index("## Held out") < card.index("## Evaluated") < card.index("## Data")
    assert str(choices.scores()[0]) in card


def test_the_same_scores_twice_are_the_same_card(choices: Result) -> None:
    once = with_scores(CARD, choices)
    assert with_scores(once, choices) == once


def test_each_task_keeps_its_last_scores(choices: Result, bias: Result) -> None:
    card = with_scores(with_scores(CARD, choices), bias)
    again = with_scores(card, choices)
    assert again == card
    assert card.count("<!-- task ") == 2
    assert card.count("P(positive)") == len(bias.evaluations[0].details["axes"])
    for axis in bias.evaluations[0].details["axes"]:
        for group in axis["groups"]:
            assert f"| {group['group']} | {100 * group['positive']:.1f}" in card


def test_a_card_without_sections_takes_them_at_its_end(choices: Result) -> None:
    card = with_scores("# mine\n", choices)
    assert card.startswith("# mine\n\n<!--")
    assert card.endswith(f"{END}\n")


def test_only_our_cards_are_written(tmp_path: Path, choices: Result) -> None:
    assert write_scores(tmp_path, choices) is None
    (tmp_path / "README.md").write_text("# of another\n")
    assert write_scores(tmp_path, choices) is None
    assert (tmp_path / "README.md").read_text() == "# of another\n"


def test_a_full_disk_leaves_the_card_as_it_was(
    tmp_path: Path, choices: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "README.md").write_text(CARD)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(Unavailable, match="No space left"):
        write_scores(tmp_path, choices)
    assert (tmp_path / "README.md").read_text() == CARD
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_the_command_says_where_it_wrote(
    tiny_folder: Path, tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(tiny_folder, folder)
    (folder / "README.md").write_text(CARD)
    data = write("mine.jsonl", choice_rows())
    assert run(["eval", str(folder), "--data", str(data), "--limit", "5"]) == 0
    assert "card" in capsys.readouterr().out
    assert "accuracy" in (folder / "README.md").read_text()
