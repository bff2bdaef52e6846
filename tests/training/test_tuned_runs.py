"""Whole runs that tune what another run has made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from fireside.errors import BadRequest, Interrupted
from fireside.hub.local import open_path
from fireside.messages import Message
from fireside.model.load import load_model
from fireside.model.tokenizer import load_tokenizer
from fireside.training.config import TrainConfig, merged
from fireside.training.start import run

from . import tiny
from .test_start import MODELS, Stops, failing


def table(folder: Path, rows: int = 60) -> Path:
    path = folder / "table.tsv"
    lines = [f"good day {i}\t1" if i % 2 else f"bad day {i}\t0" for i in range(rows)]
    path.write_text("\n".join(["sentence\tlabel", *lines]) + "\n", encoding="utf-8")
    return path


def tuning(base: Path, folder: Path, **over: Any) -> TrainConfig:
    plain = {
        "run": {
            "out": str(folder / "run"), "method": "sft", "base": str(base), "threads": 1,
        },
        "data": {
            "sources": [{
                "path": str(table(folder)), "prompt": "{sentence}", "completion": "{label}",
                "labels": {"0": "bad", "1": "good"},
            }],
            "validation": 0.2,
        },
        "schedule": {"steps": 4},
        "validate": {"every": 2, "samples": 1},
    }  # fmt: skip
    return TrainConfig.of(merged(plain, over))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pretrained run with a window in which a short chat fits."""
    folder = tmp_path_factory.mktemp("base")
    tiny.text(folder)
    wide = {"data": {"length": 64}, "model": {"context": 64}, "batch": {"tokens": 64}}
    run(tiny.config(folder, **wide), models_dir=MODELS)
    return folder / "run"


@pytest.mark.parametrize("lora", [None, {"rank": 2}], ids=["full", "lora"])
def test_a_tuned_model_speaks_chatml(base: Path, tmp_path: Path, lora: Any) -> None:
    run(tuning(base, tmp_path, lora=lora), models_dir=MODELS)
    local = open_path(tmp_path / "run", "run", MODELS)
    assert (local.adapter is not None) == (lora is not None)
    tokenizer = load_tokenizer(local)
    ids = tokenizer.render([Message(role="user", content="good day")]).ids
    assert tokenizer.decode(ids, skip_special=False).startswith("<|im_start|>user\ngood day")
    load_model(local)
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert f"library_name: {'peft' if lora else 'transformers'}" in card
    assert str(tmp_path) not in card


def test_an_adapter_stopped_and_gone_on_with_is_uninterrupted(base: Path, tmp_path: Path) -> None:
    found, listener = [], Stops(2)
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        config = tuning(base, folder, lora={"rank": 2, "dropout": 0.1})
        if name == "two":
            with pytest.raises(Interrupted):
                run(
                    config, models_dir=MODELS, listener=listener, stopped=lambda x=listener: x.asked
                )
        run(config, models_dir=MODELS)
        found.append(load_file(folder / "run" / "model" / "adapter_model.safetensors"))
    assert found[0].keys() == found[1].keys()
    assert all(bool((found[0][name] == found[1][name]).all()) for name in found[0])


def test_columns_that_are_not_there_are_named(base: Path, tmp_path: Path) -> None:
    config = tuning(base, tmp_path)
    wrong = merged(config.plain(), {"data": {"sources": [
        {"path": str(table(tmp_path)), "prompt": "{text}", "completion": "{label}"}
    ]}})  # fmt: skip
    said = failing(TrainConfig.of(wrong))
    assert "text" in said
    assert "sentence, label" in said


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    said = failing(tuning(Path("nobody:1b"), tmp_path), tmp_path)
    assert "nobody:1b" in said


def test_wanting_pretrained_text_from_chats(base: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="name it"):
        TrainConfig.of({"run": {"out": "x", "method": "dpo"}, "data": {"sources": [{"path": "a"}]}})
