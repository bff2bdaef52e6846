"""The model: token ids to logits.  One definition for training, serving and explaining.

    x = embed(ids)
    for layer in layers:  x = x + attention(norm(x));  x = x + mlp(norm(x))
    logits = head(norm(x))

The parts stand beside it, one small file each: `positions`, `norms`, `attention`, `mlp`, `cache`.
Which of them a family uses is said by `ModelConfig`; no forward pass asks for a family.
Parameter names are the canonical ones (`names.py`), exactly those of `ModelConfig.shapes()`.

Shapes: B batch, T tokens, D width, H query heads, K key/value heads, d head size, V vocabulary,
L layers.  This file refuses to sample, to know text, and to read files.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from fireside.model.architecture import ModelConfig
from fireside.model.attention import Attention
from fireside.model.cache import KVCache, NoCache
from fireside.model.mlp import MLP, GatedMLP
from fireside.model.norms import LayerNorm, RMSNorm, norm
from fireside.model.positions import Rotation, added_positions, rotations


class Layer(nn.Module):
    def __init__(self, config: ModelConfig, index: int) -> None:
        super().__init__()
        self.input_layernorm = norm(config, config.width)
        self.self_attn = Attention(config, index)
        self.post_attention_layernorm = norm(config, config.width)
        self.mlp = GatedMLP(config) if config.gated_mlp else MLP(config)

    def forward(
        self, x: Float[Tensor, "B T D"], rotation: Rotation, cache: KVCache
    ) -> Float[Tensor, "B T D"]:
        x = x + self.self_attn(self.input_layernorm(x), rotation, cache)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Decoder(nn.Module):
    """All but the head.

    activation_checkpointing: in training, keep only what goes into each layer and compute the
    layer again in backward: a third more time for a fraction of the memory (Chen et al. 2016).
    """

    activation_checkpointing = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.width)
        self.embed_positions = added_positions(config)
        self.layers = nn.ModuleList(Layer(config, i) for i in range(config.num_layers))
        self.norm = norm(config, config.width)

    def forward(
        self, ids: Int[Tensor, "B T"], positions: Int[Tensor, "B T"], cache: KVCache
    ) -> Float[Tensor, "B T D"]:
        x = self.embed_tokens(ids)  # B T D
        # Rounded to the weights' precision first, as gemma was trained.
        x = self.embed_positions(x * x.new_tensor(self.config.embedding_scale), positions)
        turns = rotations(self.config, positions, x.dtype)
        again = self.activation_checkpointing and self.training and torch.is_grad_enabled()
        for layer, rotation in zip(self.layers, turns, strict=True):
            if again:
                x = checkpoint(layer, x, rotation, cache, use_reentrant=False)
            else:
                x = layer(x, rotation, cache)  # B T D
        out: Tensor = self.norm(x)
        return out


class Transformer(nn.Module):
    """A decoder-only language model: `fresh` makes one to train, `load_model` reads one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        if not config.tied_head:
            self.lm_head = nn.Linear(config.width, config.vocab_size, bias=False)

    def forward(
        self,
        ids: Int[Tensor, "B T"],
        *,
        positions: Int[Tensor, "B T"] | None = None,
        mask: Bool[Tensor, "B T"] | None = None,
        documents: Int[Tensor, "B T"] | None = None,
        cache: KVCache | None = None,
        logits_at: Int[Tensor, " N"] | None = None,
    ) -> Float[Tensor, "B T V"] | Float[Tensor, "N V"]:
        """Logits of the token after each token.

        Args:
            ids: token ids, padded to a rectangle.
            positions: where each token stands in its sequence; needed with a cache, else counted.
            mask: True where there is a token, False where there is padding, on either side.  A
                cache knows its own padding.
            documents: which of its row's documents each token belongs to, -1 for padding: several
                in a row, none seeing another.  Not with a mask or a cache.
            cache: keys and values of the tokens before these.
            logits_at: only these places of the flattened [B T], as [N V]: the head is the most
                expensive layer of a small model, and a prompt needs it once.
        """
        x = self.hidden(
            ids, positions=positions, mask=mask, documents=documents, cache=cache
        )  # B T D
        return self.head(x if logits_at is None else x.flatten(0, 1)[logits_at])

    def hidden(
        self,
        ids: Int[Tensor, "B T"],
        *,
        positions: Int[Tensor, "B T"] | None = None,
        mask: Bool[Tensor, "B T"] | None = None,
        documents: Int[Tensor, "B T"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T D"]:
        """What the head reads; arguments as in `forward`."""
        if cache is None:
            cache = NoCache(ids, mask, documents)
            positions = cache.positions if positions is None else positions
        elif positions is None or mask is not None or documents is not None:
            raise ValueError("with a cache: say the positions, and tell the cache about padding")
        out: Tensor = self.model(ids, positions, cache)
        return out

    def head(self, x: Float[Tensor, "... D"]) -> Float[Tensor, "... V"]:
        logits = F.linear(x, self.head_weight)
        cap = self.config.logit_softcap
        return logits if cap is None else torch.tanh(logits / cap) * cap

    @property
    def head_weight(self) -> Float[Tensor, "V D"]:
        weight = self.model.embed_tokens.weight if self.config.tied_head else self.lm_head.weight
        found: Tensor = weight
        return found

    @classmethod
    def fresh(cls, config: ModelConfig, *, seed: int = 0) -> Transformer:
        """An untrained model, the same for the same seed.

        GPT-2's recipe (Radford et al. 2019): N(0, 0.02), and what is added to the residual stream
        smaller by 1/sqrt(2L), so that its size does not grow with depth.  Norms start as 1.
        """
        with torch.device("meta"):
            model = cls(config)
        model.to_empty(device="cpu")
        dice = torch.Generator().manual_seed(seed)
        residual = 0.02 / math.sqrt(2 * config.num_layers)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    weight.normal_(0.0, residual, generator=dice)
                elif weight.ndim == 2:
                    weight.normal_(0.0, 0.02, generator=dice)
                else:
                    weight.zero_()
            for module in model.modules():
                if isinstance(module, RMSNorm | LayerNorm):
                    module.weight.fill_(1.0 - getattr(module, "offset", 0.0))
        return model
