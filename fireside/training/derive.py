"""The dial: from --depth or --minutes to every other number, each with the rule it comes from.

Pretraining:  depth -> width, heads, MLP, row length -> vocabulary   (`shape`, before the data)
              compute -> tokens, batch, rates, steps                 (`pretraining`, after it)
Fine-tuning:  the model's width and the data -> batch, rates, steps  (`finetuning`)

What a config sets is left as it is.  Every number that is derived is said with its reason, in
`Derivation.lines`.  Pure arithmetic: it refuses to measure (`calibrate.py`) and to open files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from fireside.model.architecture import ModelConfig, Rope
from fireside.training.config import TrainConfig, merged
from fireside.training.memory import parameters

HEAD: Final = 64  # numbers of a head, as in GPT-2 and Llama's small ones
TOKENS_PER_PARAMETER: Final = 20  # Hoffmann et al. 2022 ("Chinchilla")
MOST_EPOCHS: Final = 16.0  # Muennighoff et al. 2023: after it, repeated data teach next to nothing
# Where time is plenty and text is not, a larger model that reads it eight times beats a smaller
# one that reads it more often, if its weights decay ten times as much (docs/log.md).
SMALL_TEXT_EPOCHS: Final = 8.0
SMALL_TEXT_DECAY: Final = 1.0
PARAMETERS_PER_TOKEN: Final = 10.0
BYTES_PER_TOKEN: Final = 3.0  # of the small vocabularies that small texts get
MANY_EPOCHS: Final = 4.0  # the same: up to these, repeats are as good as new text
FEWEST_STEPS: Final = 1000
TUNING_EPOCHS: Final = 3.0
DEFAULT_MINUTES: Final = 10.0
DEEPEST: Final = 32


@dataclass
class Derivation:
    """A config that grows, and the lines that say why."""

    config: TrainConfig
    lines: list[str] = field(default_factory=list)

    def set(self, path: str, value: Any, why: str, *, shown: str | None = None) -> Any:
        """The config's own value where it has one, else `value`, with a line."""
        section, name = path.split(".")
        part = getattr(self.config, "validate_" if section == "validate" else section)
        if (own := getattr(part, name)) is not None:
            return own
        plain = self.config.model_dump(mode="json", by_alias=True)
        self.config = TrainConfig.of(merged(plain, {section: {name: value}}))
        self.say(path, shown or (value if isinstance(value, str) else readable(value)), why)
        return value

    def say(self, name: str, value: str, why: str) -> None:
        self.lines.append(f"{name:<32} {value:<12} {why}")


