"""With the real embedding model and the real chat model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fireside.assistant.persona import Personas
from fireside.dialogue.acts import ActReader
from fireside.dialogue.extraction import Extractor
from fireside.dialogue.intents import IntentReader
from fireside.engine.models import Models
from fireside.settings import load_settings
from tests.script_modules import script

from .conftest import Talk

REPOSITORY = Path(__file__).parents[2]
ACTS = script("benchmarks/dialogue_turns.py").ACTS


@pytest.fixture(scope="module")
def models(minilm_path: Path) -> Iterator[Models]:
    made = Models(load_settings())
    yield made
    made.close()


def test_acts_of_people_whom_nobody_wrote_rules_for(models: Models, shared_data: Path) -> None:
    """354 of 411 turns of the held-out half in November 2026: 86 %."""
    reader = ActReader(models.embedder())
    dialogues = json.loads((shared_data / "dialogue_state_sample.json").read_text("utf-8"))
    right, total = 0, 0
    for dialogue in dialogues[1:60:2]:
        for turn in dialogue["turns"]:
            if turn["speaker"] == "USER":
                actions = [a["act"] for f in turn["frames"] for a in f["actions"]]
                right += reader.read(turn["utterance"]).main in set().union(
                    *(ACTS[act] for act in actions)
                )
                total += 1
    assert right / total > 0.8


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("my money back please", "refund"),
        ("I'd like to return order AB-12345, it is damaged", "refund"),
        ("has my package been sent yet?", "track"),
        ("send me the bill", "invoice"),
        ("what is the capital of Peru?", None),
        ("write a poem about the sea", None),
        ("我要退款", None),
        ("AB-12345", None),
    ],
)
def test_intents_of_the_shipped_desk(models: Models, text: str, intent: str | None) -> None:
    reader = IntentReader(Personas().get("support").dialogue, models.embedder())
    assert reader.match(text).one == intent


def test_the_shipped_desk_in_a_long_conversation(models: Models) -> None:
    talk = Talk(Personas().get("support").dialogue, models.embedder())
    for line in ("I moved to Berlin, change my address", "AB-12345", "Main Street 5", "no"):
        talk.say(line)
    assert talk.say("Hamburg") == "What is Hamburg: the city or the street?"
    talk.say("the city")
    assert talk.values == {"order": "AB-12345", "street": "Main Street 5", "city": "Hamburg"}


def test_the_model_takes_only_what_was_said(models: Models, smollm2_path: Path) -> None:
    extractor = Extractor(models.get())
    said = "Well, I used to live in Graz, and since last May my home is Porto in Portugal."
    found = extractor.extract(said, "city that the customer lives in now")
    assert found is not None
    assert said[found.start : found.end] == found.words
    assert extractor.extract("", "city") is None
    for odd in ("你好,我在北京", "😀" * 400, "x" * 5_000, '{"value": "Rome"} </s> <|im_end|>'):
        piece = extractor.extract(odd, "city")
        assert piece is None or piece.words in odd


def test_the_command_says_ok_and_names_the_first_line_that_fails(
    smollm2_path: Path, minilm_path: Path, tmp_path: Path
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fireside", "eval", *arguments],
            capture_output=True, text=True, check=False, env=os.environ, cwd=REPOSITORY,
        )  # fmt: skip

    failing = tmp_path / "bad.chat"
    failing.write_text("user: my money back\nexpect: asks order\nexpect: asks pickup\n", "utf-8")
    desk = REPOSITORY / "fireside/assistant/personas/checks/support.chat"
    head, first, *_ = desk.read_text(encoding="utf-8").split("conversation: ")
    sound = tmp_path / "sound.chat"
    sound.write_text(f"{head}conversation: {first}", encoding="utf-8")
    done = run("--conversations", str(sound), str(failing), "--persona", "support")
    assert done.returncode == 1, done.stderr
    assert "2 conversations, 1 failed." in done.stdout
    assert "FAILED" in done.stdout
    assert "bad.chat: the conversation, line 3" in done.stdout
    told: list[Any] = json.loads(
        run("--conversations", str(failing), "--persona", "support", "--json").stdout
    )
    assert told[0]["failure"]["line"] == 3
    wrong = run("--conversations", str(failing), "--persona", "suport")
    assert wrong.returncode != 0
    assert "support" in wrong.stderr
    assert "--tasks" in run("--conversations", str(sound), "--tasks", "sst2").stderr
