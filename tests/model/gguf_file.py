"""Writes a model of transformers as GGUF, by the rules of llama.cpp's convert_hf_to_gguf.py.

Independent of our tables: names come from the `gguf` package's own map.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from torch import Tensor

ARCHITECTURES = {
    "gpt2": gguf.MODEL_ARCH.GPT2,
    "llama": gguf.MODEL_ARCH.LLAMA,
    "mistral": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "gemma3_text": gguf.MODEL_ARCH.GEMMA3,
}


def write_gguf(
    model: Any,
    path: Path,
    quantised: gguf.GGMLQuantizationType | None = None,
    values: gguf.GGMLQuantizationType | None = None,
) -> None:
    """quantised: the type of matrices whose rows fill whole blocks; None: float32.

    values: that of the attention's values, where it is another one, as in files of mixed types.
    """
    config = model.config
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    _metadata(writer, config)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    state = dict(model.state_dict())
    if config.tie_word_embeddings:
        del state["lm_head.weight"]
    for name, tensor in state.items():
        stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
        data = _converted(config, name, tensor).float().contiguous().numpy()
        if quantised is not None and data.ndim == 2 and data.shape[1] % 32 == 0:
            kind = values if values is not None and "attn_v" in stored else quantised
            writer.add_tensor(stored, gguf.quantize(data, kind), raw_dtype=kind)
        else:
            writer.add_tensor(stored, data)
    if (factors := _rope_factors(config)) is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _metadata(writer: gguf.GGUFWriter, config: Any) -> None:
    writer.add_name("mistral" if config.model_type == "mistral" else "test")
    writer.add_token_list([f"t{i}" for i in range(config.vocab_size)])
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    if config.model_type == "gpt2":
        writer.add_feed_forward_length(config.n_inner or 4 * config.hidden_size)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    if config.model_type != "gemma3_text":
        writer.add_rope_dimension_count(head_dim)
    rope = config.rope_parameters
    rope = rope.get("full_attention", rope)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if getattr(config, "final_logit_softcapping", None):
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if config.model_type in ("mistral", "gemma3_text") and config.sliding_window:
        writer.add_sliding_window(config.sliding_window)


def _converted(config: Any, name: str, tensor: Tensor) -> Tensor:
    if config.model_type == "gpt2" and name.endswith(
        ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    ):
        return tensor.t()
    if config.model_type == "gemma3_text" and name.endswith("norm.weight"):
        return tensor + 1
    if config.model_type in ("llama", "mistral"):
        if name.endswith(("q_proj.weight", "q_proj.bias")):
            return _permuted(tensor, config.num_attention_heads)
        if name.endswith(("k_proj.weight", "k_proj.bias")):
            return _permuted(tensor, config.num_key_value_heads)
    return tensor


def _permuted(tensor: Tensor, heads: int) -> Tensor:
    """LlamaModel.permute of the converter."""
    rest = tensor.shape[1:]
    split = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, *rest)
    return split.swapaxes(1, 2).reshape(tensor.shape)


def _rope_factors(config: Any) -> Any:
    """LlamaModel.generate_extra_tensors of the converter."""
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") != "llama3":
        return None
    base, factor = rope["rope_theta"], rope["factor"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    old = rope["original_max_position_embeddings"]
    dim = config.head_dim
    factors = []
    for freq in 1.0 / (base ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim)):
        wavelength = 2 * torch.pi / freq
        if wavelength < old / high:
            factors.append(1.0)
        elif wavelength > old / low:
            factors.append(factor)
        else:
            smooth = (old / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, dtype=np.float32)
