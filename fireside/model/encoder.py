"""Token ids to one vector: the bidirectional encoder for embeddings (BERT family).

Reads a Sentence-Transformers folder: BERT, mean of the last layer over the tokens, length 1.  It
refuses (`Unsupported`) every other architecture and pooling: a vector pooled in another way than
the model was trained for is silently worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from fireside.errors import ContextOverflow, Corrupt, Unsupported
from fireside.model.config_hf import read_json
from fireside.model.mlp import ACTIVATIONS
from fireside.model.norms import LayerNorm


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """A BERT.  width: D, the length of the vectors.  segments: how many kinds of token."""

    vocab_size: int
    width: int
    num_layers: int
    num_heads: int
    mlp_width: int
    context: int
    segments: int
    norm_eps: float
    activation: str


_KEYS = {
    "vocab_size": "vocab_size",
    "width": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "mlp_width": "intermediate_size",
    "context": "max_position_embeddings",
    "segments": "type_vocab_size",
}


def encoder_config(raw: Mapping[str, Any]) -> EncoderConfig:
    """What a `config.json` describes.  Errors: Unsupported, Corrupt."""
    if raw.get("model_type") != "bert":
        raise Unsupported(f"embedding model family {raw.get('model_type')!r} is not supported")
    if raw.get("position_embedding_type", "absolute") != "absolute" or raw.get("is_decoder"):
        raise Unsupported("a BERT with relative positions or a causal mask is not supported")
    activation = raw.get("hidden_act", "gelu")
    if activation != "gelu":
        raise Unsupported(f"activation {activation!r} is not supported in an embedding model")
    numbers = {field: raw.get(key, 2 if field == "segments" else 0) for field, key in _KEYS.items()}
    for field, number in numbers.items():
        if type(number) is not int or not 0 < number < 2**31:
            raise Corrupt(f"config.json says {_KEYS[field]} = {number!r}")
    eps = raw.get("layer_norm_eps", 1e-12)
    if not isinstance(eps, float) or not 0 < eps < 1 or numbers["num_layers"] > 4096:
        raise Corrupt("config.json holds an impossible layer_norm_eps or num_hidden_layers")
    if numbers["width"] % numbers["num_heads"]:
        raise Corrupt("config.json: hidden_size cannot be shared by num_attention_heads")
    return EncoderConfig(norm_eps=eps, activation=activation, **numbers)


class _SelfAttention(nn.Module):
    """Everybody sees every token; nobody sees padding."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)
        self.output = nn.Linear(config.width, config.width)

    def forward(
        self, x: Float[Tensor, "B T D"], mask: Bool[Tensor, "B 1 1 T"]
    ) -> Float[Tensor, "B T D"]:
        q, k, v = (
            part(x).view(*x.shape[:2], self.num_heads, -1).transpose(1, 2)  # B H T d
            for part in (self.query, self.key, self.value)
        )
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # B H T d
        out: Tensor = self.output(seen.transpose(1, 2).flatten(2))
        return out


