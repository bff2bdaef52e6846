"""Folders that are not as their small files say: each is read as transformers reads it.

The law of all: `AutoModelForCausalLM.from_pretrained` of the same folder gives the same logits.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from fireside.errors import Corrupt, Unsupported
from fireside.hub.local import open_path
from fireside.hub.safetensors import INDEX, SINGLE
from fireside.model.config import config_of
from fireside.model.load import load_model

from .reference import LLAMA3, local, random_ids, reference

State = dict[str, Tensor]
META = {"format": "pt"}
EMBEDDING = "model.embed_tokens.weight"


def saved(name: str, folder: Path, change: Callable[[State], None] | None = None) -> State:
    """A small model in a folder, its tensors changed."""
    reference(name).save_pretrained(folder)
    state = load_file(folder / SINGLE)
    if change is not None:
        change(state)
        save_file(state, folder / SINGLE, metadata=META)
    return state


def changed_config(folder: Path, **fields: Any) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


def check(folder: Path) -> None:
    """Ours and theirs, from the same folder."""
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = random_ids(2, 20)
    with torch.no_grad():
        wanted = theirs(ids).logits
    torch.testing.assert_close(load_model(local(folder))(ids), wanted, atol=1e-4, rtol=0)


# -- heads -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "embedding"),
    [
        ("llama-tied-one-kv-head", EMBEDDING),
        ("qwen2", EMBEDDING),
        ("gemma3", EMBEDDING),
        ("gpt2", "transformer.wte.weight"),
    ],
)
def test_a_head_of_its_own_counts_whatever_the_config_says(
    name: str, embedding: str, tmp_path: Path
) -> None:
    def own_head(state: State) -> None:
        state["lm_head.weight"] = torch.randn_like(state[embedding]) * 0.3

    saved(name, tmp_path, own_head)
    assert json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"]
    check(tmp_path)
    assert not config_of(local(tmp_path)).tied_head  # so training and export know of it too


def test_the_shared_head_stored_twice_stays_shared(tmp_path: Path) -> None:
    saved("qwen2", tmp_path, lambda s: s.update({"lm_head.weight": s[EMBEDDING].clone()}))
    check(tmp_path)
    assert config_of(local(tmp_path)).tied_head


def test_a_shared_head_may_be_the_only_copy(tmp_path: Path) -> None:
    saved("qwen2", tmp_path, lambda s: s.update({"lm_head.weight": s.pop(EMBEDDING)}))
    check(tmp_path)


def test_a_head_that_is_missing_is_told(tmp_path: Path) -> None:
    """transformers invents one."""
    saved("llama", tmp_path, lambda s: s.pop("lm_head.weight"))
    with pytest.raises(Corrupt, match=r"lacks lm_head\.weight"):
        load_model(local(tmp_path))


# -- files -----------------------------------------------------------------------------------


def in_shards(folder: Path, state: State, index: dict[str, str] | None = None) -> None:
    (folder / SINGLE).unlink()
    names = sorted(state)
    shards = {"model-00001-of-00002.safetensors": names[::2], "b-2.safetensors": names[1::2]}
    for file, part in shards.items():
        save_file({name: state[name] for name in part}, folder / file, metadata=META)
    weight_map = {name: file for file, part in shards.items() for name in part} | (index or {})
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def test_a_stale_index_beside_a_single_file_is_passed_over(tmp_path: Path) -> None:
    saved("llama", tmp_path)
    stale = {"weight_map": {EMBEDDING: "model-00001-of-00009.safetensors"}}
    (tmp_path / INDEX).write_text(json.dumps(stale))
    old = {EMBEDDING: torch.zeros(97, 32)}
    save_file(old, tmp_path / "model-00001-of-00009.safetensors", metadata=META)
    check(tmp_path)
    found = open_path(tmp_path, "m", tmp_path)
    assert [file.name for file in found.files] == ["config.json", SINGLE]


@pytest.mark.parametrize(
    "index",
    [
        {},
        {"model.layers.0.self_attn.rotary_emb.inv_freq": "b-2.safetensors"},  # which lacks it
        {EMBEDDING: "b-2.safetensors"},  # which is in the other one
    ],
)
def test_the_shards_say_themselves_what_they_hold(tmp_path: Path, index: dict[str, str]) -> None:
    in_shards(tmp_path, saved("llama", tmp_path), index)
    check(tmp_path)


def test_a_tensor_that_the_index_leaves_out_is_there_all_the_same(tmp_path: Path) -> None:
    in_shards(tmp_path, saved("llama", tmp_path))
    index = json.loads((tmp_path / INDEX).read_text())
    del index["weight_map"]["model.norm.weight"]
    (tmp_path / INDEX).write_text(json.dumps(index))
    check(tmp_path)


def test_a_tensor_in_two_shards(tmp_path: Path) -> None:
    state = saved("llama", tmp_path)
    in_shards(tmp_path, state)
    last = tmp_path / "model-00001-of-00002.safetensors"
    own = load_file(last)
    moved = next(iter(load_file(tmp_path / "b-2.safetensors")))
    save_file({**own, moved: state[moved] * 1.5}, last, metadata=META)
    check(tmp_path)


def test_mixed_precisions_and_old_buffers(tmp_path: Path) -> None:
    kinds = [torch.float64, torch.float16, torch.bfloat16, torch.float32]

    def mix(state: State) -> None:
        for i, name in enumerate(sorted(state)):
            state[name] = state[name].to(kinds[i % 4])
        state["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)

    saved("llama", tmp_path, mix)
    check(tmp_path)


def test_weights_that_are_no_floats_are_told(tmp_path: Path) -> None:
    saved("llama", tmp_path, lambda s: s.update({EMBEDDING: s[EMBEDDING].to(torch.int8)}))
    with pytest.raises(Unsupported, match=r"embed_tokens\.weight is stored as torch\.int8"):
        load_model(local(tmp_path))


@pytest.mark.parametrize("name", ["llama", "qwen3", "gemma3"])
def test_names_without_the_models_prefix(name: str, tmp_path: Path) -> None:
    def bare(state: State) -> None:
        for key in list(state):
            state[key.removeprefix("model.")] = state.pop(key)

    saved(name, tmp_path, bare)
    check(tmp_path)


# -- config.json -----------------------------------------------------------------------------

LINEAR = {"rope_type": "linear", "factor": 3.0}
SHORT = {key: value for key, value in LLAMA3.items() if not key.startswith("original")}


@pytest.mark.parametrize(
    "fields",
    [
        {"rope_parameters": {"rope_type": "default", "rope_theta": 77.0}},
        {"rope_parameters": {**LINEAR, "rope_theta": 77.0}, "rope_theta": 500.0},
        {"rope_parameters": LINEAR, "rope_theta": 500.0},
        {"rope_parameters": None, "rope_theta": 500.0},
        {"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 77.0}, "rope_scaling": LINEAR},
        {"rope_parameters": SHORT},
        {"rope_parameters": SHORT, "original_max_position_embeddings": 16},
        {"rope_parameters": LLAMA3, "original_max_position_embeddings": 16},
        {"dtype": "float32", "torch_dtype": "float16"},
    ],
)
def test_every_way_to_say_rotary_positions(fields: dict[str, Any], tmp_path: Path) -> None:
    saved("llama", tmp_path)
    changed_config(tmp_path, **fields)
    check(tmp_path)


@pytest.mark.parametrize(
    "fields",
    [
        {"rope_parameters": None, "rope_theta": 500.0, "rope_local_base_freq": 50.0},
        {"rope_parameters": None, "rope_theta": 500.0, "rope_scaling": LINEAR},
        {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 99.0}}},
        {
            "rope_parameters": {
                "full_attention": {"rope_type": "default", "rope_theta": 99.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 33.0},
            },
            "rope_scaling": LINEAR,
        },
    ],
)
def test_rotary_positions_by_kind_of_layer(fields: dict[str, Any], tmp_path: Path) -> None:
    saved("gemma3", tmp_path)
    changed_config(tmp_path, **fields)
    check(tmp_path)


def test_another_weight_file_is_told(tmp_path: Path) -> None:
    saved("llama", tmp_path)
    changed_config(tmp_path, transformers_weights="other.safetensors")
    with pytest.raises(Unsupported, match="transformers_weights"):
        load_model(local(tmp_path))
