"""Adapters on disk: PEFT's in, ours out, the same again; and files that lie."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from fireside.errors import Conflict, Corrupt, FiresideError, NotFound, Unsupported
from fireside.model.adapters import (
    AdaptedWeights,
    adapter_base,
    is_adapter,
    load_adapter,
    save_adapter,
)
from fireside.model.load import load_model, model_of
from fireside.model.lora import LoraConfig, adapters, inject, merge
from fireside.model.save import save_model
from fireside.model.transformer import Transformer
from fireside.model.weights import open_weights

from .adapted import randomised
from .reference import local, ours, random_ids, reference

CASES = ["llama-biases", "gpt2", "gemma3", "qwen2"]
both = pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])


def adapted(case: str, folder: Path, **config: Any) -> Transformer:
    model = ours(reference(case), folder / "base")
    inject(model, LoraConfig(**{"rank": 4, "alpha": 6.0, **config}), seed=3)
    randomised(model)
    return model


@both
@pytest.mark.parametrize("case", CASES)
def test_what_is_saved_is_loaded_bit_for_bit(case: str, dora: bool, tmp_path: Path) -> None:
    model = adapted(case, tmp_path, dora=dora, dropout=0.25)
    save_adapter(model, tmp_path / "adapter", base="smollm2:135m", extra={"step": "7"})
    assert is_adapter(tmp_path / "adapter")
    assert adapter_base(tmp_path / "adapter") == "smollm2:135m"
    again = load_model(local(tmp_path / "base"))
    config = load_adapter(again, tmp_path / "adapter")
    assert (config.rank, config.alpha, config.dora, config.dropout) == (4, 6.0, dora, 0.25)
    ids = random_ids(2, 9)
    assert torch.equal(again(ids), model(ids))
    wanted, found = model.state_dict(), again.state_dict()
    assert wanted.keys() == found.keys()
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)
    learning = {name for name, p in again.named_parameters() if p.requires_grad}
    assert learning == {name for name, p in model.named_parameters() if p.requires_grad}
    # Into the adapter that a resumed run has made already.
    randomised(again, seed=9)
    load_adapter(again, tmp_path / "adapter")
    assert torch.equal(again(ids), model(ids))


def peft_adapter(base: Any, folder: Path, **config: Any) -> Any:
    import peft

    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = {"r": 4, "lora_alpha": 6, "init_lora_weights": False, **config}
        model = peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", **config)).eval()
        model.save_pretrained(str(folder))
    return model


@both
@pytest.mark.parametrize(
    ("case", "targets"),
    [
        ("llama-biases", "all-linear"),
        ("gpt2", ["c_attn"]),
        ("gpt2", ["attn.c_proj", "c_fc"]),
        ("gemma3", ["q_proj", "o_proj"]),
    ],
)
def test_pefts_adapters_load(case: str, targets: Any, dora: bool, tmp_path: Path) -> None:
    base = reference(case)
    model = ours(base, tmp_path / "base")
    theirs = peft_adapter(base, tmp_path / "adapter", target_modules=targets, use_dora=dora)
    load_adapter(model, tmp_path / "adapter")
    ids = random_ids(2, 9)
    torch.testing.assert_close(model(ids), theirs(input_ids=ids).logits, atol=1e-5, rtol=1e-5)


def test_ranks_and_alphas_may_differ_by_name(tmp_path: Path) -> None:
    base = reference("llama")
    model = ours(base, tmp_path / "base")
    patterns: dict[str, Any] = {
        "rank_pattern": {"layers.1.self_attn.q_proj": 2, "v_proj": 3},
        "alpha_pattern": {"v_proj": 10},
    }
    targets = ["q_proj", "v_proj"]
    theirs = peft_adapter(base, tmp_path / "adapter", target_modules=targets, **patterns)
    load_adapter(model, tmp_path / "adapter")
    ids = random_ids(2, 9)
    torch.testing.assert_close(model(ids), theirs(input_ids=ids).logits, atol=1e-5, rtol=1e-5)
    save_adapter(model, tmp_path / "again", base="test")
    again = load_model(local(tmp_path / "base"))
    load_adapter(again, tmp_path / "again")
    assert torch.equal(again(ids), model(ids))


@both
@pytest.mark.parametrize("case", CASES)
def test_adapted_weights_are_the_merged_model(case: str, dora: bool, tmp_path: Path) -> None:
    model = adapted(case, tmp_path, dora=dora, targets=("q_proj", "down_proj"))
    save_adapter(model, tmp_path / "adapter", base="test")
    base = open_weights(local(tmp_path / "base"))
    weights = AdaptedWeights(base, tmp_path / "adapter")
    assert weights.names() == base.names()
    served = model_of(weights)
    merge(model)
    merged = dict(model.named_parameters())
    for name, parameter in served.named_parameters():
        assert torch.equal(parameter, merged[name]), name
    # ... which can be saved as a model of its own.
    save_model(model, tmp_path / "merged")
    ids = random_ids(2, 9)
    assert torch.equal(load_model(local(tmp_path / "merged"))(ids), served(ids))
    half = weights.load("model.layers.0.self_attn.q_proj.weight", torch.bfloat16)
    assert half.dtype == torch.bfloat16


def test_the_default_model_with_an_adapter(smollm2_path: Path, tmp_path: Path) -> None:
    weights = open_weights(local(smollm2_path))
    config = LoraConfig(rank=2, targets=("q_proj",))
    model = load_model(local(smollm2_path))
    inject(model, config)
    randomised(model)
    save_adapter(model, tmp_path / "adapter", base="smollm2:135m")
    served = AdaptedWeights(weights, tmp_path / "adapter")
    name, other = (f"model.layers.7.self_attn.{part}_proj.weight" for part in "qk")
    merge(model)
    assert torch.equal(served.load(name), model.get_parameter(name))
    assert served.raw(name) is None
    assert served.raw(other) is weights.raw(other)
    order = served.row_order(name)
    assert order is not None
    assert np.array_equal(order, weights.row_order(name))


def saved(tmp_path: Path) -> Path:
    save_adapter(adapted("llama", tmp_path), tmp_path / "adapter", base="test")
    return tmp_path / "adapter"


def changed(folder: Path, **values: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("use_rslora", True),
        ("bias", "all"),
        ("modules_to_save", ["lm_head"]),
        ("trainable_token_indices", [1, 2]),
        ("layer_replication", [[0, 2]]),
        ("lora_bias", True),
        ("init_lora_weights", "pissa"),
        ("loftq_config", {"loftq_bits": 4}),
        ("peft_type", "IA3"),
        ("rank_pattern", {".*(q|v)_proj": 4}),
        ("something_new", {"of": "tomorrow"}),
    ],
)
def test_features_that_we_lack_are_named(key: str, value: Any, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    changed(folder, **{key: value})
    model = load_model(local(tmp_path / "base"))
    with pytest.raises(Unsupported) as refused:
        load_adapter(model, folder)
    assert key in str(refused.value) or "type 'IA3'" in str(refused.value) or key == "rank_pattern"
    assert not adapters(model)


def test_every_default_of_peft_is_understood(tmp_path: Path) -> None:
    base = reference("llama")
    model = ours(base, tmp_path / "base")
    peft_adapter(base, tmp_path / "adapter", target_modules=["q_proj"], init_lora_weights=True)
    load_adapter(model, tmp_path / "adapter")


def test_wrong_folders_and_models(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    model = load_model(local(tmp_path / "base"))
    with pytest.raises(Conflict, match="not empty"):
        save_adapter(adapted("llama", tmp_path / "x"), folder, base="test")
    with pytest.raises(Conflict, match="no adapter"):
        save_adapter(model, tmp_path / "new", base="test")
    with pytest.raises(NotFound):
        load_adapter(model, tmp_path / "nowhere")
    other = ours(reference("gpt2"), tmp_path / "gpt2")
    with pytest.raises(Unsupported, match="no linear of the layers of this gpt2"):
        load_adapter(other, folder)
    wider = ours(reference("llama", hidden_size=64), tmp_path / "wider")
    with pytest.raises(Corrupt, match="another model"):
        load_adapter(wider, folder)
    inject(model, LoraConfig(rank=2))
    with pytest.raises(Conflict, match="another shape"):
        load_adapter(model, folder)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(Unsupported, match="pickle"):
        load_adapter(load_model(local(tmp_path / "base")), folder)


@pytest.mark.parametrize("damage", ["a tensor less", "one more", "cut", "integers", "metadata"])
def test_damaged_tensors(damage: str, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    path = folder / "adapter_model.safetensors"
    tensors, metadata = load_file(path), {"fireside.blocks": "{}"}
    name = next(iter(tensors))
    if damage == "a tensor less":
        del tensors[name]
    elif damage == "one more":
        tensors["base_model.model.lm_head.modules_to_save.weight"] = torch.zeros(2)
    elif damage == "integers":
        tensors[name] = tensors[name].int()
    elif damage == "metadata":
        metadata = {"fireside.blocks": "[1"}
    save_file(tensors, path, metadata=metadata)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises((Corrupt, Unsupported)):
        load_adapter(load_model(local(tmp_path / "base")), folder)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def small_adapter(tmp_path_factory: pytest.TempPathFactory) -> tuple[Transformer, Path, str]:
    room = tmp_path_factory.mktemp("fuzz")
    folder = saved(room)
    text = (folder / "adapter_config.json").read_text()
    return load_model(local(room / "base")), folder, text


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_config_loads_or_is_refused_in_one_line(
    small_adapter: tuple[Transformer, Path, str], data: st.DataObject
) -> None:
    _, folder, text = small_adapter
    config = json.loads(text)
    for key in data.draw(st.lists(st.sampled_from([*config, "other"]), max_size=3)):
        config[key] = data.draw(json_values)
    (folder / "adapter_config.json").write_text(json.dumps(config))
    refused = _refusal(small_adapter[0], folder)
    assert "\n" not in refused


def _refusal(model: Transformer, folder: Path) -> str:
    try:
        AdaptedWeights(_Nothing(model), folder)  # type: ignore[arg-type]
    except FiresideError as refused:
        return str(refused)
    return ""


class _Nothing:
    def __init__(self, model: Transformer) -> None:
        self.config = model.config
