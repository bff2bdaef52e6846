"""Every shipped persona, end to end, with the real models: `examples/uses.py`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from fireside.assistant.persona import Personas
from tests.script_modules import ROOT, script

from .conftest import Served

EXAMPLE = ROOT / "examples" / "uses.py"


@pytest.fixture(scope="module")
def told(served: Served) -> dict[str, str]:
    """What it prints of each persona."""
    environment = {**os.environ, "FIRESIDE_API_KEY": served.key}
    names = list(script("examples/uses.py").USES)

    def run(some: list[str]) -> str:
        ran = subprocess.run(
            [sys.executable, str(EXAMPLE), "--url", f"{served.url}/v1", *some],
            env=environment, capture_output=True, text=True, timeout=1200, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    # Side by side: three answers in one batch cost little more than one.
    with ThreadPoolExecutor(3) as threads:
        printed = "".join(threads.map(run, (names[n::3] for n in range(3))))
    parts = re.split(r"\n\n(?=you: )", printed)
    found: dict[str, str] = {}
    for part in parts:
        name = next(name for name in names if f"\n{name}: " in part)
        found[name] = found.get(name, "") + part
    return found


def answers(part: str, name: str) -> list[str]:
    return [each.partition("\nyou: ")[0].strip() for each in part.split(f"\n{name}: ")[1:]]


def test_it_leaves_no_persona_out(told: dict[str, str]) -> None:
    assert sorted(told) == Personas().names


def test_the_support_desk_asks_comes_back_and_hands_over(told: dict[str, str]) -> None:
    asked, pickup, digression, confirm, done, person = answers(told["support"], "support")
    assert "order number" in asked
    assert "pick it up" in pickup
    assert "Monday to Friday" in digression
    assert "pick it up" in digression  # back to its own question
    assert "AB-12345 (damaged)" in confirm
    assert "I have written ticket T-" in done
    assert "our support team" in person
    assert "(for the colleague: " in person


def test_the_reader_is_shown_the_document(told: dict[str, str]) -> None:
    assert "([1] handbook.md)" in told["reader"]
    assert answers(told["reader"], "reader")


def test_a_summary_keeps_its_length(told: dict[str, str]) -> None:
    [said] = answers(told["summariser"], "summariser")
    assert 50 <= len(said.partition("\n  (")[0].split()) <= 120


def test_a_translation_keeps_the_term(told: dict[str, str]) -> None:
    assert "Fireside" in answers(told["translator"], "translator")[0]


def test_an_article_has_headings(told: dict[str, str]) -> None:
    assert answers(told["writer"], "writer")[0].startswith("# ")
    assert told["writer"].count("\n## ") == 3


def test_labels(told: dict[str, str]) -> None:
    labels = Personas().get("triage").task.labels
    assert answers(told["triage"], "triage")[0].split("\n")[0] in labels
    assert all(f"'{label}': 0." in told["triage"] for label in labels)
    bad, good = answers(told["sentiment"], "sentiment")
    assert bad.startswith("negative")
    assert good.startswith("positive")


def test_the_secretary_answers(told: dict[str, str]) -> None:
    assert all(answers(told["secretary"], "secretary"))


def test_the_tutor_checks_and_remembers(told: dict[str, str]) -> None:
    wrong, right = answers(told["tutor"], "tutor")
    assert wrong.startswith("Not yet: 7 × 8 is not 54.")
    assert right.startswith("Right: 7 × 8 = 56.")
    assert "(Progress in multiplication: 0 of 1 right.)" in right


def test_the_storyteller_makes_a_plot(told: dict[str, str]) -> None:
    who, where, what, story = answers(told["storyteller"], "storyteller")
    assert "Who are you" in who
    assert "Where" in where
    assert "what do you want" in what
    assert story.startswith("Then listen: this is the story of Mira. The place: ")
    assert "(values; new: goal)" in story
    assert len(story.split()) > 20  # drawn, but of `min_tokens` at least
