"""The law of structured answers: whatever the tokens, and however near the limit, all is whole.

Tokens are drawn at random from what the real mask allows, and most of all those that open more:
no model is as bad.  A schema that cannot be held so is refused before anything is drawn.
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

from fireside.engine.engine import Engine
from fireside.engine.guidance import Guide
from fireside.engine.matcher import Matcher
from fireside.engine.params import Constraint, SamplingParams
from fireside.engine.schemas import names_of, prepare
from fireside.errors import BadSchema

from .hash_runner import HashRunner
from .letters import EOS, Letters
from .test_arguments import schemas

LETTERS = Letters()
GUIDE = Guide(LETTERS, LETTERS.vocab_size)
OPENING = [ord(character) for character in ',{["']
NODE = {
    "type": "object",
    "required": ["v", "next"],
    "properties": {
        "v": {"type": "integer"},
        "next": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]},
    },
}
ENDLESS = {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "required": ["n"]}
SCORE = {
    "type": "object",
    "properties": {"score": {"type": "integer"}},
    "required": ["score"],
    "additionalProperties": False,
    "patternProperties": {"^score$": {"type": "integer"}},
}


def of(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members)}


HELD: dict[str, Any] = {
    "score": SCORE,
    "required by a pattern": SCORE
    | {"required": ["score", "b"], "patternProperties": {"^[bc]$": {"const": 1}}},
    "patterns alone": {
        "type": "object",
        "patternProperties": {"^(x|y)z?$": {"type": "boolean"}},
        "additionalProperties": False,
    },
    "a pattern beside others": {
        "allOf": [of(a={"type": "null"}), {"patternProperties": {"^[ab]$": {"type": "null"}}}],
    },
    "a pattern in a branch": {
        "type": "object",
        "anyOf": [
            {"patternProperties": {"^a$": {"type": "null"}}, "additionalProperties": False},
            {"properties": {"c": {"const": 1}}, "required": ["c"]},
        ],
    },
    "an open pattern": {
        "type": "object",
        "patternProperties": {"^z": {"type": "null"}},
        "additionalProperties": False,
    },
    "enum of prefixes": of(a={"enum": ["a", "ab", "abc", "a" * 60]}),
    "const": {"const": {"a": [1, "x", None]}},
    "lengths": of(a={"type": "string", "minLength": 3, "maxLength": 9}),
    "a pattern of bounded length": of(a={"type": "string", "pattern": "^a+b$", "maxLength": 9}),
    "bounds": of(a={"type": "number", "minimum": -1.5, "maximum": 2}),
    "open bounds": of(a={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
    "a multiple": of(a={"type": "integer", "multipleOf": 7, "minimum": 1}),
    "cents": of(a={"type": "number", "multipleOf": 0.25, "minimum": 0, "maximum": 9}),
    "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 9},
    "endless items": {"type": "array", "items": {"type": "string"}},
    "a tuple": {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"type": "null"}],
        "minItems": 2,
        "items": False,
    },
    "a node by its name": {
        "$defs": {
            "n": {
                "$anchor": "n",
                "type": "object",
                "required": ["v"],
                "properties": {"v": {"type": "null"}, "next": {"$ref": "#n"}},
            }
        },
        "type": "object",
        "properties": {"first": {"$ref": "#n"}},
        "required": ["first"],
    },
    "a list of nodes": {"$defs": {"n": NODE}, "$ref": "#/$defs/n"},
    "optional without end": {
        "$defs": {"n": ENDLESS},
        "type": "object",
        "properties": {"a": {"type": "null"}, "n": {"$ref": "#/$defs/n"}},
    },
    "any of": {"anyOf": [of(a={"type": "null"}), of(b={"type": "boolean"}), {"type": "string"}]},
    "all of": {"allOf": [of(a={"type": "integer"}), of(b={"type": "integer"})]},
    "nullable": of(
        a={"type": ["string", "null"]}, b={"anyOf": [{"type": "null"}, {"type": "integer"}]}
    ),
    "a time": of(a={"type": "string", "format": "date-time"}),
    "a uuid": of(b={"type": "string", "format": "uuid"}),
    "an email": of(a={"type": "string", "format": "email"}),
    "an empty object": {"type": "object", "properties": {}, "additionalProperties": False},
    "no properties": of(a={"type": "object", "properties": {}}),
    "unicode": of(**{"naïve ключ 钥": {"type": "boolean"}, 'quo"te\\': {"type": "null"}}),
    "members": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    "at most": {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
    "anything": {},
    "any object": {"type": "object"},
    "a number": {"type": "number"},
    "a string": {"type": "string"},
    "an impossible branch": {
        "anyOf": [{"type": "string", "minLength": 5, "maxLength": 2}, {"type": "null"}]
    },
    "white space": {"type": "object", "x-guidance": {"whitespace_pattern": "[ ]+"}},
    "deep": of(
        a=of(b=of(c=of(d={"type": "array", "items": of(e={"type": "string"}), "minItems": 1})))
    ),
}
REFUSED: dict[str, Any] = {
    "unlike items": {
        "type": "array",
        "items": {"enum": [1, 2]},
        "minItems": 3,
        "uniqueItems": True,
    },
    "names": {"type": "object", "propertyNames": {"pattern": "^a"}},
    "not": {"not": {"type": "string"}},
    "one of two that meet": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
    "contains": {"type": "array", "contains": {"const": 1}},
    "if": {"if": {"type": "string"}, "then": {"minLength": 3}},
    "dependencies": {"type": "object", "dependentRequired": {"a": ["b"]}},
    "lengths": of(a={"type": "string", "minLength": 5, "maxLength": 2}),
    "bounds": of(a={"type": "integer", "minimum": 5, "maximum": 4}),
    "a pattern too long": of(a={"type": "string", "pattern": "^a{5}$", "maxLength": 3}),
    "no such member": {
        "type": "object",
        "properties": {},
        "required": ["x"],
        "additionalProperties": False,
    },
    "without end": {"$defs": {"n": ENDLESS}, "$ref": "#/$defs/n"},
    "without end in a list": {
        "$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 1}},
        "$ref": "#/$defs/n",
    },
    "without end in members": {
        "$defs": {
            "n": {
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/n"},
                "minProperties": 1,
            }
        },
        "$ref": "#/$defs/n",
    },
    "without end in a tuple": {
        "$defs": {"n": {"type": "array", "prefixItems": [{"$ref": "#/$defs/n"}], "minItems": 1}},
        "$ref": "#/$defs/n",
    },
    "an unknown format": {"type": "string", "format": "weird"},
    "nothing": False,
}


def compiled(schema: Any) -> Matcher:
    constraint = Constraint(kind="json_schema", value=schema)
    return GUIDE._compile(constraint, GUIDE._ready_tokenizer())


def drawn(matcher: Matcher, seed: int, limit: int) -> tuple[str, bool]:
    """Text of at most `limit` tokens, and whether it ended before the limit cut it."""
    numbers = random.Random(seed)
    text = b""
    for count in range(limit):
        if matcher.complete:
            return text.decode(errors="replace"), True
        (mask,) = matcher.masks((), limit - count)
        allowed = np.flatnonzero(mask).tolist()
        assert allowed, f"a dead end after {text!r}"
        opening = [token for token in OPENING if mask[token]]
        token = numbers.choice(opening if opening and numbers.random() < 0.5 else allowed)
        matcher.advance(token)
        if token == EOS:
            return text.decode(errors="replace"), True
        text += LETTERS.token_bytes(token)
    return text.decode(errors="replace"), matcher.complete


def hold(schema: Any, limits: tuple[int, ...], seeds: int) -> None:
    matcher = compiled(schema)
    least = matcher._reach + 1
    right = jsonschema_rs.validator_for(schema)
    for seed in range(seeds):
        for limit in (least, *limits):
            if limit < least:
                continue
            text, ended = drawn(matcher.branch(), seed, limit)
            assert ended, (limit, text)
            value = json.loads(text)
            assert "E" in text.upper() or right.is_valid(value), text  # 1e999 is inf in Python


@pytest.mark.parametrize("name", HELD)
def test_what_is_held_ends_whole(name: str) -> None:
    hold(HELD[name], (25, 90), 3)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_held_is_refused(name: str) -> None:
    with pytest.raises(BadSchema):
        compiled(REFUSED[name])


@settings(max_examples=60, deadline=None)
@given(schemas, st.integers(0, 60))
def test_any_schema_ends_whole(schema: dict[str, Any], more: int) -> None:
    hold(schema, (compiled(schema)._reach + 1 + more,), 1)


def test_white_space_is_bounded() -> None:
    matcher = compiled(HELD["white space"])
    text = b""
    for _ in range(5):
        (mask,) = matcher.masks((), 1000)
        if not mask[ord(" ")]:
            break
        matcher.advance(ord(" "))
        text += b" "
    assert text == b""


def test_the_limit_is_said() -> None:
    """The engine itself, with a model that would never end: whole, and cut by name."""
    runner = HashRunner(vocab_size=LETTERS.vocab_size, context=400, num_blocks=400)
    engine = Engine(runner, eos_ids=LETTERS.eos_ids, guide=GUIDE)
    schema = of(story={"type": "string"}, tags={"type": "array", "items": {"type": "string"}})
    asked = [
        engine.submit(
            [1, 2],
            SamplingParams(
                seed=seed,
                n=2,
                max_tokens=limit,
                constraint=Constraint(kind="json_schema", value=schema),
            ),
        )
        for seed, limit in enumerate((40, 60, 120))
    ]
    while engine.step() or engine.stats().waiting:
        pass
    right = jsonschema_rs.validator_for(schema)
    for request in asked:
        ids: list[list[int]] = [[], []]
        for step in request:
            ids[step.index] += step.token_ids
            assert step.finish_reason in (None, "length", "stop")
        for some in ids:
            text = b"".join(map(LETTERS.token_bytes, some)).removesuffix(b"<eos>")
            assert right.is_valid(json.loads(text.decode(errors="replace"))), text


def test_closed_like_a_tools() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "null"}}}
    schema = {"type": "object", "properties": {"a": inner, "c": {"type": "array", "items": inner}}}
    made = prepare(schema)
    assert made["additionalProperties"] is False
    assert made["properties"]["a"]["additionalProperties"] is False
    assert made["properties"]["c"]["items"]["additionalProperties"] is False
    open_ = {**schema, "additionalProperties": True}
    assert prepare(open_)["additionalProperties"] is True
    assert "additionalProperties" not in inner, "the caller's own is as it was"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("^score$", ["score"]),
        ("^(a|b)$", ["a", "b"]),
        ("^x[0-2]?$", ["x", "x0", "x1", "x2"]),
        ("^[ab]{2}$", ["aa", "ab", "ba", "bb"]),
        ("^$", [""]),
        ("score", None),
        ("^a+$", None),
        ("^.$", None),
        ("^[a-z]{3}$", None),
        ("^a|b$", None),
        ("^a{1000000}$", None),
        ("(" * 500, None),
    ],
)
def test_names_of_a_pattern(pattern: str, names: list[str] | None) -> None:
    assert names_of(pattern) == names


def test_a_place_that_is_named_and_never_ends_is_refused() -> None:
    with pytest.raises(BadSchema, match="no finite text"):
        prepare({"$anchor": "me", "type": "object", "required": ["a"],
                 "properties": {"a": {"$ref": "#me"}}})  # fmt: skip
