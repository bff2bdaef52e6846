"""The default model as a Hugging Face folder: transformers computes what we compute."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from fireside.errors import Conflict
from fireside.hub.local import LocalModel
from fireside.model.export_hf import export_hf
from fireside.model.load import load_model
from fireside.model.tokenizer import load_tokenizer
from fireside.model.weights import open_weights
from fireside.tokenizer import Tokenizer

from .reference import local


def test_the_default_model_in_transformers(smollm2_path: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    smollm2 = local(smollm2_path)
    export_hf(smollm2, tmp_path / "out", dtype=torch.float16)
    tokenizer, ours = load_tokenizer(smollm2), Tokenizer.from_folder(tmp_path / "out")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "out")
    for text in ("The capital of France is", "Zürich  in 2024: naïve 🙂\n\n\tx", "<|im_end|>"):
        ids = tokenizer.encode(text, special=True)
        assert ours.encode(text, special=True) == ids == theirs(text)["input_ids"]
    assert ours.eos_ids == tokenizer.eos_ids
    assert ours.chat_template == tokenizer.chat_template
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    again = load_model(local(tmp_path / "out"))
    ids = torch.tensor([tokenizer.encode("The capital of France is Paris, and")])
    torch.testing.assert_close(model(ids).logits, again(ids), atol=1e-3, rtol=1e-4)
    name = "model.layers.7.mlp.up_proj.weight"
    wanted = open_weights(smollm2).load(name, torch.float16)
    assert torch.equal(again.get_parameter(name).half(), wanted)


def test_what_ends_an_answer_is_said(smollm2_path: Path, tmp_path: Path) -> None:
    from fireside.model.export_hf import write_tokenizer

    write_tokenizer(local(smollm2_path), tmp_path)
    said = json.loads((tmp_path / "generation_config.json").read_text())
    assert said == {"bos_token_id": 1, "eos_token_id": [0, 2], "pad_token_id": 2}


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(Conflict, match="not empty"):
        export_hf(LocalModel(name="x", path=tmp_path, format="hf"), tmp_path)
