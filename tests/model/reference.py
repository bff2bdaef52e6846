"""Small random models of transformers, against which ours are held.

`CASES` spans what the families can vary in: shared key/value heads, biases, windows, rope
scalings, tied and untied heads, odd head sizes.  Weights are larger than at initialisation, and
norms and biases random too, so that no part of a layer can be left out unseen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from fireside.hub import LocalModel
from fireside.model.load import load_model
from fireside.model.transformer import Transformer

VOCABULARY = 97
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
GPT2: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "n_positions": 64,
    "n_embd": 32,
    "n_layer": 3,
    "n_head": 4,
    "bos_token_id": None,
    "eos_token_id": None,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
LINEAR = {"rope_type": "linear", "factor": 4.0}
LONG = {**SMALL, "max_position_embeddings": 65_536}
QWEN_WINDOW = {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1}
GEMMA_LAYERS = ["sliding_attention", "full_attention", "sliding_attention"]
GEMMA = {**SMALL, "head_dim": 16, "sliding_window": 5, "layer_types": GEMMA_LAYERS}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("GPT2Config", GPT2),
    "gpt2-wide-gelu": ("GPT2Config", {**GPT2, "n_inner": 80, "activation_function": "gelu"}),
    "gpt2-untied": ("GPT2Config", {**GPT2, "tie_word_embeddings": False}),
    "llama": ("LlamaConfig", SMALL),
    "llama-tied-one-kv-head": (
        "LlamaConfig",
        {**SMALL, "num_key_value_heads": 1, "tie_word_embeddings": True},
    ),
    "llama-all-kv-heads": ("LlamaConfig", {**SMALL, "num_key_value_heads": 4}),
    "llama-biases": ("LlamaConfig", {**SMALL, "attention_bias": True, "mlp_bias": True}),
    "llama-wide-heads": ("LlamaConfig", {**SMALL, "head_dim": 12, "rope_theta": 500_000.0}),
    "llama3": ("LlamaConfig", {**LONG, "rope_theta": 500_000.0, "rope_scaling": LLAMA3}),
    "llama-linear": ("LlamaConfig", {**LONG, "rope_scaling": LINEAR}),
    "mistral": ("MistralConfig", {**SMALL, "sliding_window": 5}),
    "mistral-no-window": ("MistralConfig", {**SMALL, "sliding_window": None}),
    "qwen2": ("Qwen2Config", {**SMALL, "tie_word_embeddings": True}),
    "qwen2-window": ("Qwen2Config", {**SMALL, **QWEN_WINDOW}),
    "qwen3": ("Qwen3Config", {**SMALL, "head_dim": 16, "rope_theta": 1_000_000.0}),
    "qwen3-bias-window": (
        "Qwen3Config",
        {**SMALL, "head_dim": 8, "attention_bias": True, **QWEN_WINDOW},
    ),
    "gemma3": ("Gemma3TextConfig", {**GEMMA, "query_pre_attn_scalar": 20}),
    "gemma3-scaled-softcap": (
        "Gemma3TextConfig",
        {
            **GEMMA,
            "max_position_embeddings": 65_536,
            "rope_scaling": LINEAR,
            "final_logit_softcapping": 3.0,
            "attention_bias": True,
        },
    ),
}


def reference(name: str, seed: int = 0, **changes: Any) -> Any:
    """The model of transformers, random and in eval mode."""
    kind, values = CASES[name]
    torch.manual_seed(seed)
    config = getattr(transformers, kind)(**{**values, **changes})
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.15)
    return model


def ours(model: Any, folder: Path) -> Transformer:
    """The same model, through a folder on disk."""
    model.save_pretrained(folder)
    return load_model(local(folder))


def local(path: Path) -> LocalModel:
    return LocalModel(name="test", path=path, format="gguf" if path.is_file() else "hf")


def random_ids(*shape: int, seed: int = 1) -> Tensor:
    return torch.randint(0, VOCABULARY, shape, generator=torch.Generator().manual_seed(seed))