def readable(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}"


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


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is known of data and machine when the rest is derived.

    tokens: of the training data, once through.  examples: how many; longest: of them, in tokens.
    tokens_per_second: of training; None where it was not measured.
    seconds: for the steps alone; None without a clock.  ranks: processes that share each step.
    """

    tokens: int
    examples: int = 0
    longest: int = 0
    tokens_per_second: float | None = None
    seconds: float | None = None
    ranks: int = 1

    def shared(self, rows: int) -> int:
        """The next number of rows that every rank has an equal share of."""
        return math.ceil(rows / self.ranks) * self.ranks


def pretraining(found: Derivation, model: ModelConfig, known: Measured) -> None:
    """Tokens, batch, rates and steps for a new model."""
    size, length = parameters(model), found.config.data.length or 1
    tokens, why = _tokens(found.config, size, known)
    compute = 6.0 * size * tokens
    rows = max(1, round(0.2920 * compute**0.3271 / length))
    rows = max(1, min(rows, round(tokens / length / FEWEST_STEPS)))
    rows = 1 << round(math.log2(rows))  # halves and quarters of it are whole micro-batches
    batch = found.set(
        "batch.tokens", known.shared(rows) * length,
        f"0.2920 C^0.3271 (DeepSeek 2024), C = {compute:.2g} FLOPs; {FEWEST_STEPS} steps at least",
    )  # fmt: skip
    found.set("optimiser.name", "muon", "for the matrices; AdamW for the rest (Jordan et al. 2024)")
    rate = min(0.3118 * compute**-0.1250, 6e-3)
    rate = found.set("optimiser.learning_rate", rate, "0.3118 C^-0.125 (DeepSeek 2024)")
    if found.config.optimiser.name == "muon":
        found.set("optimiser.matrix_learning_rate", rate, "the same: Liu et al. 2025 (Moonlight)")
    epochs = tokens / max(1, known.tokens)
    decay = (0.1, "Brown et al. 2020 (GPT-3)")
    if epochs > MANY_EPOCHS:
        decay = (SMALL_TEXT_DECAY, "ten times the usual: the text is repeated (Kim et al. 2025)")
    found.set("optimiser.weight_decay", *decay)
    expected = max(1, round(tokens / batch))
    if known.seconds is None:
        found.set("schedule.steps", expected, why)
    elif _most(found.config, known) <= tokens:
        found.set("schedule.steps", expected, f"{why}, or fewer, by the clock")
    else:
        # The clock ends it (`clock.py`); this is far enough behind not to.
        limit = max(1, min(10 * expected, round(_most(found.config, known) / batch)))
        found.set("schedule.steps", limit, f"the clock ends it, after about {expected:,}")
    _rhythm(found, min(expected, found.config.schedule.steps or expected), 0.05, 0.4)
    _looks(found, tokens, known)
    found.say("epochs", f"{epochs:.1f}", "of the data" + _warning(epochs))


def _tokens(config: TrainConfig, size: int, known: Measured) -> tuple[float, str]:
    """How many tokens will be seen, and why."""
    if config.schedule.steps is not None and config.batch.tokens is not None:
        return config.schedule.steps * config.batch.tokens, "as asked"
    most, epochs = _most(config, known), config.schedule.epochs
    if known.seconds is not None and known.tokens_per_second is not None:
        by_clock = max(1.0, known.seconds * known.tokens_per_second)
        if by_clock < most:
            return by_clock, "the clock"
        return most, f"{epochs or SMALL_TEXT_EPOCHS:g} epochs"
    if epochs is not None:
        return most, f"{epochs:g} epochs"
    wanted = TOKENS_PER_PARAMETER * size
    if wanted > MOST_EPOCHS * known.tokens:
        why = (
            f"{MOST_EPOCHS:g} epochs: more repeats teach next to nothing (Muennighoff et al. 2023)"
        )
        return MOST_EPOCHS * known.tokens, why
    return wanted, f"{TOKENS_PER_PARAMETER} tokens per parameter (Hoffmann et al. 2022)"


def _most(config: TrainConfig, known: Measured) -> float:
    """Tokens after which a run by the clock stops before the clock does."""
    return (config.schedule.epochs or SMALL_TEXT_EPOCHS) * max(1, known.tokens)


def _warning(epochs: float) -> str:
    if epochs <= MANY_EPOCHS:
        return "; up to 4, repeats are as good as new text (Muennighoff et al. 2023)"
    return "; beyond 4, more text helps more than more time (Muennighoff et al. 2023)"


def finetuning(found: Derivation, model: ModelConfig, known: Measured) -> None:
    """Batch, rates and steps for a model that exists."""
    config = found.config
    if config.run.method in ("sft", "distill"):
        per_epoch = _token_batches(found, known)
    else:
        each = 8 if config.run.method == "grpo" else 16
        each = min(each, max(1, known.examples))
        each = found.set("batch.tokens", known.shared(each), "examples per step")
        per_epoch = max(1, math.ceil(known.examples / each))
    _rates(found, model)
    imitates = config.run.method in ("sft", "distill")
    epochs = config.schedule.epochs or (TUNING_EPOCHS if imitates else 1.0)
    steps = max(1, round(epochs * per_epoch))
    why = f"{epochs:g} epochs of {per_epoch:,} steps"
    if known.seconds is not None:
        why += ", or fewer, by the clock"
    steps = found.set("schedule.steps", steps, why)
    expected = steps
    batch = found.config.batch.tokens or 1
    if known.seconds is not None and known.tokens_per_second is not None:
        by_clock = max(1, round(known.seconds * known.tokens_per_second / batch))
        if by_clock < steps:
            found.say("steps by the clock", f"about {by_clock:,}", "from the speed measured now")
            expected = by_clock
    _rhythm(found, expected, 0.05, 0.3)
    if config.run.method in ("sft", "distill"):
        _looks(found, steps * batch, known)


def _token_batches(found: Derivation, known: Measured) -> int:
    """Tokens per step: a hundred steps an epoch, three hundred in the time there is.  Returns the
    steps of an epoch."""
    longest, asked = found.config.data.length or 1, found.config.batch.examples
    shortest = 64 if asked else 256
    length = min(longest, max(shortest, 64 * math.ceil(known.longest / 64)))
    length = found.set("batch.length", length, "the longest chat fits, and short rows are quick")
    tokens, why = known.tokens / 100, "about a hundred steps an epoch"
    if asked:
        rows = max(1, round(asked * known.tokens / max(1, known.examples) / length))
        why = f"{asked:,} chats of {known.tokens / max(1, known.examples):,.0f} tokens, about"
        return _steps(found, known, known.shared(rows) * length, why)
    if known.seconds is not None and known.tokens_per_second is not None:
        by_clock = max(0.0, known.seconds) * known.tokens_per_second / 300
        if by_clock < tokens:
            tokens, why = by_clock, "about three hundred steps in the time there is"
    rows = 1 << round(math.log2(max(1, min(tokens, 16_384) / length)))
    return _steps(found, known, known.shared(rows) * length, why)


def _steps(found: Derivation, known: Measured, tokens: int, why: str) -> int:
    """Of an epoch, by the tokens of a step."""
    batch: int = found.set("batch.tokens", tokens, why)
    return max(1, math.ceil(known.tokens / batch))


def _rates(found: Derivation, model: ModelConfig) -> None:
    method, lora = found.config.run.method, found.config.lora is not None
    base = 5e-5 * (2000 / model.width) ** 0.781
    why = "5e-5 (2000 / width)^0.781"
    if lora:
        base, why = 10 * base, f"10 × {why}"
    why += " (Schulman et al. 2025, LoRA Without Regret)"
    if method in ("dpo", "kto"):  # measured: at five times that, perplexity on other text suffers
        base, why = base / 50, f"a fiftieth of what imitation takes, {why}"
    elif method == "grpo":
        base, why = base / 10, f"a tenth of what imitation takes, {why}"
    found.set("optimiser.name", "adamw", "the usual for tuning")
    times = found.config.optimiser.multiplier or 1.0
    why += f", {times:g} times that as asked" if times != 1 else ""
    found.set("optimiser.learning_rate", min(base, 2e-3) * times, why)
    found.set("optimiser.weight_decay", 0.0, "a short tuning needs none")


def _looks(found: Derivation, learned: float, known: Measured) -> None:
    """How much of the held-out data a look sees: ten looks, at a third of what learning costs."""
    most, why = max(8192.0, learned / 50), "a look costs less than a hundredth of the run"
    if known.seconds is not None and known.tokens_per_second is not None:
        most = min(most, 0.03 * max(0.0, known.seconds) * known.tokens_per_second)
        why = "a look costs a hundredth of the time"
    found.set("validate.tokens", max(256, round(most)), why)


def _rhythm(found: Derivation, steps: int, warm: float, fall: float) -> None:
    """Warm-up, decay, and how often to look: shares of the steps that are expected."""
    found.set(
        "schedule.warmup", min(max(1, round(warm * steps)), 2000) if steps > 1 else 0,
        f"{warm:.0%} of the steps",
    )  # fmt: skip
    if found.config.schedule.name == "wsd":
        planned = found.config.schedule.steps or steps
        found.set(
            "schedule.decay", max(1, round(fall * planned)),
            f"the last {fall:.0%} of the steps (Hägele et al. 2024)",
        )  # fmt: skip
    every = max(1, math.ceil(steps / 10))
    found.set("validate.every", every, "ten looks at held-out data")
    found.set("checkpoint.every", every, "with each look")
