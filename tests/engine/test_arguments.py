"""The law of function calling: whatever the tokens, arguments that end parse and validate.

Tokens are drawn at random from what the real mask allows, which is worse than any model.
"""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.engine.call_grammar import arguments_schema, call_grammar
from fireside.engine.guidance import Guide
from fireside.engine.params import Constraint
from fireside.tokenizer.call_parser import Arguments, CallEnded, CallParser, CallStarted
from fireside.tokenizer.call_syntax import HERMES, LLAMA, MISTRAL, MISTRAL_ARGS, Function

from .letters import EOS, Letters

LETTERS = Letters()
GUIDE = Guide(LETTERS, LETTERS.vocab_size)
SYNTAXES = {"hermes": HERMES, "llama": LLAMA, "mistral": MISTRAL, "args": MISTRAL_ARGS}
CLOSING = [ord(character) for character in '"}]0'] + [EOS]

leaves = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(lambda n: {"type": "string", "maxLength": n}, st.integers(0, 6)),
    st.builds(lambda n: {"type": "integer", "minimum": n, "maximum": n + 90}, st.integers(-50, 50)),
    st.builds(
        lambda values: {"enum": values},
        st.lists(st.text(max_size=3) | st.integers(-9, 9) | st.none(), min_size=1, max_size=3),
    ),
    st.builds(lambda value: {"const": value}, st.text(max_size=4)),
    st.just({"type": "string", "pattern": "^[a-c]{1,3}-[0-9]{2}$"}),
    st.just({"type": "string", "format": "date"}),
    st.just({"type": "number", "minimum": 0, "maximum": 1}),
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    @st.composite
    def drawn(draw: st.DrawFn) -> dict[str, Any]:
        members = draw(st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3))
        required = draw(st.lists(st.sampled_from(sorted(members)), unique=True)) if members else []
        closed = draw(st.booleans())
        made = {"type": "object", "properties": members, "required": required}
        return made | ({"additionalProperties": False} if closed else {})

    return drawn()


schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        objects(inner),
        st.builds(lambda i: {"type": "array", "items": i, "maxItems": 2}, inner),
        st.builds(lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=5,
)


def drawn_answer(grammar: str, seed: int, tokens: int = 400) -> tuple[str, bool]:
    """Text of tokens drawn at random from the mask, and whether it came to its end."""
    matcher = GUIDE._compile(Constraint(kind="lark", value=grammar), GUIDE._ready_tokenizer())
    numbers = random.Random(seed)
    ids: list[int] = []
    while len(ids) < tokens and not matcher.complete:
        (mask,) = matcher.masks((), tokens)
        allowed = np.flatnonzero(mask).tolist()
        assert allowed, "the mask leaves nothing to draw"
        # Most tokens of a random text would only make it longer.
        closing = [token for token in CLOSING if mask[token]]
        plain = [token for token in allowed if token < 128] or allowed
        token = numbers.choice(closing if closing and numbers.random() < 0.5 else plain)
        if token == EOS:
            break
        ids.append(token)
        matcher.advance(token)
    else:
        return _text(ids), matcher.complete
    return _text(ids), True


def _text(ids: list[int]) -> str:
    return b"".join(map(LETTERS.token_bytes, ids)).decode("utf-8", "replace")


@pytest.mark.parametrize("name", SYNTAXES)
@settings(max_examples=40)
@given(parameters=objects(schemas), seed=st.integers(0, 2**32), required=st.booleans())
def test_arguments_always_parse_and_validate(
    name: str, parameters: dict[str, Any], seed: int, required: bool
) -> None:
    functions = [Function(name="f", parameters=parameters), Function(name="none")]
    grammar = call_grammar(
        functions, SYNTAXES[name], controls={}, ends=[], required=required, parallel=True
    )
    text, ended = drawn_answer(grammar, seed)
    parser = CallParser(SYNTAXES[name])
    names: list[str] = []
    arguments: list[str] = []
    whole = 0
    for event in [*parser.feed(text), *parser.finish()]:
        match event:
            case CallStarted():
                names.append(event.name)
                arguments.append("")
            case Arguments():
                arguments[event.index] += event.text
            case CallEnded():
                whole += 1
    if required and ended:
        assert whole >= 1
    assert parser.unfinished == (whole < len(arguments))
    for called, said in list(zip(names, arguments, strict=True))[:whole]:
        value = json.loads(said)
        schema = parameters if called == "f" else {"maxProperties": 0}
        jsonschema_rs.validate(schema, value)


def test_a_schema_is_closed_only_where_that_says_nothing_new() -> None:
    opened = {"type": "object", "properties": {"a": {}}}
    assert arguments_schema(opened)["additionalProperties"] is False
    assert arguments_schema(None) == {
        "type": "object", "properties": {}, "additionalProperties": False
    }  # fmt: skip
    for more in (
        {"additionalProperties": True},
        {"patternProperties": {"^a": {}}},
        {"required": ["b"]},
        {"allOf": [{"properties": {"b": {}}}]},
        {"$ref": "#/$defs/x"},
    ):
        assert "additionalProperties" not in arguments_schema(opened | more) or more.get(
            "additionalProperties"
        )
    assert "additionalProperties" not in arguments_schema({"type": "object"})
