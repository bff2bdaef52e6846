"""Descriptions: read as transformers reads them, or refused by name.  Never silently wrong."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import Corrupt, FiresideError, NotFound, Unsupported
from fireside.hub import LocalModel
from fireside.hub.gguf import GGUFTensor
from fireside.model.config import (
    LinearScaling,
    Llama3Scaling,
    ModelConfig,
    Rope,
    config_from_gguf,
    config_from_hf,
    config_of,
    config_to_hf,
)

SMOLLM2 = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "hidden_act": "silu",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "max_position_embeddings": 8192,
    "model_type": "llama",
    "num_attention_heads": 9,
    "num_hidden_layers": 30,
    "num_key_value_heads": 3,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 100000,
    "tie_word_embeddings": True,
    "vocab_size": 49152,
}
GEMMA_4B = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "text_config": {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "model_type": "gemma3_text",
        "num_hidden_layers": 34,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "sliding_window": 1024,
    },
    "vision_config": {"hidden_size": 1152},
}
LLAMA3 = {
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}


def test_the_default_model_is_described_alike_by_both_formats(smollm2_path: Path) -> None:
    from_file = config_of(LocalModel(name="x", path=smollm2_path, format="gguf"))
    assert from_file == config_from_hf(SMOLLM2)


def test_a_sparse_gemma_is_filled_as_transformers_does() -> None:
    config = config_from_hf(GEMMA_4B)
    assert (config.num_heads, config.num_kv_heads, config.head_dim) == (8, 4, 256)
    assert config.vocab_size == 262_208
    assert config.rope == Rope(theta=1e6, scaling=LinearScaling(factor=8.0), local_theta=10_000.0)
    assert [config.window(layer) for layer in range(7)] == [1024] * 5 + [None, 1024]
    assert config.attention_scale == 1 / 16


@pytest.mark.parametrize("first", [0, 1, 29, 30])
def test_windows_by_their_first_layer(first: int) -> None:
    """What transformers makes of a Qwen that lists no layers."""
    raw = {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": first}
    config = config_from_hf({**SMOLLM2, "model_type": "qwen2", **raw})
    kinds = transformers.Qwen2Config(**SMOLLM2, **raw).layer_types
    found = ["full_attention" if config.window(i) is None else "sliding_attention"
             for i in range(30)]  # fmt: skip
    assert found == kinds


def test_both_spellings_of_rope() -> None:
    old = config_from_hf({**SMOLLM2, "rope_theta": 5e5, "rope_scaling": LLAMA3})
    new = {key: value for key, value in SMOLLM2.items() if not key.startswith("rope")}
    assert config_from_hf({**new, "rope_parameters": {**LLAMA3, "rope_theta": 5e5}}) == old
    assert isinstance(old.rope and old.rope.scaling, Llama3Scaling)


def test_the_oldest_spelling_of_linear_scaling() -> None:
    config = config_from_hf({**SMOLLM2, "rope_scaling": {"type": "linear", "factor": 2.0}})
    assert config.rope == Rope(theta=1e5, scaling=LinearScaling(factor=2.0))


@pytest.mark.parametrize("raw", [SMOLLM2, GEMMA_4B])
def test_written_and_read_again(raw: dict[str, Any]) -> None:
    config = config_from_hf(raw)
    assert config_from_hf(config_to_hf(config)) == config


def test_what_a_family_does_not_know_means_nothing() -> None:
    strays = {"query_pre_attn_scalar": 4, "sliding_window": 3, "max_window_layers": 1}
    assert config_from_hf({**SMOLLM2, **strays}) == config_from_hf(SMOLLM2)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model_type": "mixtral"}, "mixtral"),
        ({"model_type": "smollm3"}, "smollm3"),
        ({"model_type": None}, "None"),
        ({"num_local_experts": 8}, "num_local_experts"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "yarn"),
        ({"rope_scaling": {"type": "dynamic", "factor": 4.0}}, "dynamic"),
        ({"rope_parameters": {"rope_type": "longrope", "rope_theta": 1.0}}, "longrope"),
        ({"rope_parameters": {"full_attention": {"rope_theta": 1.0}}}, "kind of layer"),
        ({"rope_scaling": {"rope_type": None, "factor": 4.0}}, "None"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"rope_parameters": {"rope_theta": 1.0, "partial_rotary_factor": 0.5}}, "partial_rotary"),
        ({"no_rope_layers": [1, 1, 1, 0]}, "no_rope_layers"),
        ({"hidden_act": "relu2"}, "relu2"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantization_config"),
        ({"attn_logit_softcapping": 50.0}, "attn_logit_softcapping"),
        ({"layer_types": ["linear_attention"] * 30}, "linear_attention"),
        ({"use_bidirectional_attention": True}, "use_bidirectional_attention"),
    ],
)
def test_what_we_lack_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(Unsupported, match=named) as caught:
        config_from_hf({**SMOLLM2, **change})
    assert "\n" not in str(caught.value)


def test_more_that_we_lack() -> None:
    gpt2 = {"model_type": "gpt2", "vocab_size": 9, "n_embd": 8, "n_layer": 1, "n_head": 2}
    assert config_from_hf(gpt2).mlp_width == 32
    for change in ({"scale_attn_by_inverse_layer_idx": True}, {"scale_attn_weights": False}):
        with pytest.raises(Unsupported, match=next(iter(change))):
            config_from_hf({**gpt2, **change})
    qwen = {**SMOLLM2, "model_type": "qwen2", "layer_types": ["sliding_attention"] * 30}
    with pytest.raises(Corrupt, match="no window"):
        config_from_hf(qwen)


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": "576"},
        {"hidden_size": True},
        {"hidden_size": 0},
        {"hidden_size": -576},
        {"hidden_size": None},
        {"hidden_size": 577},
        {"num_hidden_layers": 0},
        {"num_key_value_heads": 2},
        {"vocab_size": 1.5},
        {"rms_norm_eps": "small"},
        {"rms_norm_eps": float("nan")},
        {"rope_theta": -1},
        {"rope_theta": float("nan")},
        {"rope_scaling": {"rope_type": "linear"}},
        {"rope_scaling": {**LLAMA3, "factor": 0}},
        {"rope_scaling": []},
        {"rope_scaling": "linear"},
        {"rope_parameters": 3},
        {"text_config": 3},
        {"tie_word_embeddings": "yes"},
        {"layer_types": 5},
    ],
)
def test_nonsense_is_one_line(change: dict[str, Any]) -> None:
    with pytest.raises(Corrupt) as caught:
        config_from_hf({**SMOLLM2, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000])
def test_config_json_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(Corrupt):
        config_of(LocalModel(name="x", path=tmp_path, format="hf"))


def test_no_config_json(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"config\.json"):
        config_of(LocalModel(name="x", path=tmp_path, format="hf"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["llama", "linear", "llama3", "sliding_attention", "silu", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rope_type", "factor", "full_attention", "rope_theta", "x"]), inner
        )
    ),
    max_leaves=6,
)
KEYS = sorted({*config_to_hf(config_from_hf(GEMMA_4B)), *SMOLLM2, *LLAMA3, "rope_parameters",
               "text_config", "layer_types", "no_rope_layers", "sliding_window_pattern",
               "max_window_layers", "use_sliding_window"})  # fmt: skip


@given(
    family=st.sampled_from(["gpt2", "llama", "mistral", "qwen2", "qwen3", "gemma3", "fireside"]),
    changes=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4),
)
def test_any_config_json_is_read_or_refused(family: str, changes: dict[str, Any]) -> None:
    with contextlib.suppress(FiresideError):
        config = config_from_hf({**SMOLLM2, "model_type": family, **changes})
        assert isinstance(config, ModelConfig)
        assert len(config.shapes()) > 1


METADATA: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.context_length": 8192,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 96,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.rope.freq_base": 500000.0,
    "llama.attention.layer_norm_rms_epsilon": 9.999999747378752e-06,
    "tokenizer.ggml.tokens": ["a", "b", "c"],
}


def test_gguf_without_tensors() -> None:
    config = config_from_gguf(METADATA)
    assert (config.vocab_size, config.tied_head, config.norm_eps) == (3, True, 1e-5)


def test_a_factor_without_a_type_is_linear() -> None:
    config = config_from_gguf({**METADATA, "llama.rope.scaling.factor": 4.0})
    assert config.rope == Rope(theta=5e5, scaling=LinearScaling(factor=4.0))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"general.architecture": "mamba"}, "mamba"),
        ({"general.architecture": "mistral"}, "mistral"),
        ({"llama.expert_count": 8}, "expert_count"),
        ({"llama.rope.scaling.type": "yarn"}, "yarn"),
        ({"split.count": 3}, "parts"),
        ({"llama.rope.dimension_count": 8}, "8 of 16"),
        ({"llama.attention.head_count_kv": np.array([2, 0])}, "head_count_kv"),
        ({"llama.attention.key_length": 16, "llama.attention.value_length": 8}, "16"),
        ({"llama.attention.causal": False}, "bidirectional"),
        ({"llama.rope.scaling.attn_factor": 1.2}, "attn_factor"),
        ({"llama.logit_scale": 8.0}, "logit_scale"),
    ],
)
def test_gguf_that_we_lack_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(Unsupported, match=named):
        config_from_gguf({**METADATA, **change})


@pytest.mark.parametrize("key", [key for key in METADATA if key.startswith("llama.")])
@pytest.mark.parametrize("value", ["many", -1, 0, float("nan"), True])
def test_gguf_nonsense_is_one_line(key: str, value: Any) -> None:
    with pytest.raises(Corrupt) as caught:
        config_from_gguf({**METADATA, key: value})
    assert "\n" not in str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from([*METADATA, "llama.rope.scaling.type", "llama.rope.scaling.factor",
                         "llama.attention.key_length", "llama.attention.sliding_window"]),
        st.integers() | st.floats() | st.booleans() | st.sampled_from(["linear", "gemma3", ""])
        | st.lists(st.integers(0, 3), max_size=3).map(np.array),
        max_size=4,
    )
)  # fmt: skip
def test_any_metadata_are_read_or_refused(changes: dict[str, Any]) -> None:
    with contextlib.suppress(FiresideError):
        config = config_from_gguf({**METADATA, **changes})
        assert len(config.shapes()) > 1


def _factors(values: list[float]) -> dict[str, GGUFTensor]:
    raw = np.frombuffer(np.array(values, dtype="<f4").tobytes(), np.uint8)
    name = "rope_freqs.weight"
    return {name: GGUFTensor(name=name, shape=(len(values),), type="F32", raw=raw)}


def test_frequency_factors_of_nobody_are_refused() -> None:
    with pytest.raises(Unsupported, match="rope_freqs"):
        config_from_gguf(METADATA, _factors([1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]))
    with pytest.raises(Corrupt, match="shape"):
        config_from_gguf(METADATA, _factors([1.0]))
    plain = config_from_gguf(METADATA, _factors([1.0] * 8))
    assert plain.rope == Rope(theta=500_000.0)
