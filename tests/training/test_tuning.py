"""Whole runs by preference, thumb, reward and teacher, from a file to a model; and the recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from fireside.data.readers import read_examples
from fireside.data.source import Source
from fireside.errors import BadRequest, Interrupted
from fireside.hub.local import open_path
from fireside.model.load import load_model
from fireside.training.config import TrainConfig
from fireside.training.metrics import METRICS, curve
from fireside.training.rewards import Reward
from fireside.training.start import run
from tests.script_modules import script

from . import tiny
from .test_start import MODELS, Stops

RECIPES = Path(__file__).parents[2] / "examples" / "recipes"
SAID = [f"question {number} of the many" for number in range(24)]
DATA: dict[str, list[dict[str, Any]]] = {
    "dpo": [{"prompt": s, "chosen": "short", "rejected": f"{s} and long"} for s in SAID],
    "kto": [{"prompt": s, "completion": s[:9], "label": i % 3 == 0} for i, s in enumerate(SAID)],
    "grpo": [{"prompt": s, "answer": "7"} for s in SAID],
    "distill": [{"prompt": s, "completion": "short"} for s in SAID],
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny pretrained model."""
    folder = tmp_path_factory.mktemp("base")
    tiny.text(folder)
    return run(tiny.config(folder, model={"context": 128}), models_dir=MODELS)


def config(folder: Path, base: Path, method: str, **more: Any) -> TrainConfig:
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in DATA[method]))
    return TrainConfig.of(
        {
            "run": {"out": str(folder / "run"), "method": method, "base": str(base)},
            "data": {"sources": [{"path": str(data)}], "validation": 0.2, "length": 48},
            "optimiser": {"learning_rate": 0.01},
            "schedule": {"steps": 4},
            "batch": {"tokens": 96 if method == "distill" else 4},
            "validate": {"every": 2, "samples": 1},
            **more,
        }
    )


@pytest.mark.parametrize(
    ("method", "lora"),
    [("dpo", True), ("dpo", False), ("kto", True), ("grpo", True), ("distill", False)],
)
def test_a_run_by_every_method(method: str, lora: bool, base: Path, tmp_path: Path) -> None:
    more: dict[str, Any] = {"lora": {"rank": 2}} if lora else {}
    if method == "distill":
        more["objective"] = {"teacher": str(base)}
    if method == "grpo":
        more["objective"] = {"group": 3, "max_new_tokens": 4, "reward": "length:1"}
    asked = config(tmp_path, base, method, **more)
    listener = Stops(2)
    with pytest.raises(Interrupted):
        run(asked, models_dir=MODELS, listener=listener, stopped=lambda: listener.asked)
    model = load_model(open_path(run(asked, models_dir=MODELS), "tuned", MODELS))
    assert (tmp_path / "run" / "model" / "adapter_config.json").exists() == lora
    steps = curve(tmp_path / "run" / METRICS)
    assert [row["step"] for row in steps] == [1, 2, 3, 4]
    wanted = {"dpo": "margin", "kto": "gain", "grpo": "reward", "distill": "loss"}[method]
    assert wanted in steps[0]
    assert curve(tmp_path / "run" / METRICS, "validation")[-1]["loss"] is not None
    before = dict(load_model(open_path(base, "base", MODELS)).named_parameters())
    assert (
        lora
        or method in ("grpo", "distill")
        or any(not torch.equal(p, before[name]) for name, p in model.named_parameters())
    )


@pytest.mark.parametrize(
    ("method", "objective", "said"),
    [
        ("distill", {}, "name it"),
        ("grpo", {"reward": "good"}, "'good' is no rule"),
        ("grpo", {"beta": 0.1}, "use --lora"),
        ("grpo", {"max_new_tokens": 400}, "context is 128"),
    ],
)
def test_what_is_refused_before_the_first_step(
    method: str, objective: dict[str, Any], said: str, base: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadRequest) as refused:
        run(config(tmp_path, base, method, objective=objective), models_dir=MODELS)
    assert said in str(refused.value)


def built(recipe: str, folder: Path, *arguments: Any) -> None:
    module = script(f"examples/recipes/{recipe}/build.py")
    module.HERE = folder
    module.build(*arguments)


def test_the_recipe_of_short_answers(tmp_path: Path) -> None:
    said = "Below is ...\n\n### Instruction:\nWhat is {n}?\n\n### Response:\n"
    rows = [
        {"prompt": said.format(n=n), "response": f"It is {n}. And more of it."} for n in range(30)
    ]
    source = tmp_path / "instructions.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    built("short_answers", tmp_path, source, 40, 5, 0)
    found = {
        name: list(read_examples([Source(path=str(tmp_path / name))], "preference"))
        for name in ("pairs.jsonl", "held_out.jsonl")
    }
    assert [len(one) for one in found.values()] == [40, 5]
    prompts = [{one.prompt for one in split} for split in found.values()]  # type: ignore[union-attr]
    assert not prompts[0] & prompts[1]
    for one in found["pairs.jsonl"]:
        assert one.chosen.content in one.rejected.content  # type: ignore[union-attr]
    config = TrainConfig.read(RECIPES / "short_answers" / "dpo.toml")
    assert config.run.method == "dpo"


def test_the_recipe_of_additions(tmp_path: Path) -> None:
    built("additions", tmp_path, 50, 0)
    found = list(read_examples([Source(path=str(tmp_path / "problems.jsonl"))], "problem"))
    assert len(found) == 50
    config = TrainConfig.read(RECIPES / "additions" / "grpo.toml")
    reward = Reward.of(config.objective.reward or "")
    assert reward("12", "12") == pytest.approx(1.1)
    assert reward("It is 13", "12") < 0.1
