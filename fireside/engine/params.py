"""What a caller may ask of one generation: `SamplingParams` and `Constraint`.

The engine's own vocabulary, not OpenAI's: the server translates.  Nothing is clipped or ignored:
a value out of range is a BadRequest that names the parameter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fireside.errors import BadRequest, ContextOverflow

MAX_CANDIDATES = 128
"""Of `n` and `best_of`: each candidate holds a slot and KV blocks of its own."""
MAX_LOGPROBS = 100
DRY_BREAKERS = ("\n", ":", '"', "*")
"""llama.cpp's."""

ConstraintKind = Literal["json_schema", "regex", "choice", "lark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """What the answer's text must match, whole.

    Args:
        kind: how to read `value`.
        value: a JSON schema (mapping, or `True` for any JSON), a regular expression (Rust syntax),
            the list of allowed answers, or a Lark grammar as llguidance reads it.
        tame: who made it knows that it compiles quickly.
    """

    kind: ConstraintKind
    value: Mapping[str, Any] | bool | str | tuple[str, ...]
    tame: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How to choose tokens, and when to stop.

    The order is that of transformers: logit bias, repetition, presence and frequency penalty, DRY,
    `min_tokens` and the constraint's mask, temperature, top-k, top-p, min-p, typical.

    Args:
        temperature: 0 is greedy: the most likely token, the lowest id among equals.
        top_k, top_p, min_p, typical_p: 0, 1, 0, 1 switch them off.
        repetition_penalty: over prompt and answer, as in CTRL (arXiv:1909.05858).
        repeat_last_n: the last tokens of both that it looks at; -1 is all.
        dry_multiplier: 0 switches DRY off.  dry_base, dry_allowed_length, dry_penalty_last_n: as
            `dry.py` takes them.
        dry_sequence_breakers: texts that end a repeated stretch; a token that holds one does.
            `text.py` finds those tokens: `dry_breaker_ids`.
        presence_penalty, frequency_penalty: over the answer only, as OpenAI defines them.
        logit_bias: added to the logits of these ids.
        seed: the same seed gives the same answer, whatever else runs; None draws one.
        min_tokens: until then the stop ids are masked.
        max_tokens: None runs to the end of the window.
        stop_ids: ids that end the answer, beside the model's own.
        stop: strings that end the answer; `text.py` watches for them.
        ignore_eos: the model's own end-of-answer ids do not end it.
        n: answers wanted.  best_of: candidates run, of which the `n` of the highest mean
            log-probability are kept (`text.py` ranks; the engine runs all of them).
        logprobs: alternatives per token, 0 for the chosen token's alone; None for none at all.
        prompt_logprobs: likewise of the prompt's tokens.
        prompt_logprobs_from: the first token whose log-probability is wanted; what stands before
            it costs no logits, and may come from the prefix cache.
        constraint: what the answer must match.
        shown_ids: control tokens that stand in the answer's text by their names: a call's marks.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    repeat_last_n: int = -1
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = -1
    dry_sequence_breakers: tuple[str, ...] = DRY_BREAKERS
    dry_breaker_ids: frozenset[int] = frozenset()
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    seed: int | None = None
    min_tokens: int = 0
    max_tokens: int | None = None
    stop_ids: frozenset[int] = frozenset()
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False
    n: int = 1
    best_of: int | None = None
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    prompt_logprobs_from: int = 0
    constraint: Constraint | None = None
    shown_ids: frozenset[int] = frozenset()

    @property
    def candidates(self) -> int:
        """How many sequences run for this request."""
        return self.n if self.best_of is None else self.best_of

    def limit(self, prompt_length: int, window: int) -> int:
        """The length, prompt and answer together, at which the answer must end.

        Raises ContextOverflow if the window is too small for both.
        """
        answer = 1 if self.max_tokens is None else self.max_tokens
        if prompt_length + answer > window:
            raise ContextOverflow(
                f"The prompt's {prompt_length} tokens and {answer} of answer exceed the window of "
                f"{window}: shorten the prompt or lower max_tokens.",
                param="prompt" if prompt_length >= window else "max_tokens",
            )
        return window if self.max_tokens is None else prompt_length + answer

    def validate(self, vocab_size: int) -> None:
        """Raises BadRequest, naming the parameter, unless every value is in its range."""
        for name, low, high in (
            ("temperature", 0.0, 100.0),
            ("top_p", 0.0, 1.0),
            ("min_p", 0.0, 1.0),
            ("typical_p", 0.0, 1.0),
            ("repetition_penalty", 0.0, 100.0),
            ("repeat_last_n", -1, math.inf),
            ("dry_multiplier", 0.0, 100.0),
            ("dry_base", 1.0, 100.0),
            ("dry_allowed_length", 1, math.inf),
            ("dry_penalty_last_n", -1, math.inf),
            ("presence_penalty", -100.0, 100.0),
            ("frequency_penalty", -100.0, 100.0),
            ("top_k", 0, math.inf),
            ("min_tokens", 0, math.inf),
            ("max_tokens", 1, math.inf),
            ("n", 1, MAX_CANDIDATES),
            ("best_of", self.n, MAX_CANDIDATES),
            ("logprobs", 0, min(MAX_LOGPROBS, vocab_size)),
            ("prompt_logprobs", 0, min(MAX_LOGPROBS, vocab_size)),
            ("prompt_logprobs_from", 0, math.inf),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                bound = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
                raise BadRequest(f"{name} must be {bound}, not {value!r}.", param=name)
        for name in ("top_p", "typical_p", "repetition_penalty"):
            if getattr(self, name) == 0:
                raise BadRequest(f"{name} must be more than 0.", param=name)
        if self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise BadRequest("min_tokens must not be more than max_tokens.", param="min_tokens")
        for token_id, bias in self.logit_bias.items():
            if not 0 <= token_id < vocab_size or not math.isfinite(bias):
                raise BadRequest(
                    f"logit_bias: {token_id}: {bias} is not a token id below {vocab_size} with a "
                    "finite bias.",
                    param="logit_bias",
                )
        if any(not 0 <= token_id < vocab_size for token_id in self.stop_ids):
            raise BadRequest(f"stop_ids must be from 0 to {vocab_size - 1}.", param="stop_ids")
        if "" in self.stop:
            raise BadRequest("stop must not hold an empty string.", param="stop")
