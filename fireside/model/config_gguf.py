"""GGUF metadata to a `ModelConfig`.

Some choices are said by no key but by which tensors there are (a tied head, biases, Llama 3's
frequency factors), so the tensors are looked at too.  It refuses (`Unsupported`, by name) what
would change the logits and is not implemented, and (`Corrupt`) missing or nonsensical keys.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fireside.errors import Corrupt, Unsupported
from fireside.model.architecture import LinearScaling, Llama3Scaling, ModelConfig, Rope
from fireside.model.families import FAMILIES

if TYPE_CHECKING:
    from fireside.hub.gguf import GGUFTensor


class _Metadata:
    """The keys of one architecture, with one clear line for a missing or odd one."""

    def __init__(self, metadata: Mapping[str, object], architecture: str) -> None:
        self._metadata = metadata
        self._architecture = architecture

    def get(self, key: str) -> Any:
        return self._metadata.get(f"{self._architecture}.{key}")

    def number(self, key: str, default: float | None = None) -> float:
        value: Any = self.get(key)
        if value is None:
            value = default
        if isinstance(value, list | np.ndarray):
            raise Unsupported(f"{self._architecture}.{key} differs from layer to layer")
        fits = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not fits or not value >= 0 or not math.isfinite(value):
            raise Corrupt(f"GGUF metadata say {self._architecture}.{key} = {value!r}")
        return float(value)

    def word(self, key: str, default: str) -> str:
        value = self.get(key)
        if value is not None and not isinstance(value, str):
            raise Corrupt(f"GGUF metadata say {self._architecture}.{key} = {value!r}")
        return value or default

    def whole(self, key: str, default: int | None = None) -> int:
        return int(self.number(key, default))

    def single(self, key: str, default: float | None = None) -> float:
        """A float32 as people wrote it: 1e-5, not 9.999999747378752e-06."""
        value = self.number(key, default)
        return value if value > 1e30 else float(str(np.float32(value)))


def config_from_gguf(
    metadata: Mapping[str, object], tensors: Mapping[str, GGUFTensor] | None = None
) -> ModelConfig:
    """What a GGUF file describes.

    tensors: the file's, by name.  Without them: a tied head, no more biases than the family's own,
    no frequency factors, and the vocabulary's size from the token list.
    Errors: Unsupported for a family or feature that we lack, Corrupt for nonsense.
    """
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str):
        raise Corrupt("the GGUF file does not say its architecture: download it again")
    name = next((n for n, f in FAMILIES.items() if f.gguf_architecture == architecture), None)
    if name is None:
        known = ", ".join(
            sorted(f.gguf_architecture for f in FAMILIES.values() if f.gguf_architecture)
        )
        raise Unsupported(f"GGUF architecture {architecture!r} is not supported; {known} are")
    meta = _Metadata(metadata, architecture)
    _refuse(meta, architecture)
    if metadata.get("split.count") not in (None, 0, 1):
        raise Unsupported("this GGUF file is one of several parts: take a file that is whole")
    there = tensors or {}
    width, heads = meta.whole("embedding_length"), meta.whole("attention.head_count")
    head_dim = meta.whole("attention.key_length", width // max(1, heads))
    fields: dict[str, Any] = dict(FAMILIES[name].preset)
    fields |= {
        "vocab_size": _vocab_size(metadata, there),
        "width": width,
        "num_layers": meta.whole("block_count"),
        "num_heads": heads,
        "num_kv_heads": meta.whole("attention.head_count_kv", heads),
        "head_dim": head_dim,
        "mlp_width": meta.whole("feed_forward_length"),
        "context": meta.whole("context_length"),
        "tied_head": "output.weight" not in there,
        "norm_eps": meta.single(
            "attention.layer_norm_epsilon"
            if fields.get("norm") == "layernorm"
            else "attention.layer_norm_rms_epsilon"
        ),
    }
    for field, tensor in (
        ("attention_bias", "attn_q"),
        ("output_bias", "attn_output"),
        ("mlp_bias", "ffn_up"),
    ):
        if f"blk.0.{tensor}.bias" in there:
            fields[field] = True
    if fields.get("positions", "rotary") == "rotary":
        fields["rope"] = _rope(meta, head_dim, there)
    if FAMILIES[name].scaled_embedding:
        fields |= _gemma(meta, fields)
    if window := meta.whole("attention.sliding_window", 0):
        fields["sliding_window"] = window
        fields.setdefault("sliding_layers", (True,) * min(fields["num_layers"], 4096))
        # llama.cpp's converter writes Mistral as `llama`; the window is what tells them apart.
        name = "mistral" if name == "llama" else name
    return ModelConfig(family=name, **fields)


def _refuse(meta: _Metadata, architecture: str) -> None:
    for key in (
        "expert_count", "attn_logit_softcapping", "rope.scale_linear", "rope.scaling.attn_factor",
        "attention.scale", "attention.clamp_kqv", "attention.max_alibi_bias",
        "embedding_scale", "residual_scale", "logit_scale",
    ):  # fmt: skip
        if meta.number(key, 0) not in (0, 1):
            raise Unsupported(f"this GGUF file needs {architecture}.{key}, not supported")
    if meta.get("attention.causal") is False:
        raise Unsupported("this GGUF file holds a bidirectional model, not a chat model")
    keys, values = (meta.whole(f"attention.{kind}_length", 0) for kind in ("key", "value"))
    if keys != values:
        raise Unsupported(f"keys of {keys} and values of {values} numbers are not supported")


def _vocab_size(metadata: Mapping[str, object], there: Mapping[str, GGUFTensor]) -> int:
    """The embedding's rows: files may pad it beyond the token list."""
    if "token_embd.weight" in there:
        return int(there["token_embd.weight"].shape[0])
    tokens = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list):
        raise Corrupt("the GGUF file has neither token_embd.weight nor a token list")
    return len(tokens)


