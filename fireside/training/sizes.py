"""The sizes of a new model: from its depth to width, heads, MLP, row length and vocabulary; and
which depth suits the time and the text there is.

Each number with the rule it comes from.  Pure arithmetic: refuses to measure (`calibrate.py`).
"""

from __future__ import annotations

import math
from typing import Any, Final

from fireside.model.architecture import ModelConfig, Rope
from fireside.training.config import TrainConfig
from fireside.training.derivation import Derivation
from fireside.training.memory import parameters

HEAD: Final = 64  # numbers of a head, as in GPT-2 and Llama's small ones
DEEPEST: Final = 32
TOKENS_PER_PARAMETER: Final = 20  # Hoffmann et al. 2022 ("Chinchilla")
# Where time is plenty and text is not, a larger model that reads it eight times beats a smaller
# one that reads it more often (docs/log.md).
SMALL_TEXT_EPOCHS: Final = 8.0
PARAMETERS_PER_TOKEN: Final = 10.0
BYTES_PER_TOKEN: Final = 3.0  # of the small vocabularies that small texts get


def architecture(config: TrainConfig, vocab_size: int) -> ModelConfig:
    """The model of a config whose sizes are all there."""
    part = config.model
    assert part.width
    assert part.layers
    assert part.heads
    assert part.mlp_width
    assert part.context
    shared: dict[str, Any] = {
        "family": part.family,
        "vocab_size": vocab_size,
        "width": part.width,
        "num_layers": part.layers,
        "num_heads": part.heads,
        "num_kv_heads": part.kv_heads or part.heads,
        "head_dim": part.width // part.heads,
        "mlp_width": part.mlp_width,
        "context": part.context,
        "tied_head": part.tied,
    }
    if part.family == "llama":
        return ModelConfig(**shared, rope=Rope())
    return ModelConfig(
        **shared,
        norm="layernorm",
        activation="gelu_tanh",
        gated_mlp=False,
        positions="learned",
        attention_bias=True,
        output_bias=True,
        mlp_bias=True,
    )


def shape(found: Derivation, depth: int, corpus_bytes: int | None) -> None:
    """The sizes of a new model of `depth` layers, and of its vocabulary."""
    layers = found.set("model.layers", depth, "the dial")
    width = found.set("model.width", HEAD * layers, f"{HEAD} × depth (nanochat)")
    heads = max(1, round(width / HEAD))
    while width % heads:
        heads -= 1
    heads = found.set("model.heads", heads, f"heads of {width // heads} numbers")
    found.set("model.kv_heads", heads, "each head has its own keys and values")
    gated = found.config.model.family == "llama"
    wide = 64 * math.ceil(width * 8 / 3 / 64) if gated else 4 * width
    rule = "8/3 × width in 64s: as many weights as 4 × ungated (Shazeer 2020)"
    found.set("model.mlp_width", wide, rule if gated else "4 × width (Vaswani et al. 2017)")
    length = min(max(1 << round(math.log2(1.5 * width)), 128), 2048)
    length = min(length, found.config.model.context or length)
    length = found.set("data.length", length, "near the width: attention stays the smaller part")
    found.set("model.context", length, "as long as its rows")
    if found.config.tokenizer.path is None:
        matrices = parameters(architecture(found.config, 1))
        found.set("tokenizer.vocab_size", *vocabulary(matrices, width, corpus_bytes))


def vocabulary(matrices: int, width: int, corpus_bytes: int | None) -> tuple[int, str]:
    """Tao et al. 2024 ("Scaling laws with vocabulary"): N_v = 0.20 (N / 0.08)^0.84."""
    size = 0.20 * (matrices / 0.08) ** 0.84 / width
    why = "0.20 (N / 0.08)^0.84 / width (Tao et al. 2024)"
    if corpus_bytes is not None and size > corpus_bytes / 500:
        size, why = corpus_bytes / 500, "one entry for 500 bytes of text: each must be met often"
    return min(max(64 * round(size / 64), 320), 65_536), why


def flops_per_token(config: ModelConfig, length: int) -> float:
    """Of training: 6 for each weight of a product (Kaplan et al. 2020), 12·L·T·D for attention
    (Chowdhery et al. 2022, "PaLM", appendix B), of which a causal mask needs half."""
    looked_up = 0 if config.tied_head else config.vocab_size * config.width
    if config.positions == "learned":
        looked_up += config.context * config.width
    products = parameters(config) - looked_up
    attention = 6 * config.num_layers * length * config.num_heads * config.head_dim
    return 6.0 * products + attention


def best_depth(
    flops_per_second: dict[int, float],
    sizes: dict[int, float],
    seconds: float,
    corpus: float = math.inf,
) -> int:
    """The depth whose tokens in `seconds` come nearest to 20 for each parameter, or to eight
    epochs where the text is smaller than that.

    flops_per_second: measured, by depth; sizes: parameters by depth; corpus: tokens of the text.
    """

    def miss(depth: int) -> float:
        tokens = flops_per_second[depth] * seconds / (6 * sizes[depth])
        wanted = min(TOKENS_PER_PARAMETER * sizes[depth], SMALL_TEXT_EPOCHS * corpus)
        return abs(math.log(tokens / wanted))

    few = [depth for depth in sizes if sizes[depth] <= PARAMETERS_PER_TOKEN * corpus]
    return min(few or [min(sizes)], key=miss)
