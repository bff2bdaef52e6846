"""A request's parameters, turned into the engine's.

The API keeps OpenAI's defaults: what a model's authors recommend is for the chat surfaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from fireside.engine.params import Constraint, SamplingParams
from fireside.errors import BadRequest, ContextOverflow
from fireside.server.chat_wire import ChatCompletionRequest
from fireside.server.wire import CompletionRequest, Sampling

ANY_OBJECT: Mapping[str, object] = {"type": "object"}
SMALLEST_TOP_P = 1e-6  # OpenAI takes 0, which is the most likely token alone; so is this


def chat_params(call: ChatCompletionRequest) -> SamplingParams:
    return _params(
        call,
        max_tokens=call.limit,
        logprobs=call.top_logprobs if call.logprobs else None,
        constraint=None,  # tools.py joins it with the grammar of calls
    )


def completion_params(call: CompletionRequest) -> SamplingParams:
    return _params(
        call,
        max_tokens=max(call.max_tokens, 1),  # 0 scores the prompt: see completions.py
        best_of=call.best_of,
        logprobs=call.logprobs,
        prompt_logprobs=call.logprobs if call.echo else None,
        constraint=_structured(call),
    )


def _params(
    call: Sampling,
    *,
    max_tokens: int | None,
    logprobs: int | None,
    constraint: Constraint | None,
    best_of: int | None = None,
    prompt_logprobs: int | None = None,
) -> SamplingParams:
    return SamplingParams(
        temperature=call.temperature,
        top_k=max(call.top_k, 0),
        top_p=max(call.top_p, SMALLEST_TOP_P),
        min_p=call.min_p,
        typical_p=call.typical_p,
        repetition_penalty=call.repetition_penalty,
        repeat_last_n=call.repeat_last_n,
        dry_multiplier=call.dry_multiplier,
        dry_base=call.dry_base,
        dry_allowed_length=call.dry_allowed_length,
        dry_penalty_last_n=call.dry_penalty_last_n,
        dry_sequence_breakers=tuple(call.dry_sequence_breakers),
        presence_penalty=call.presence_penalty,
        frequency_penalty=call.frequency_penalty,
        logit_bias=_bias(call.logit_bias),
        seed=call.seed,
        min_tokens=call.min_tokens,
        max_tokens=max_tokens,
        stop_ids=frozenset(call.stop_token_ids),
        stop=call.stops,
        ignore_eos=call.ignore_eos,
        n=call.n,
        best_of=best_of,
        logprobs=logprobs,
        prompt_logprobs=prompt_logprobs,
        constraint=constraint,
    )


def _bias(given: Mapping[str, float]) -> dict[int, float]:
    bias = {}
    for key, value in given.items():
        if not (key.isascii() and key.isdigit() and len(key) < 10):
            raise BadRequest(
                f"logit_bias: {key[:40]!r} is not a token id, a whole number as a string.",
                param="logit_bias",
            )
        bias[int(key)] = value
    return bias


def _structured(call: Sampling) -> Constraint | None:
    wanted = call.structured_outputs
    if wanted is None:
        return None
    if wanted.json_ is not None:
        return Constraint(kind="json_schema", value=wanted.json_)
    if wanted.regex is not None:
        return Constraint(kind="regex", value=wanted.regex)
    if wanted.choice is not None:
        return Constraint(kind="choice", value=tuple(wanted.choice))
    assert wanted.grammar is not None  # wire.py: exactly one is there
    return Constraint(kind="lark", value=wanted.grammar)


def chat_constraint(call: ChatCompletionRequest) -> Constraint | None:
    """What an answer must match that is text."""
    structured = _structured(call)
    shape = call.response_format
    if shape is None or shape.type == "text":
        return structured
    if structured is not None:
        raise BadRequest(
            "response_format and structured_outputs both say how the answer must look; send one.",
            param="structured_outputs",
        )
    schema = ANY_OBJECT if shape.json_schema is None else shape.json_schema.schema_
    return Constraint(kind="json_schema", value=schema)


def check_ids(ids: Iterable[int], vocab_size: int, *, param: str) -> None:
    """Raises BadRequest for the first id that this model has not."""
    for each in ids:
        if each >= vocab_size:
            raise BadRequest(
                f"{param} holds the token id {each}; this model's ids end at {vocab_size - 1}.",
                param=param,
            )


@contextmanager
def in_callers_words(call: Sampling) -> Iterator[None]:
    """What the engine complains of, under the name that the caller gave it."""
    try:
        yield
    except BadRequest as error:
        if error.param == "constraint":
            error.param = call.constrained_by
        raise


def check_fits(prompt_tokens: int, max_tokens: int | None, context: int, *, param: str) -> None:
    """Refuse what cannot be answered whole, rather than cut prompt or answer in silence.

    Raises:
        ContextOverflow: with both counts.
    """
    wanted = 1 if max_tokens is None else max_tokens
    if prompt_tokens + wanted <= context:
        return
    if prompt_tokens >= context:
        advice = "Shorten the prompt."
    else:
        advice = f"Shorten the prompt or ask for at most {context - prompt_tokens}."
    raise ContextOverflow(
        f"This model's context is {context} tokens, but {prompt_tokens + wanted} are needed: "
        f"{prompt_tokens} for the prompt and {wanted} for the answer. {advice}",
        param=param,
    )
