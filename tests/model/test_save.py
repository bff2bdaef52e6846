"""Saved, loaded by transformers and by us: the same model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from fireside.errors import Conflict, Unsupported
from fireside.model.architecture import LinearScaling, Llama3Scaling, ModelConfig, Rope
from fireside.model.load import load_model
from fireside.model.save import save_model
from fireside.model.transformer import Transformer

from .reference import local, random_ids

TINY: dict[str, Any] = {
    "vocab_size": 97,
    "width": 32,
    "num_layers": 2,
    "num_heads": 4,
    "num_kv_heads": 2,
    "head_dim": 8,
    "mlp_width": 40,
    "context": 64,
}


def test_transformers_loads_what_we_save(pair: tuple[Any, Transformer], tmp_path: Path) -> None:
    theirs, model = pair
    save_model(model, tmp_path / "saved")
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert type(again) is type(theirs)
    ids = random_ids(2, 20)
    torch.testing.assert_close(again(ids).logits, theirs(ids).logits, atol=1e-5, rtol=0)


def test_we_load_what_we_save(pair: tuple[Any, Transformer], tmp_path: Path) -> None:
    _, model = pair
    save_model(model, tmp_path / "saved")
    again = load_model(local(tmp_path / "saved"))
    assert again.config == model.config
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name


@pytest.mark.parametrize(
    "own",
    [
        {"positions": "sinusoidal", "norm": "layernorm", "activation": "gelu", "gated_mlp": False},
        {"positions": "learned", "mlp_bias": True, "tied_head": False, "attention_bias": True},
        {"rope": Rope(theta=5e5, scaling=LinearScaling(factor=2.0)), "qk_norm": True},
        {
            "rope": Rope(
                scaling=Llama3Scaling(
                    factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_context=32
                ),
                local_theta=100.0,
            ),
            "post_norms": True,
            "norm_offset": 1.0,
            "sliding_window": 3,
            "sliding_layers": (True, False),
            "logit_softcap": 5.0,
            "embedding_scale": 2.0,
            "attention_scale": 0.3,
        },
    ],
)
def test_our_own_family_says_everything(own: dict[str, Any], tmp_path: Path) -> None:
    model = Transformer.fresh(ModelConfig(family="fireside", **TINY, **own))
    save_model(model, tmp_path / "saved")
    again = load_model(local(tmp_path / "saved"))
    ids = random_ids(2, 9)
    assert again.config == model.config
    assert torch.equal(again(ids), model(ids))


def test_bfloat16_stays_bfloat16(pair: tuple[Any, Transformer], tmp_path: Path) -> None:
    model = Transformer.fresh(pair[1].config).to(torch.bfloat16)
    save_model(model, tmp_path / "saved")
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "saved", dtype="auto")
    assert again.dtype == torch.bfloat16


def test_never_over_something(tmp_path: Path) -> None:
    model = Transformer.fresh(ModelConfig(family="llama", **TINY, rope=Rope()))
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(Conflict, match="not empty"):
        save_model(model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Transformer.fresh(ModelConfig(family="llama", **TINY, rope=Rope()))

    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fireside.model.save.save_file", no_space)
    with pytest.raises(OSError, match="No space"):
        save_model(model, tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


def test_what_config_json_cannot_say_is_refused(tmp_path: Path) -> None:
    config = ModelConfig(family="llama", **TINY, rope=Rope())
    for change in ({"qk_norm": True}, {"logit_softcap": 3.0}, {"attention_scale": 0.5}):
        with pytest.raises(Unsupported, match=next(iter(change))):
            save_model(Transformer.fresh(replace(config, **change)), tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


def test_config_json_is_plain(tmp_path: Path) -> None:
    config = ModelConfig(family="llama", **TINY, rope=Rope(theta=5e5))
    extra = {"eos_token_id": 2, "hidden_size": 1}
    save_model(Transformer.fresh(config), tmp_path / "saved", extra=extra)
    raw = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert raw["model_type"] == "llama"
    assert raw["rope_theta"] == 5e5
    assert raw["torch_dtype"] == "float32"
    assert (raw["eos_token_id"], raw["hidden_size"]) == (2, 32)
