"""A model as ONNX: onnxruntime gives our logits, for any number of rows and of tokens."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
import torch

from fireside.errors import Conflict, Unavailable
from fireside.model.export_onnx import export_onnx
from fireside.model.load import load_model
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.save import copy_tokenizer
from fireside.tokenizer.training import train_tokenizer

from .reference import local, reference

# Tracing a layer takes a second: as few as show what a family has.
LAYERS = {"gpt2": {"n_layer": 1}, "qwen3-bias-window": {"num_hidden_layers": 2}}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer") / "t"
    train_tokenizer(["the cat sat on the mat"] * 9, 270, folder)
    return folder


@pytest.mark.parametrize("name", ["gpt2", "qwen3-bias-window"])
def test_onnxruntime_gives_our_logits(name: str, tokenizer: Path, tmp_path: Path) -> None:
    reference(name, vocab_size=270, **LAYERS[name]).save_pretrained(tmp_path / "m")
    copy_tokenizer(tokenizer, tmp_path / "m")
    path = export_onnx(local(tmp_path / "m"), tmp_path / "out")
    model, session = load_model(local(tmp_path / "m")), onnxruntime.InferenceSession(str(path))
    for rows, tokens in ((1, 1), (1, 9), (3, 17), (2, 64)):
        ids = torch.randint(0, 270, (rows, tokens), generator=torch.Generator().manual_seed(tokens))
        found = torch.from_numpy(session.run(None, {"input_ids": ids.numpy()})[0])
        torch.testing.assert_close(found, model(ids), atol=2e-4, rtol=1e-4)
    assert Tokenizer.from_folder(tmp_path / "out").vocab_size <= 270


def test_a_folder_that_is_not_empty_is_refused(tokenizer: Path, tmp_path: Path) -> None:
    reference("gpt2", vocab_size=270).save_pretrained(tmp_path / "m")
    copy_tokenizer(tokenizer, tmp_path / "m")
    with pytest.raises(Conflict, match="not empty"):
        export_onnx(local(tmp_path / "m"), tmp_path / "m")


def test_without_its_packages_it_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(Unavailable, match="pip install"):
        export_onnx(local(tmp_path), tmp_path / "out")