def _rope(meta: _Metadata, head_dim: int, there: Mapping[str, GGUFTensor]) -> Rope:
    rotated = meta.whole("rope.dimension_count", head_dim)
    if rotated != head_dim:
        raise Unsupported(f"rotary positions on {rotated} of {head_dim} numbers are not supported")
    theta = meta.single("rope.freq_base", 10_000.0)
    # llama.cpp takes a factor without a type for linear.
    factor = meta.single("rope.scaling.factor", 0.0)
    kind = meta.word("rope.scaling.type", "linear" if factor else "none")
    if kind not in ("none", "linear"):
        raise Unsupported(f"rope scaling {kind!r} is not supported; linear and llama3 are")
    scaling: LinearScaling | Llama3Scaling | None = None
    if kind == "linear":
        scaling = LinearScaling(factor=factor or 1.0)
    if "rope_freqs.weight" in there:
        scaling = _llama3(there["rope_freqs.weight"], theta, head_dim)
    return Rope(theta=theta, scaling=scaling)


def _llama3(tensor: GGUFTensor, theta: float, head_dim: int) -> Llama3Scaling | None:
    """llama.cpp stores Llama 3's scaling as one divisor for each frequency: recognise its origin.

    Every published Llama 3.1, 3.2 and 3.3 differs in `factor` alone.
    """
    if tuple(tensor.shape) != (head_dim // 2,):
        raise Corrupt(f"rope_freqs.weight has shape {tuple(tensor.shape)}, not ({head_dim // 2},)")
    divisors = np.array(tensor.dequantize(), dtype=np.float32)
    if bool((divisors == 1).all()):
        return None
    scaling = Llama3Scaling(
        factor=float(divisors.max()),
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_context=8192,
    )
    frequencies = theta ** -(np.arange(0, head_dim, 2).astype(np.float32) / head_dim)
    if not np.allclose(frequencies / divisors, scaling.scale(frequencies), rtol=1e-4):
        raise Unsupported("the frequency factors in rope_freqs.weight are not those of Llama 3")
    return scaling


def _gemma(meta: _Metadata, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What llama.cpp knows of gemma3 without being told (src/models/gemma3, hparams)."""
    layers = min(fields["num_layers"], 4096)
    rope: Rope = fields["rope"]
    local = meta.single("rope.freq_base_swa", 10_000.0)
    # The 27B alone scales by its width per head, and not by head_dim.
    scalar = fields["width"] / fields["num_heads"] if layers == 62 else fields["head_dim"]
    softcap = meta.number("final_logit_softcapping", 0.0)
    return {
        "embedding_scale": math.sqrt(fields["width"]),
        "attention_scale": scalar**-0.5,
        "sliding_layers": _pattern(meta, layers),
        "rope": Rope(theta=rope.theta, scaling=rope.scaling, local_theta=local),
        "logit_softcap": softcap or None,
    }


def _pattern(meta: _Metadata, layers: int) -> tuple[bool, ...]:
    """Every n-th layer sees everything; newer files list the layers."""
    given = meta.get("attention.sliding_window_pattern")
    if isinstance(given, np.ndarray):
        return tuple(bool(sliding) for sliding in given[:layers])
    every = meta.whole("attention.sliding_window_pattern", 6)
    if every < 1:
        raise Corrupt("GGUF metadata say gemma3.attention.sliding_window_pattern = 0")
    return tuple((layer + 1) % every != 0 for layer in range(layers))
