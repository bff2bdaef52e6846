"""The dial: from --depth or --minutes to every other number, each with the rule it comes from.

Pretraining:  depth -> width, heads, MLP, row length -> vocabulary   (`sizes.py`, before the data)
              compute -> tokens, batch, rates, steps                 (`pretraining`, after it)
Fine-tuning:  the model's width and the data -> batch, rates, steps  (`finetuning`)

What a config sets is left as it is.  Every number that is derived is said with its reason, in
`Derivation.lines`.  Pure arithmetic: it refuses to measure (`calibrate.py`) and to open files.
"""

from __future__ import annotations

import math
from typing import Final

from fireside.model.architecture import ModelConfig
from fireside.training.config import TrainConfig
from fireside.training.derivation import Derivation, Measured
from fireside.training.memory import parameters
from fireside.training.sizes import SMALL_TEXT_EPOCHS, TOKENS_PER_PARAMETER

MOST_EPOCHS: Final = 16.0  # Muennighoff et al. 2023: after it, repeated data teach next to nothing
MANY_EPOCHS: Final = 4.0  # the same: up to these, repeats are as good as new text
SMALL_TEXT_DECAY: Final = 1.0  # of a text that is repeated more often (docs/log.md)
FEWEST_STEPS: Final = 1000
TUNING_EPOCHS: Final = 3.0
DEFAULT_MINUTES: Final = 10.0


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
    shortest = 64 if asked or _is_hurried(known) else 256
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


def _is_hurried(known: Measured) -> bool:
    """Whether rows of 256 tokens would make fewer than three hundred steps in the time there is."""
    if known.seconds is None or known.tokens_per_second is None:
        return False
    return known.seconds * known.tokens_per_second < 300 * 256


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