class _EncoderLayer(nn.Module):
    """Norms after, not before: BERT is older than pre-norm."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention = _SelfAttention(config)
        self.attention_norm = LayerNorm(config.width, eps=config.norm_eps)
        self.up = nn.Linear(config.width, config.mlp_width)
        self.down = nn.Linear(config.mlp_width, config.width)
        self.mlp_norm = LayerNorm(config.width, eps=config.norm_eps)
        self.activation = ACTIVATIONS[config.activation]

    def forward(
        self, x: Float[Tensor, "B T D"], mask: Bool[Tensor, "B 1 1 T"]
    ) -> Float[Tensor, "B T D"]:
        x = self.attention_norm(x + self.attention(x, mask))
        out: Tensor = self.mlp_norm(x + self.down(self.activation(self.up(x))))
        return out


class Encoder(nn.Module):
    """BERT and a mean over its tokens."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocab_size, config.width)
        self.positions = nn.Embedding(config.context, config.width)
        self.segments = nn.Embedding(config.segments, config.width)
        self.norm = LayerNorm(config.width, eps=config.norm_eps)
        self.layers = nn.ModuleList(_EncoderLayer(config) for _ in range(config.num_layers))

    def forward(self, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
        """The last layer.  mask: True where there is a token; padding stands on the right."""
        if ids.shape[1] > self.config.context:
            raise ContextOverflow(
                f"a text of {ids.shape[1]} tokens is longer than the embedding model's "
                f"{self.config.context}: cut it into smaller pieces"
            )
        return self.above(self.below(ids, mask, 0), mask, 0)

    def below(
        self, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"], layers: int
    ) -> Float[Tensor, "B T D"]:
        """What stands before the layer of this number.  Training of the layers above computes it
        once: it does not change."""
        places = torch.arange(ids.shape[1], device=ids.device)
        x: Tensor = self.words(ids) + self.positions(places) + self.segments.weight[0]  # B T D
        x = self.norm(x)
        for layer in self.layers[:layers]:
            x = layer(x, mask.bool()[:, None, None])  # B T D
        return x

    def above(
        self, x: Float[Tensor, "B T D"], mask: Bool[Tensor, "B T"], layers: int
    ) -> Float[Tensor, "B T D"]:
        """The last layer, from what `below` gave."""
        for layer in self.layers[layers:]:
            x = layer(x, mask.bool()[:, None, None])  # B T D
        return x

    def embed(self, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B D"]:
        """One vector of length 1 for each row: a dot product of two is their cosine.

        ids: with [CLS] and [SEP], each row padded on the right.
        Errors: ContextOverflow if a row is longer than the model's context.
        """
        return pooled(self(ids, mask), mask)


def pooled(x: Float[Tensor, "B T D"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B D"]:
    """The mean over the tokens, of length 1."""
    weight = mask.to(x.dtype)[..., None]  # B T 1
    mean = (x * weight).sum(1) / weight.sum(1).clamp_min(1)  # B D
    return F.normalize(mean, dim=-1)


_LAYER_NAMES = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "mlp_norm": "output.LayerNorm",
}


def _stored_name(name: str) -> str:
    """Hugging Face's name of one of our parameters."""
    if not name.startswith("layers."):
        owner, kind = name.split(".")
        stored = {
            "words": "word_embeddings",
            "positions": "position_embeddings",
            "segments": "token_type_embeddings",
            "norm": "LayerNorm",
        }[owner]
        return f"embeddings.{stored}.{kind}"
    _, layer, rest = name.split(".", 2)
    owner, _, kind = rest.rpartition(".")
    return f"encoder.layer.{layer}.{_LAYER_NAMES[owner]}.{kind}"


def load_encoder(
    path: Path, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
) -> Encoder:
    """The encoder of a Sentence-Transformers folder, in eval mode.

    Errors: Unsupported, Corrupt.
    """
    from fireside.hub.safetensors import open_safetensors

    folder = Path(path)
    config = encoder_config(read_json(folder / "config.json"))
    _check_pooling(folder)
    file = open_safetensors(folder)
    prefix = "bert." if "bert.embeddings.word_embeddings.weight" in set(file.keys()) else ""
    with torch.device("meta"):
        encoder = Encoder(config)
    there = set(file.keys())
    expected = {name: tuple(weight.shape) for name, weight in encoder.named_parameters()}
    for name, shape in expected.items():
        stored = prefix + _stored_name(name)
        if stored not in there or tuple(file.shape(stored)) != shape:
            raise Corrupt(f"{stored} is missing or not of shape {shape}: pull the model again")
    for name in expected:
        owner, _, attribute = name.rpartition(".")
        tensor = file.load(prefix + _stored_name(name)).to(device=device, dtype=dtype)
        setattr(encoder.get_submodule(owner), attribute, nn.Parameter(tensor))
    return encoder.eval()


def _check_pooling(folder: Path) -> None:
    """Sentence-Transformers says how to pool; a bare BERT says nothing and gets the mean."""
    path = folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return
    pooling = read_json(path)
    chosen = sorted(key for key, value in pooling.items() if key.startswith("pooling_") and value)
    if chosen != ["pooling_mode_mean_tokens"]:
        raise Unsupported(f"pooling by {', '.join(chosen) or 'nothing'} is not supported")
