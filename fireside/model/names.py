"""Where each file format keeps each weight, as data.

Canonical names are those of Hugging Face's Llama, with four additions that Llama has no name for:
`model.embed_positions.weight` (learned positions), `.bias` on a LayerNorm, and gemma3's second
norms `self_attn.post_norm.weight` and `mlp.post_norm.weight`.  So `post_attention_layernorm` is the
norm before the MLP in *every* family, also in gemma3, whose files call that one
`pre_feedforward_layernorm`.

Canonical values are Hugging Face's too: linear weights are (out, in), rotary pairs are first half
with second half, gemma's norms multiply by (1 + weight) (GGUF stores 1 + weight).  This file
computes nothing; `weights.py` does what a `Source` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file keeps a canonical tensor, and in what clothes.

    name: the file's name; `{i}` is the layer, `{p}` the prefix that this file uses.
    transposed: stored (in, out), as GPT-2's Conv1D is.
    part: it is this third of a tensor that holds q, k and v under one another.
    interleaved: rotary pairs are neighbours (GGUF's llama), not first half with second half.
    shift: the file stores weight + shift.
    """

    name: str
    transposed: bool = False
    part: Literal["q", "k", "v"] | None = None
    interleaved: bool = False
    shift: float = 0.0


_LAYER = "model.layers.{i}."
_KINDS = ("weight", "bias")
_NORMS = ("input_layernorm", "post_attention_layernorm")


def _like_llama(*names: str) -> dict[str, Source]:
    """Hugging Face's own names for a Llama: ours, behind a prefix."""
    found = {
        "model.embed_tokens.weight": Source("{p}embed_tokens.weight"),
        "model.norm.weight": Source("{p}norm.weight"),
        "lm_head.weight": Source("lm_head.weight"),
    }
    for kind in _KINDS:
        for part in (*(f"self_attn.{p}_proj" for p in "qkvo"), "mlp.gate_proj", "mlp.up_proj",
                     "mlp.down_proj"):  # fmt: skip
            found[f"{_LAYER}{part}.{kind}"] = Source(f"{{p}}layers.{{i}}.{part}.{kind}")
    for name in (*_NORMS, *names):
        found[f"{_LAYER}{name}.weight"] = Source(f"{{p}}layers.{{i}}.{name}.weight")
    return found


def _gguf(*, interleaved: bool = False, shift: float = 0.0) -> dict[str, Source]:
    """The names that llama.cpp's converter gives every family alike."""
    found = {
        "model.embed_tokens.weight": Source("token_embd.weight"),
        "model.embed_positions.weight": Source("position_embd.weight"),
        "model.norm.weight": Source("output_norm.weight", shift=shift),
        "model.norm.bias": Source("output_norm.bias"),
        "lm_head.weight": Source("output.weight"),
    }
    for kind in _KINDS:
        for part, stored in (("v", "attn_v"), ("o", "attn_output")):
            found[f"{_LAYER}self_attn.{part}_proj.{kind}"] = Source(f"blk.{{i}}.{stored}.{kind}")
        for part in "qk":
            found[f"{_LAYER}self_attn.{part}_proj.{kind}"] = Source(
                f"blk.{{i}}.attn_{part}.{kind}", interleaved=interleaved
            )
        for part in ("gate", "up", "down"):
            found[f"{_LAYER}mlp.{part}_proj.{kind}"] = Source(f"blk.{{i}}.ffn_{part}.{kind}")
    for name, stored in (
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("self_attn.post_norm", "post_attention_norm"),
        ("mlp.post_norm", "post_ffw_norm"),
    ):
        found[f"{_LAYER}{name}.weight"] = Source(f"blk.{{i}}.{stored}.weight", shift=shift)
        found[f"{_LAYER}{name}.bias"] = Source(f"blk.{{i}}.{stored}.bias")
    return found


def _gpt2_qkv(stored: str, *, transposed: bool) -> dict[str, Source]:
    found = {}
    for part in ("q", "k", "v"):
        name = f"{_LAYER}self_attn.{part}_proj"
        found[f"{name}.weight"] = Source(f"{stored}.weight", transposed=transposed, part=part)
        found[f"{name}.bias"] = Source(f"{stored}.bias", part=part)
    return found


def _gpt2_hf() -> dict[str, Source]:
    """GPT-2's Conv1D layers are stored (in, out), and q, k, v as one of them."""
    found = {
        "model.embed_tokens.weight": Source("{p}wte.weight"),
        "model.embed_positions.weight": Source("{p}wpe.weight"),
        "lm_head.weight": Source("lm_head.weight"),
        **_gpt2_qkv("{p}h.{i}.attn.c_attn", transposed=True),
    }
    for name, stored in (
        ("self_attn.o_proj", "attn.c_proj"),
        ("mlp.up_proj", "mlp.c_fc"),
        ("mlp.down_proj", "mlp.c_proj"),
    ):
        found[f"{_LAYER}{name}.weight"] = Source(f"{{p}}h.{{i}}.{stored}.weight", transposed=True)
        found[f"{_LAYER}{name}.bias"] = Source(f"{{p}}h.{{i}}.{stored}.bias")
    for kind in _KINDS:
        found[f"model.norm.{kind}"] = Source(f"{{p}}ln_f.{kind}")
        for name, stored in zip(_NORMS, ("ln_1", "ln_2"), strict=True):
            found[f"{_LAYER}{name}.{kind}"] = Source(f"{{p}}h.{{i}}.{stored}.{kind}")
    return found


def _gemma3_hf() -> dict[str, Source]:
    found = _like_llama("self_attn.q_norm", "self_attn.k_norm")
    for name, stored in (
        ("self_attn.post_norm", "post_attention_layernorm"),
        ("post_attention_layernorm", "pre_feedforward_layernorm"),
        ("mlp.post_norm", "post_feedforward_layernorm"),
    ):
        found[f"{_LAYER}{name}.weight"] = Source(f"{{p}}layers.{{i}}.{stored}.weight")
    return found


LLAMA_HF = _like_llama()
QK_NORM_HF = _like_llama("self_attn.q_norm", "self_attn.k_norm")
GEMMA3_HF = _gemma3_hf()
GPT2_HF = _gpt2_hf()

GGUF = _gguf()
LLAMA_GGUF = _gguf(interleaved=True)
GEMMA3_GGUF = _gguf(shift=1.0)
GPT2_GGUF = {**_gguf(), **_gpt2_qkv("blk.{i}.attn_qkv", transposed=False)}

# Our own models: files hold the canonical names themselves.
FIRESIDE_HF = {name: Source(name) for name in (*GPT2_HF, *GEMMA3_HF)}
