"""The reader's recipe: its prompts are the assistant's own, and what is held out stays out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fireside.assistant.exchange import Exchange, Section, Source
from fireside.assistant.persona import Personas
from fireside.assistant.prompt import messages_of
from fireside.assistant.sources import cited
from fireside.messages import Message
from fireside.safety.injection import RULE
from fireside.training.config import TrainConfig
from tests.script_modules import ROOT, script

RECIPE = ROOT / "examples" / "recipes" / "reader"


def built(folder: Path) -> tuple[Any, list[Any], str]:
    module = script("examples/recipes/reader/build.py")
    module.HERE = folder
    articles = [
        {
            "title": f"t{a}",
            "paragraphs": [
                {
                    "context": f"In article {a} the code of room {p} is {a}{p}0.",
                    "qas": [{"question": f"Code of {a} {p}?", "answers": [{"text": f"{a}{p}0"}]}],
                }
                for p in range(5)
            ],
        }
        for a in range(8)
    ]
    (folder / "data.json").write_text(json.dumps({"data": articles}))
    module.build(folder / "data.json", 0, 3)
    lines = (folder / "chats.jsonl").read_text().splitlines()
    return module, [json.loads(line)["messages"] for line in lines], "\n".join(lines)


def test_chats(tmp_path: Path) -> None:
    module, chats, text = built(tmp_path)
    assert len(chats) == 60
    declined = 0
    for _, question, answer in chats:
        if answer["content"] == module.NOT_THERE:
            declined += 1
            continue
        said, mark = answer["content"].rsplit(" [", 1)
        passage = question["content"].split(f"| [{mark[:-1]}] ")[1].split("\n")[0]
        assert passage.endswith(f"is {said}.")
        assert next(iter(cited(answer["content"], []))).number >= 1
    assert 10 <= declined <= 30
    held = json.loads((tmp_path / "held_out.json").read_text())["data"]
    assert not [p for article in held for p in article["paragraphs"] if p["context"] in text]


def test_a_prompt_is_what_the_assistant_would_send(tmp_path: Path) -> None:
    module, _, _ = built(tmp_path)
    told = module.chat("t", ["Ann did it."], "Who?", "Ann [1]")["messages"][:2]
    nobody: Any = None
    exchange = Exchange(
        owner="",
        persona=Personas().get("reader"),
        model=nobody,
        question=Message(role="user", content="Who?"),
    )
    exchange.sections.append(Section(name="knowledge", text=RULE, lasting=True))
    exchange.sources.append(
        Source(number=1, text="Ann did it.", file_id="", filename="t.txt", score=1.0)
    )
    sent = [{"role": m.role, "content": m.content.strip()} for m in messages_of(exchange)]
    assert sent == told


def test_its_configuration_can_be_read() -> None:
    assert TrainConfig.read(RECIPE / "finetune.toml").run.method == "sft"
