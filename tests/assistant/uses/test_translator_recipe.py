"""The translator's recipe: its prompts are the persona's own, and what is held out stays out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fireside.assistant.persona import Personas
from fireside.assistant.uses.translate import translate
from fireside.training.config import TrainConfig
from tests.script_modules import ROOT, script

from .scripted import Scripted

RECIPE = ROOT / "examples" / "recipes" / "translator"


@pytest.fixture(scope="module")
def recipe() -> Any:
    return script("examples/recipes/translator/build.py")


def test_the_two_files_share_no_sentence(recipe: Any, tmp_path: Path) -> None:
    rows = [f"Sentence {n}.\t句子{n % 30}。\tsomebody" for n in range(60)]
    rows += ["Traditional.\t這個\tx", f"{'Long ' * 40}\t长\tx", "Sentence 1.\t又\tx"]
    (tmp_path / "table.tsv").write_text("\n".join(rows))
    chats, held = recipe.build(tmp_path / "table.tsv", tmp_path, 10, 0)
    train = [json.loads(row) for row in (tmp_path / "train.jsonl").read_text().splitlines()]
    pairs = [json.loads(row) for row in (tmp_path / "held_out.jsonl").read_text().splitlines()]
    assert (chats, held) == (len(train), len(pairs))
    assert len(pairs) == 10
    learned = {chat["messages"][2]["content"] for chat in train}
    asked = " ".join(chat["messages"][1]["content"] for chat in train)
    for pair in pairs:
        assert pair["chinese"] not in learned
        assert pair["english"] not in asked
    assert not {"這個", "长", "又"} & (learned | {pair["chinese"] for pair in pairs})


def test_a_prompt_is_what_the_persona_asks(recipe: Any) -> None:
    system, user, answer = recipe.chat("I am here.", "我在这里。")["messages"]
    ask = Scripted(lambda asked, constraint: "我在这里。")
    assert translate(ask, "I am here.", "Chinese", {}).text == answer["content"]
    assert ask.asked == [user["content"]]
    assert system["content"] == Personas().get("translator").instructions


def test_its_configuration_can_be_read() -> None:
    assert TrainConfig.read(RECIPE / "finetune.toml").run.method == "sft"
