"""Small random models of every family, in memory: what the runners are held against.

No file and no download; the weights are larger than at initialisation, norms and biases random
too, so that no part of a layer can be left out unseen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from fireside.model.architecture import LinearScaling, Llama3Scaling, ModelConfig, Rope
from fireside.model.load import model_of
from fireside.model.names import Source
from fireside.model.transformer import Transformer
from fireside.model.weights import Weights

VOCABULARY = 97
BASE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "width": 64,
    "num_layers": 3,
    "num_heads": 4,
    "num_kv_heads": 2,
    "head_dim": 16,
    "mlp_width": 96,
    "context": 2048,
}
ROPE: dict[str, Any] = {**BASE, "rope": Rope(theta=10_000.0)}
STRETCHED = Llama3Scaling(
    factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_context=64
)
FAMILIES: dict[str, dict[str, Any]] = {
    "gpt2": {
        **BASE,
        "family": "gpt2",
        "num_kv_heads": 4,
        "norm": "layernorm",
        "activation": "gelu_tanh",
        "gated_mlp": False,
        "positions": "learned",
        "attention_bias": True,
        "output_bias": True,
        "mlp_bias": True,
    },
    "llama": {**ROPE, "family": "llama", "tied_head": False},
    "llama3": {
        **ROPE,
        "family": "llama",
        "rope": Rope(theta=500_000.0, scaling=STRETCHED),
        "num_heads": 3,
        "num_kv_heads": 1,
    },
    "mistral": {
        **ROPE,
        "family": "mistral",
        "tied_head": False,
        "sliding_window": 20,
        "sliding_layers": (True, True, True),
    },
    "qwen2": {**ROPE, "family": "qwen2", "attention_bias": True},
    "qwen3": {**ROPE, "family": "qwen3", "qk_norm": True, "head_dim": 32},
    "gemma3": {
        **ROPE,
        "family": "gemma3",
        "rope": Rope(theta=1e6, scaling=LinearScaling(factor=4.0), local_theta=10_000.0),
        "norm_offset": 1.0,
        "activation": "gelu_tanh",
        "qk_norm": True,
        "post_norms": True,
        "sliding_window": 20,
        "sliding_layers": (True, False, True),
        "embedding_scale": 8.0,
        "attention_scale": 0.2,
        "logit_softcap": 3.0,
    },
}


def config_of(family: str, **changes: Any) -> ModelConfig:
    return ModelConfig(**{**FAMILIES[family], **changes})


class Memory:
    """A `TensorFile` without a file."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors

    def keys(self) -> Iterable[str]:
        return self.tensors.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self.tensors[name].shape)

    def load(self, name: str) -> Tensor:
        return self.tensors[name].clone()


def weights_of(config: ModelConfig, seed: int = 0) -> Weights:
    generator = torch.Generator().manual_seed(seed)

    def drawn(name: str, shape: tuple[int, ...]) -> Tensor:
        normal = torch.randn(shape, generator=generator)
        if name.endswith(".bias"):
            return 0.2 * normal
        if len(shape) == 1:  # a norm
            return 1.0 - config.norm_offset + 0.2 * normal
        return normal if "embed" in name else 1.2 * shape[1] ** -0.5 * normal

    tensors = {name: drawn(name, shape) for name, shape in config.shapes().items()}
    return Weights(config, Memory(tensors), {name: Source(name) for name in tensors})


def model_like(config: ModelConfig, seed: int = 0) -> Transformer:
    return model_of(weights_of(config, seed))


def random_ids(count: int, seed: int = 1) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, VOCABULARY, (count,), generator=generator).tolist()
