"""The model families, as data: what each one fixes, and how its files say the rest.

A family is a preset of `ModelConfig` fields, the names of its numbers in `config.json`, and two
maps from canonical weight names to where a file keeps them (`names.py`).  To add a family, add a
`Family`; if it needs a new kind of layer, that belongs in `transformer.py` first.  This file
computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fireside.model import names
from fireside.model.names import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family's data.

    gguf_architecture: what GGUF calls it; None where no GGUF file says so.
    keys: `ModelConfig` field -> its key in config.json.
    defaults: config.json keys that a file may leave out (transformers' own defaults).
    written: keys that config.json says besides, for readers that insist on them.
    scaled_embedding: embeddings are multiplied by sqrt(width).
    prefixes: what `{p}` may be in the names of `hf`; the first one is what we write.
    ignored: names (regular expressions) that a file may hold and that say nothing we need.
    """

    hf_types: tuple[str, ...]
    gguf_architecture: str | None
    hf_architecture: str
    preset: Mapping[str, Any]
    keys: Mapping[str, str]
    defaults: Mapping[str, Any]
    hf: Mapping[str, Source]
    gguf: Mapping[str, Source]
    written: Mapping[str, Any] = field(default_factory=dict)
    scaled_embedding: bool = False
    prefixes: tuple[str, ...] = ("model.", "", "model.language_model.", "language_model.model.")
    ignored: tuple[str, ...] = (r".*rotary_emb\.inv_freq", r"rope_freqs\.weight")


_LLAMA_KEYS = {
    "vocab_size": "vocab_size",
    "width": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "num_kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "mlp_width": "intermediate_size",
    "context": "max_position_embeddings",
    "norm_eps": "rms_norm_eps",
    "activation": "hidden_act",
    "tied_head": "tie_word_embeddings",
}
_LLAMA_DEFAULTS = {
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
    "max_position_embeddings": 2048,
    "rope_theta": 10_000.0,
}
_QWEN_DEFAULTS = {**_LLAMA_DEFAULTS, "max_position_embeddings": 32_768, "max_window_layers": 28}

FAMILIES: Mapping[str, Family] = {
    "gpt2": Family(
        hf_types=("gpt2",),
        hf_architecture="GPT2LMHeadModel",
        gguf_architecture="gpt2",
        preset={
            "norm": "layernorm",
            "activation": "gelu_tanh",
            "gated_mlp": False,
            "positions": "learned",
            "attention_bias": True,
            "output_bias": True,
            "mlp_bias": True,
        },
        keys={
            "vocab_size": "vocab_size",
            "width": "n_embd",
            "num_layers": "n_layer",
            "num_heads": "n_head",
            "mlp_width": "n_inner",
            "context": "n_positions",
            "norm_eps": "layer_norm_epsilon",
            "activation": "activation_function",
            "tied_head": "tie_word_embeddings",
        },
        defaults={
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5,
            "tie_word_embeddings": True,
            "n_positions": 1024,
        },
        written={"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},  # KerasHub
        hf=names.GPT2_HF,
        gguf=names.GPT2_GGUF,
        prefixes=("transformer.", ""),
        # Old files hold the causal mask as a tensor.
        ignored=(r"(transformer\.)?h\.\d+\.attn\.(masked_)?bias",),
    ),
    "llama": Family(
        hf_types=("llama",),
        hf_architecture="LlamaForCausalLM",
        gguf_architecture="llama",
        preset={},
        keys={
            **_LLAMA_KEYS,
            "attention_bias": "attention_bias",
            "output_bias": "attention_bias",
            "mlp_bias": "mlp_bias",
        },
        defaults={**_LLAMA_DEFAULTS, "attention_bias": False, "mlp_bias": False},
        hf=names.LLAMA_HF,
        gguf=names.LLAMA_GGUF,
    ),
    "mistral": Family(
        hf_types=("mistral",),
        hf_architecture="MistralForCausalLM",
        gguf_architecture=None,  # llama.cpp's converter writes Mistral as `llama`
        preset={},
        keys={**_LLAMA_KEYS, "sliding_window": "sliding_window"},
        defaults={
            **_LLAMA_DEFAULTS,
            "max_position_embeddings": 131_072,
            "num_key_value_heads": 8,
            "sliding_window": 4096,
        },
        hf=names.LLAMA_HF,
        gguf=names.LLAMA_GGUF,
    ),
    "qwen2": Family(
        hf_types=("qwen2",),
        hf_architecture="Qwen2ForCausalLM",
        gguf_architecture="qwen2",
        preset={"attention_bias": True},
        keys={**_LLAMA_KEYS, "sliding_window": "sliding_window"},
        defaults={**_QWEN_DEFAULTS, "sliding_window": 4096},
        hf=names.LLAMA_HF,
        gguf=names.GGUF,
    ),
    "qwen3": Family(
        hf_types=("qwen3",),
        hf_architecture="Qwen3ForCausalLM",
        gguf_architecture="qwen3",
        preset={"qk_norm": True},
        keys={
            **_LLAMA_KEYS,
            "attention_bias": "attention_bias",
            "output_bias": "attention_bias",
            "sliding_window": "sliding_window",
        },
        defaults={
            **_QWEN_DEFAULTS,
            "head_dim": 128,
            "attention_bias": False,
            "sliding_window": 4096,
        },
        hf=names.QK_NORM_HF,
        gguf=names.GGUF,
    ),
    "gemma3": Family(
        hf_types=("gemma3_text", "gemma3"),
        hf_architecture="Gemma3ForCausalLM",
        gguf_architecture="gemma3",
        preset={
            "norm_offset": 1.0,
            "activation": "gelu_tanh",
            "qk_norm": True,
            "post_norms": True,
        },
        scaled_embedding=True,
        keys={
            **_LLAMA_KEYS,
            "activation": "hidden_activation",
            "attention_bias": "attention_bias",
            "output_bias": "attention_bias",
            "sliding_window": "sliding_window",
            "logit_softcap": "final_logit_softcapping",
        },
        defaults={
            "vocab_size": 262_208,
            "hidden_size": 2304,
            "intermediate_size": 9216,
            "num_hidden_layers": 26,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
            "head_dim": 256,
            "hidden_activation": "gelu_pytorch_tanh",
            "max_position_embeddings": 131_072,
            "rms_norm_eps": 1e-6,
            "tie_word_embeddings": True,
            "attention_bias": False,
            "sliding_window": 4096,
            "sliding_window_pattern": 6,
            "query_pre_attn_scalar": 256,
            "rope_theta": 1_000_000.0,
            "rope_local_base_freq": 10_000.0,
            "final_logit_softcapping": None,
        },
        hf=names.GEMMA3_HF,
        gguf=names.GEMMA3_GGUF,
        # The picture half of the bigger ones: we read text.
        ignored=(r"(model\.)?(vision_tower|multi_modal_projector)\..*",),
    ),
    # Our own: config.json holds the fields of `ModelConfig` themselves.
    "fireside": Family(
        hf_types=("fireside",),
        hf_architecture="FiresideForCausalLM",
        gguf_architecture=None,
        preset={},
        keys={},
        defaults={},
        hf=names.FIRESIDE_HF,
        gguf={},
        prefixes=("",),
    ),
}
