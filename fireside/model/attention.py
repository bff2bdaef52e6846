"""Causal self-attention with shared key/value heads (GQA; Ainslie et al. 2023).

Where keys and values of the past come from, and who may see whom, is the cache's business
(`cache.py`); this file never sees a mask.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from fireside.model.architecture import ModelConfig
from fireside.model.cache import KVCache
from fireside.model.norms import norm
from fireside.model.positions import Rotation


class Attention(nn.Module):
    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.head_dim = config.head_dim
        self.scale = config.scale
        self.window = config.window(layer)
        query, key = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.width, query, bias=config.attention_bias)
        self.k_proj = nn.Linear(config.width, key, bias=config.attention_bias)
        self.v_proj = nn.Linear(config.width, key, bias=config.attention_bias)
        self.o_proj = nn.Linear(query, config.width, bias=config.output_bias)
        self.q_norm = norm(config, config.head_dim) if config.qk_norm else nn.Identity()
        self.k_norm = norm(config, config.head_dim) if config.qk_norm else nn.Identity()
        self.post_norm = norm(config, config.width) if config.post_norms else nn.Identity()

    def forward(
        self, x: Float[Tensor, "B T D"], rotation: Rotation, cache: KVCache
    ) -> Float[Tensor, "B T D"]:
        q = rotation.apply(self.q_norm(self._heads(self.q_proj(x))))  # B H T d
        k = rotation.apply(self.k_norm(self._heads(self.k_proj(x))))  # B K T d
        v = self._heads(self.v_proj(x))  # B K T d
        seen = cache.attend(self.layer, q, k, v, scale=self.scale, window=self.window)  # B H T d
        out: Tensor = self.post_norm(self.o_proj(seen.transpose(1, 2).flatten(2)))  # B T D
        return out

    def _heads(self, x: Float[Tensor, "B T Hd"]) -> Float[Tensor, "B H T d"]:
        return x.view(*x.shape[:2], -1, self.head_dim).transpose(1, 2)
