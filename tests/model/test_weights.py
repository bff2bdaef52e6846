"""GGUF: every family's weights back in one layout; files that lie are refused before they cost."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from fireside.errors import Corrupt, Unsupported
from fireside.model.config import config_from_hf
from fireside.model.load import load_model
from fireside.model.transformer import Transformer
from fireside.model.weights import open_weights

from .gguf_file import write_gguf
from .reference import local, random_ids, reference

# llama.cpp's format has no key for these, or its converter drops them.
NOT_IN_GGUF = {"gpt2-wide-gelu", "qwen2-window", "qwen3-bias-window"}
# transformers' own GGUF reader misses biases of llama and rope scalings, and takes some sizes from
# its defaults whatever the file says.
READ_BY_TRANSFORMERS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_positions": 1024},
    "llama": {},
    "llama-tied-one-kv-head": {},
    "llama-all-kv-heads": {},
    "llama-wide-heads": {},
    "qwen2": {},
    "qwen3": {"head_dim": 128},
    "gemma3": {
        "head_dim": 256,
        "query_pre_attn_scalar": 256,
        "layer_types": ["sliding_attention"] * 3,
    },
}


def test_gguf_is_the_same_model(
    request: pytest.FixtureRequest, pair: tuple[Any, Transformer], tmp_path: Path
) -> None:
    theirs, from_folder = pair
    name = request.node.callspec.params["pair"]
    if name in NOT_IN_GGUF:
        return
    if theirs.config.model_type == "gemma3_text":
        # GGUF fixes gemma3's pattern and attention scale.
        layers = ["sliding_attention"] * 3
        theirs = reference(name, layer_types=layers, query_pre_attn_scalar=16)
    write_gguf(theirs, tmp_path / "model.gguf")
    model = load_model(local(tmp_path / "model.gguf"))
    ids = random_ids(2, 20)
    torch.testing.assert_close(model(ids), theirs(ids).logits, atol=1e-4, rtol=0)
    assert set(model.state_dict()) == set(from_folder.state_dict())
    described = config_from_hf(theirs.config.to_dict())
    # llama.cpp's converter writes Mistral as `llama`.
    family = model.config.family if name == "mistral-no-window" else described.family
    assert model.config == replace(described, family=family)


@pytest.mark.parametrize("name", sorted(READ_BY_TRANSFORMERS))
def test_gguf_as_transformers_reads_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    write_gguf(reference(name, **READ_BY_TRANSFORMERS[name]), path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=path.name)
    ids = random_ids(2, 20)
    found = load_model(local(path))(ids)
    torch.testing.assert_close(found, theirs(ids).logits, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["llama", "qwen3", "gpt2"])
@pytest.mark.parametrize("kind", ["Q4_0", "Q8_0", "F16"])
def test_raw_rows_are_the_canonical_rows(name: str, kind: str, tmp_path: Path) -> None:
    """What a fast runner repacks: the file's own blocks, and the order of their rows."""
    write_gguf(reference(name), tmp_path / "model.gguf", gguf.GGMLQuantizationType[kind])
    weights = open_weights(local(tmp_path / "model.gguf"))
    seen = 0
    for canonical in weights.names():
        raw = weights.raw(canonical)
        if raw is None:
            continue
        rows = torch.from_numpy(raw.dequantize())
        order = weights.row_order(canonical)
        assert torch.equal(rows if order is None else rows[order], weights.load(canonical))
        seen += 1
    assert seen > len(weights.names()) // 2


@pytest.mark.parametrize("prefix", ["", "model.language_model.", "language_model.model."])
def test_other_prefixes(prefix: str, tmp_path: Path) -> None:
    """Bare decoders, and the text half of picture-and-text models with their vision tower."""
    theirs = reference("gemma3")
    theirs.save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    state = {prefix + name.removeprefix("model."): tensor for name, tensor in state.items()}
    state["model.vision_tower.patch.weight"] = torch.zeros(2)
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    raw = json.loads((tmp_path / "config.json").read_text())
    nested = {"model_type": "gemma3", "text_config": raw, "vision_config": {}}
    (tmp_path / "config.json").write_text(json.dumps(nested))
    ids = random_ids(1, 6)
    found = load_model(local(tmp_path))(ids)
    torch.testing.assert_close(found, theirs(ids).logits, atol=1e-4, rtol=0)


def test_shards(tmp_path: Path) -> None:
    theirs = reference("llama")
    theirs.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    ids = random_ids(1, 6)
    found = load_model(local(tmp_path))(ids)
    torch.testing.assert_close(found, theirs(ids).logits, atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def llama_folder(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("llama")
    reference("llama").save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"vocab_size": 10**12}, "embed_tokens.weight has shape"),
        ({"hidden_size": 64}, "has shape"),
        ({"num_hidden_layers": 2}, "layers.2"),
        ({"num_hidden_layers": 4}, "lacks model.layers.3"),
        ({"num_hidden_layers": 10**9}, "num_layers"),
        ({"intermediate_size": 47}, "has shape"),
        ({"num_key_value_heads": 4}, "k_proj.weight has shape"),
        ({"num_key_value_heads": 3}, "cannot share"),
        ({"attention_bias": True}, "lacks"),
        ({"num_attention_heads": 0}, "0 heads"),
    ],
)
def test_a_config_that_the_file_denies(
    llama_folder: Path, tmp_path: Path, change: dict[str, Any], line: str
) -> None:
    shutil.copytree(llama_folder, tmp_path, dirs_exist_ok=True)
    raw = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(raw | change))
    with pytest.raises((Corrupt, Unsupported), match=line) as caught:
        open_weights(local(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "extra", ["model.layers.0.self_attn.sinks", "model.layers.0.self_attn.q_proj.bias"]
)
def test_a_weight_that_nobody_asked_for(llama_folder: Path, tmp_path: Path, extra: str) -> None:
    shutil.copytree(llama_folder, tmp_path, dirs_exist_ok=True)
    state = load_file(tmp_path / "model.safetensors")
    state[extra] = torch.zeros(32)
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Unsupported, match=extra.replace(".", r"\.")):
        open_weights(local(tmp_path))
